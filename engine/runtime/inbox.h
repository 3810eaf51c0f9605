/* SPDX-License-Identifier: Apache-2.0 */
/* inbox: how any thread hands pointers to a thread that sleeps when there is nothing to do (a reactor or a worker). An inbox is a
 * ring_mpsc and a drain callback; it belongs to a waker, which a reactor (reactor_waker) or a worker (worker_waker) provides.
 * Wake-ups are coalesced: a post costs a system call only when the owner sleeps, and then only the first one does.
 *
 * Life: waker_init (by the reactor or worker); inbox_init before the owner starts or on the owner's thread; inbox_post from any
 * thread; inbox_release on the owner's thread, or after it ended, when nobody posts any more.
 *
 * No wake-up is lost: the owner says "sleeping" and then looks at its rings; a producer publishes and then looks at "sleeping".
 * All four are sequentially consistent, so at least one of the two sees the other. */
#ifndef LEAT_RUNTIME_INBOX_H
#define LEAT_RUNTIME_INBOX_H

#include "engine/runtime/ring_mpsc.h"

struct inbox;

struct waker {
    struct inbox *inboxes;     /* owner only: its inboxes, drained in the order of their init */
    int event_fd;              /* readable: somebody woke us */
    uint8_t apart_flags[64];   /* a cache line of their own for what producers look at */
    _Atomic uint32_t sleeping; /* 1: the owner sleeps or is about to. Stored by the owner (seq_cst), taken by the first waker that
                                * sees it (seq_cst load, then exchange); pairs with ring_mpsc_push's publication on the one side
                                * and ring_mpsc_is_empty's load on the other */
    _Atomic uint32_t asked;    /* 1: waker_wake was called (seq_cst); taken by the owner in waker_may_sleep */
    uint8_t apart_end[56];
};

struct inbox {
    struct ring_mpsc ring;
    struct waker *waker;
    void (*drain)(void *context, void **items, size_t count);
    void *context;
    struct inbox *next;
};

/* capacity: a power of two, and all that can ever be under way where `full` may not happen. drain: called on the owner's thread
 * with 1 to 64 items at a time, in order. False: no memory, nothing to release. */
bool inbox_init(struct inbox *inbox, struct waker *waker, size_t capacity,
                void (*drain)(void *context, void **items, size_t count), void *context, struct fault *fault);
void inbox_release(struct inbox *inbox); /* items left inside are forgotten */

/* Any thread. item: not NULL; the memory that it points to is handed over (release/acquire). False: full, the item stays the
 * caller's. */
bool inbox_post(struct inbox *inbox, void *item);

/* Any thread: how many items wait, about. */
static inline size_t inbox_count(struct inbox *inbox) { return ring_mpsc_count(&inbox->ring); }

/* ---- for whoever provides a waker ---- */
bool waker_init(struct waker *waker, struct fault *fault);
void waker_release(struct waker *waker);
void waker_wake(struct waker *waker);      /* any thread: the owner comes round once more, even with nothing in its inboxes */
size_t waker_drain(struct waker *waker);   /* owner: one fair pass over all inboxes; how many items were handed out */
bool waker_may_sleep(struct waker *waker); /* owner: true = nothing to do, and from now on a post wakes through event_fd */
void waker_awake(struct waker *waker);     /* owner: no longer sleeping */

#endif
