/* SPDX-License-Identifier: Apache-2.0 */
/* worker: see worker.h. */
#include "engine/runtime/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/runtime/thread.h"

struct worker {
    struct waker waker;
    struct worker_options options;
    char name[THREAD_NAME_BYTES];
    pthread_t thread;
    bool started, joined;
    _Atomic bool stopping; /* set by worker_stop (release), read by the loop (acquire); the wake-up that follows makes it look */
};

static _Thread_local const struct worker *current; /* the worker whose loop this thread runs */

struct worker *worker_create(const struct worker_options *options, struct fault *fault) {
    struct worker *worker = malloc(sizeof(*worker));
    if (!worker) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for a worker");
        return NULL;
    }
    *worker = (struct worker){.options = *options};
    snprintf(worker->name, sizeof(worker->name), "%s", options->name);
    if (!waker_init(&worker->waker, fault)) {
        free(worker);
        return NULL;
    }
    return worker;
}

static void worker_sleep(struct worker *worker, int32_t wait_ms) {
    struct pollfd event = {.fd = worker->waker.event_fd, .events = POLLIN};
    int ready = poll(&event, 1, wait_ms < 0 ? -1 : wait_ms);
    invariant(ready >= 0 || errno == EINTR);
    if (ready == 1) {
        uint64_t count;
        ssize_t got = read(worker->waker.event_fd, &count, sizeof(count)); /* nobody else reads it: does not block */
        invariant(got == sizeof(count));
    }
}

static void *worker_run(void *context) {
    struct worker *worker = context;
    current = worker;
    for (;;) {
        bool stopping = atomic_load_explicit(&worker->stopping, memory_order_acquire); /* pairs with worker_stop */
        size_t posted = waker_drain(&worker->waker);
        int32_t wait_ms = worker->options.turn ? worker->options.turn(worker->options.context, posted) : -1;
        if (stopping && posted == 0) break;
        if (!stopping && wait_ms != 0 && waker_may_sleep(&worker->waker)) {
            worker_sleep(worker, wait_ms);
            waker_awake(&worker->waker);
        }
    }
    return NULL;
}

bool worker_start(struct worker *worker, struct fault *fault) {
    invariant(!worker->started);
    worker->started = thread_start(&worker->thread, worker->name, worker->options.cpu, worker_run, worker, fault);
    return worker->started;
}

struct waker *worker_waker(struct worker *worker) { return &worker->waker; }

void worker_stop(struct worker *worker) {
    atomic_store_explicit(&worker->stopping, true, memory_order_release); /* pairs with the loop's acquire */
    waker_wake(&worker->waker);
}

void worker_join(struct worker *worker) {
    if (!worker->started || worker->joined) return;
    pthread_join(worker->thread, NULL);
    worker->joined = true;
}

void worker_destroy(struct worker *worker) {
    if (!worker) return;
    worker_join(worker);
    waker_release(&worker->waker);
    free(worker);
}

bool worker_is_owner(const struct worker *worker) { return current == worker; }
