/* SPDX-License-Identifier: Apache-2.0 */
/* reactor: one thread, one io_uring, its timers and inboxes. A turn of its loop: completions, inboxes, timers, deferred tasks,
 * hooks; then everything that was prepared is submitted by the one system call that also waits.
 *
 * Life: reactor_create (any thread; the ring exists, disabled) -> inboxes and hooks may be added -> reactor_start (its own
 * thread) or reactor_run / reactor_turn (the calling thread becomes the owner: tests, small programs) -> reactor_stop ->
 * reactor_join -> reactor_destroy.
 *
 * "Owner": the thread that runs the loop, and before it starts, the one that created the reactor. */
#ifndef LEAT_RUNTIME_REACTOR_H
#define LEAT_RUNTIME_REACTOR_H

#include "engine/base/fault.h"
#include "engine/runtime/inbox.h"
#include "engine/runtime/timer.h"

struct reactor;
struct io_uring_sqe;

/* An operation of the kernel's, embedded in its user, who keeps it (and every buffer it names) until done was called for the last
 * time. result: >= 0, or -errno. flags: IORING_CQE_F_*; with REACTOR_MORE set, more calls for this operation follow. */
struct op {
    void (*done)(struct op *op, int32_t result, uint32_t flags);
};
#define REACTOR_MORE (1u << 1)            /* = IORING_CQE_F_MORE */
#define REACTOR_SOCKET_NONEMPTY (1u << 2) /* = IORING_CQE_F_SOCK_NONEMPTY: after a receive, more lies in the socket */

/* Something to do at the end of this turn, once; embedded in its user, zeroed before its first use. */
struct reactor_task {
    void (*run)(struct reactor_task *task);
    struct reactor_task *next;
    bool queued;
};

/* Something to do at the end of each turn, before the submission; embedded in its user. */
struct reactor_hook {
    void (*run)(struct reactor_hook *hook);
    struct reactor_hook *next;
};

/* Something to do on the reactor's thread, asked by any thread; embedded in its user, who gets it back when run is called. */
struct reactor_call {
    void (*run)(struct reactor_call *call);
};

struct reactor_options {
    const char *name; /* of the thread, <= 15 characters; copied */
    uint32_t index;   /* the caller's number for it, for arrays with an entry a reactor */
    uint32_t entries; /* submission queue, rounded up to a power of two; 0 = 256. Completions: 8 times that */
    int cpu;          /* pin its thread to this one (see placement.h), or -1 */
    void *context;    /* the caller's, see reactor_context */
};

/* NULL: the fault's text is a sentence for the user, which says how to allow it when io_uring is forbidden (EPERM, ENOSYS) or
 * locked memory is short (ENOMEM). */
struct reactor *reactor_create(const struct reactor_options *options, struct fault *fault);
/* After the loop ended (joined), or when it never ran. NULL is allowed. No operation may be in flight (an invariant). */
void reactor_destroy(struct reactor *reactor);

bool reactor_start(struct reactor *reactor, struct fault *fault); /* a thread of its own */
void reactor_run(struct reactor *reactor);                        /* the loop on the calling thread, until reactor_stop */
/* One turn on the calling thread, which becomes (and stays) the owner: waits up to timeout_ms (-1: for ever) for something to
 * happen. False: stopped, and nothing is in flight any more. */
bool reactor_turn(struct reactor *reactor, int64_t timeout_ms);

/* Any thread. The loop ends when its inboxes are empty and nothing is in flight: what is, gets cancelled (done is called with
 * -ECANCELED), and what is submitted after that too; so those that want an orderly end finish first and stop then. */
void reactor_stop(struct reactor *reactor);
bool reactor_is_stopping(const struct reactor *reactor); /* any thread */
void reactor_join(struct reactor *reactor);              /* another thread, after reactor_start */

/* ---- any thread ---- */
struct reactor *reactor_current(void); /* the reactor whose loop this thread runs, or NULL */
bool reactor_is_owner(const struct reactor *reactor);
uint32_t reactor_index(const struct reactor *reactor);
void *reactor_context(const struct reactor *reactor);
struct waker *reactor_waker(struct reactor *reactor);
/* Runs the call on the reactor's thread, soon. False: more than 1,024 calls wait; the call stays the caller's. */
bool reactor_post(struct reactor *reactor, struct reactor_call *call);
/* How much rests on this reactor, in associations or whatever the callers agree on: placement_least_loaded compares it. */
void reactor_add_load(struct reactor *reactor, int32_t difference);
int32_t reactor_load(const struct reactor *reactor);

/* ---- owner only ---- */
/* A submission for op, to be filled by io_uring_prep_* (a prep leaves our user data alone); never NULL: submits first when the
 * queue is full. Goes to the kernel at the end of this turn. io.h has a verb for each operation we use, so that only
 * engine/runtime includes liburing.h. */
struct io_uring_sqe *reactor_sqe(struct reactor *reactor, struct op *op);
void reactor_submit(struct reactor *reactor);            /* now, not at the end of the turn */
uint32_t reactor_in_flight(const struct reactor *reactor); /* operations whose last done is still to come */
uint64_t reactor_now_ns(const struct reactor *reactor);  /* monotonic, read once a turn after waiting */
static inline uint64_t reactor_now_ms(const struct reactor *reactor) { return reactor_now_ns(reactor) / 1000000u; }
void reactor_defer(struct reactor *reactor, struct reactor_task *task); /* queued already: nothing happens */
void reactor_forget(struct reactor *reactor, struct reactor_task *task); /* takes it back; not queued: nothing happens */
void reactor_add_hook(struct reactor *reactor, struct reactor_hook *hook);
void reactor_remove_hook(struct reactor *reactor, struct reactor_hook *hook);
struct timer_heap *reactor_timers(struct reactor *reactor);

#endif
