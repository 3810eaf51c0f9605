/* SPDX-License-Identifier: Apache-2.0 */
/* worker: a plain thread with inboxes, for work that blocks (RocksDB, dcmdata, files). It drains its inboxes, calls `turn`, and
 * sleeps until somebody posts or until `turn` wants to be called again.
 * Life: worker_create, inbox_init on worker_waker(worker), worker_start, worker_stop (any thread), worker_destroy (joins). */
#ifndef LEAT_RUNTIME_WORKER_H
#define LEAT_RUNTIME_WORKER_H

#include "engine/runtime/inbox.h"

struct worker;

struct worker_options {
    const char *name; /* of the thread, <= 15 characters; copied */
    int cpu;          /* pin to this one (see placement.h), or -1 */
    /* After each pass over the inboxes (on the worker's thread, may block): returns the milliseconds after which it wants to be
     * called again even if nobody posts, 0 = at once, -1 = only when somebody posts. `posted`: how many items this pass handed
     * out. NULL: never. */
    int32_t (*turn)(void *context, size_t posted);
    void *context;
};

/* NULL: fault says why (no memory, no file descriptor). */
struct worker *worker_create(const struct worker_options *options, struct fault *fault);
bool worker_start(struct worker *worker, struct fault *fault);
struct waker *worker_waker(struct worker *worker);

/* Any thread. The worker empties its inboxes, calls `turn` a last time, and ends. */
void worker_stop(struct worker *worker);
/* Any other thread, after worker_stop or before worker_start: waits for the thread's end and frees. NULL is allowed. Its inboxes
 * are their owners' to release, before (when nobody posts) or after. */
void worker_destroy(struct worker *worker);
void worker_join(struct worker *worker);          /* waits for the thread's end only; may be called once or not at all */
bool worker_is_owner(const struct worker *worker); /* are we on its thread? */

#endif
