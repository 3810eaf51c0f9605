/* SPDX-License-Identifier: Apache-2.0 */
/* thread: see thread.h. */
#include "engine/runtime/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/log.h"

static void thread_pin(pthread_t thread, const char *name, int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu >= CPU_SETSIZE) return;
    CPU_SET(cpu, &set);
    int error = pthread_setaffinity_np(thread, sizeof(set), &set);
    if (error) log_warn("thread %s can't be pinned to CPU %d: %s", name, cpu, strerror(error));
}

bool thread_start(pthread_t *thread, const char *name, int cpu, void *(*run)(void *context), void *context, struct fault *fault) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread inherits its creator's mask */
    int error = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) return fault_set_os(fault, error, "no thread for %s", name);
    char text[THREAD_NAME_BYTES];
    snprintf(text, sizeof(text), "%s", name);
    pthread_setname_np(*thread, text);
    if (cpu >= 0) thread_pin(*thread, text, cpu);
    return true;
}
