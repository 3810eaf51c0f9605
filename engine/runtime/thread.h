/* SPDX-License-Identifier: Apache-2.0 */
/* thread: how reactors and workers start a thread: named, pinned if asked, with all signals blocked (the main thread takes them).
 * */
#ifndef LEAT_RUNTIME_THREAD_H
#define LEAT_RUNTIME_THREAD_H

#include <pthread.h>

#include "engine/base/fault.h"

#define THREAD_NAME_BYTES 16 /* with its NUL: the kernel's limit */

/* name: the first 15 characters count; cpu: -1 = any. A pinning that fails is only logged. False: no thread, fault says why. */
bool thread_start(pthread_t *thread, const char *name, int cpu, void *(*run)(void *context), void *context, struct fault *fault);

#endif
