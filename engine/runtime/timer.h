/* SPDX-License-Identifier: Apache-2.0 */
/* timer: a time-out embedded in its user, on a reactor. Owner thread only. Nothing is allocated.
 * Life: zeroed (= not armed); armed, re-armed, disarmed any number of times; must be disarmed before its memory goes.
 *
 * Timers stand in a pairing heap. Re-arming to a later time only notes the new deadline and leaves the heap alone (the timer is
 * moved when the old time comes), so ten thousand connections that push their idle time-out ahead with each message cost one
 * store each. */
#ifndef LEAT_RUNTIME_TIMER_H
#define LEAT_RUNTIME_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct reactor;

struct timer {
    void (*fire)(struct timer *timer); /* called once; not armed any more when called, so it may be re-armed or freed there */
    uint64_t deadline_ns;              /* monotonic: when it shall fire */
    uint64_t due_ns;                   /* its key in the heap: <= deadline_ns */
    struct timer *child, *next, *previous; /* heap links; previous: the left sibling or, for a first child, the parent */
    bool armed;
};

/* Fires no earlier than delay_ms from this turn of the loop, once. Armed already: the new delay and callback replace the old
 * ones. */
void timer_arm(struct reactor *reactor, struct timer *timer, uint64_t delay_ms, void (*fire)(struct timer *timer));
void timer_disarm(struct reactor *reactor, struct timer *timer); /* not armed: nothing happens */
static inline bool timer_is_armed(const struct timer *timer) { return timer->armed; }

/* ---- the heap itself, for reactors and tests; the time is the caller's ---- */
struct timer_heap {
    struct timer *root;
    uint64_t running_ns; /* the time of the timer_heap_run under way */
    bool running;
};
#define TIMER_NEVER UINT64_MAX
void timer_heap_arm(struct timer_heap *heap, struct timer *timer, uint64_t deadline_ns, void (*fire)(struct timer *timer));
void timer_heap_disarm(struct timer_heap *heap, struct timer *timer);
/* When the next one is due at the earliest (it may turn out to have been moved), TIMER_NEVER if there is none. */
uint64_t timer_heap_next_ns(const struct timer_heap *heap);
/* Fires all that are due at now_ns, in the order of their deadlines; those armed meanwhile wait for the next call. Returns how
 * many. */
uint32_t timer_heap_run(struct timer_heap *heap, uint64_t now_ns);

#endif
