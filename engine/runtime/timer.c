/* SPDX-License-Identifier: Apache-2.0 */
/* timer: the pairing heap of timer.h. Each node keeps its children as a list (child, then next); previous is the left sibling or,
 * for the first child, the parent; the root has neither next nor previous. Arm O(1), take the first O(log n) amortised. Owner
 * only. */
#include "engine/runtime/timer.h"

#include <stddef.h>

#include "engine/base/check.h"
#include "engine/runtime/reactor.h"

#define DELAY_LONGEST_MS (1000ull * 86400 * 36500) /* a century stands for ever, and its nanoseconds fit */

/* Two roots into one: the earlier one gets the other as its first child. Either may be NULL. */
static struct timer *meld(struct timer *a, struct timer *b) {
    if (!a || !b) return a ? a : b;
    if (b->due_ns < a->due_ns) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->previous = a;
    b->next = a->child;
    if (b->next) b->next->previous = b;
    a->child = b;
    a->next = a->previous = NULL;
    return a;
}

/* A list of siblings into one root, in two passes: pairs from left to right, then all from right to left. */
static struct timer *meld_siblings(struct timer *first) {
    struct timer *pairs = NULL; /* a stack, through next */
    while (first) {
        struct timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->previous = NULL;
        if (b) b->next = b->previous = NULL;
        struct timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct timer *root = NULL;
    while (pairs) {
        struct timer *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        root = meld(root, pair);
    }
    return root;
}

static void heap_insert(struct timer_heap *heap, struct timer *timer, uint64_t due_ns) {
    timer->due_ns = due_ns;
    timer->child = timer->next = timer->previous = NULL;
    heap->root = meld(heap->root, timer);
}

static void heap_remove(struct timer_heap *heap, struct timer *timer) {
    struct timer *below = meld_siblings(timer->child);
    timer->child = NULL;
    if (heap->root == timer) {
        heap->root = below;
        return;
    }
    if (timer->previous->child == timer) timer->previous->child = timer->next;
    else timer->previous->next = timer->next;
    if (timer->next) timer->next->previous = timer->previous;
    timer->next = timer->previous = NULL;
    heap->root = meld(heap->root, below);
}

void timer_heap_arm(struct timer_heap *heap, struct timer *timer, uint64_t deadline_ns, void (*fire)(struct timer *timer)) {
    if (heap->running && deadline_ns <= heap->running_ns) deadline_ns = heap->running_ns + 1; /* not in this call */
    timer->fire = fire;
    timer->deadline_ns = deadline_ns;
    if (timer->armed && deadline_ns >= timer->due_ns) return; /* moved when its old time comes */
    if (timer->armed) heap_remove(heap, timer);
    timer->armed = true;
    heap_insert(heap, timer, deadline_ns);
}

void timer_heap_disarm(struct timer_heap *heap, struct timer *timer) {
    if (!timer->armed) return;
    heap_remove(heap, timer);
    timer->armed = false;
}

uint64_t timer_heap_next_ns(const struct timer_heap *heap) { return heap->root ? heap->root->due_ns : TIMER_NEVER; }

uint32_t timer_heap_run(struct timer_heap *heap, uint64_t now_ns) {
    uint32_t fired = 0;
    invariant(!heap->running);
    heap->running = true;
    heap->running_ns = now_ns;
    while (heap->root && heap->root->due_ns <= now_ns) {
        struct timer *timer = heap->root;
        heap_remove(heap, timer);
        if (timer->deadline_ns > timer->due_ns) { /* it was pushed ahead meanwhile */
            heap_insert(heap, timer, timer->deadline_ns);
            continue;
        }
        timer->armed = false;
        timer->fire(timer);
        fired++;
    }
    heap->running = false;
    return fired;
}

void timer_arm(struct reactor *reactor, struct timer *timer, uint64_t delay_ms, void (*fire)(struct timer *timer)) {
    invariant(reactor_is_owner(reactor));
    if (delay_ms > DELAY_LONGEST_MS) delay_ms = DELAY_LONGEST_MS;
    timer_heap_arm(reactor_timers(reactor), timer, reactor_now_ns(reactor) + delay_ms * 1000000u, fire);
}

void timer_disarm(struct reactor *reactor, struct timer *timer) {
    invariant(reactor_is_owner(reactor));
    timer_heap_disarm(reactor_timers(reactor), timer);
}
