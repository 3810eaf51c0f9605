/* SPDX-License-Identifier: Apache-2.0 */
/* ring_mpsc: a bounded lock-free queue of pointers (never NULL) from many producer threads to one consumer thread.
 * Life: init (any thread, before the others start), push / pop, release (any thread, after the others ended). Full is a state.
 *
 * A producer reserves an index (compare-and-swap on tail), then publishes its pointer in that slot; an empty slot holds NULL. The
 * consumer takes slots in order until it meets a NULL: one that is reserved and not yet published hides those behind it, so items
 * come out in the order of their reservation, and each producer's items in the order of its pushes. */
#ifndef LEAT_RUNTIME_RING_MPSC_H
#define LEAT_RUNTIME_RING_MPSC_H

#include <stdatomic.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/fault.h"

struct ring_mpsc {
    _Atomic(void *) *slots; /* published by push (seq_cst), pairs with the loads in pop (acquire) and is_empty (seq_cst) */
    uint64_t mask;
    uint8_t apart_tail[64];  /* cache lines apart, whatever the alignment of what this stands in */
    _Atomic uint64_t tail;   /* the next index to reserve; only the compare-and-swap in push changes it (relaxed: the slot
                              * carries the data) */
    uint8_t apart_head[64];
    _Atomic uint64_t head;   /* written by pop (release), pairs with push's acquire: slots below it are NULL again */
    uint8_t apart_end[56];
};

/* capacity: a power of two, > 0 (an invariant). False: no memory (FAULT_MEMORY), nothing to release. */
static inline bool ring_mpsc_init(struct ring_mpsc *ring, size_t capacity, struct fault *fault) {
    invariant(capacity != 0 && (capacity & (capacity - 1)) == 0);
    *ring = (struct ring_mpsc){.mask = capacity - 1, .slots = calloc(capacity, sizeof(*ring->slots))};
    if (!ring->slots) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a ring of %zu entries", capacity);
    return true;
}

static inline void ring_mpsc_release(struct ring_mpsc *ring) {
    free((void *)ring->slots);
    ring->slots = NULL;
}

/* Any thread. False: the ring is full, and the item stays the caller's. The publication is sequentially consistent: after it, a
 * seq_cst load of a consumer's "I am going to sleep" flag can't be older than what is_empty saw (waker.h relies on that). */
static inline bool ring_mpsc_push(struct ring_mpsc *ring, void *item) {
    invariant(item != NULL);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed); /* a guess; the compare-and-swap checks it */
    do {
        uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire); /* pairs with pop's release of head */
        if ((int64_t)(tail - head) > (int64_t)ring->mask) return false; /* a guess older than head gives a negative difference */
    } while (!atomic_compare_exchange_weak_explicit(&ring->tail, &tail, tail + 1, memory_order_relaxed, memory_order_relaxed));
    atomic_store_explicit(&ring->slots[tail & ring->mask], item, memory_order_seq_cst); /* pairs with pop and is_empty */
    return true;
}

/* Consumer only. Takes up to `capacity` items in their order, returns how many. */
static inline size_t ring_mpsc_pop(struct ring_mpsc *ring, void **items, size_t capacity) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed); /* our own index */
    size_t count = 0;
    while (count < capacity) {
        _Atomic(void *) *slot = &ring->slots[(head + count) & ring->mask];
        void *item = atomic_load_explicit(slot, memory_order_acquire); /* pairs with push's publication */
        if (!item) break;
        atomic_store_explicit(slot, NULL, memory_order_relaxed); /* seen by producers through head, below */
        items[count++] = item;
    }
    if (count) atomic_store_explicit(&ring->head, head + count, memory_order_release); /* pairs with push's acquire */
    return count;
}

/* Consumer only: nothing to pop. Sequentially consistent, see push. */
static inline bool ring_mpsc_is_empty(struct ring_mpsc *ring) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed); /* our own index */
    return atomic_load_explicit(&ring->slots[head & ring->mask], memory_order_seq_cst) == NULL; /* pairs with push */
}

/* Any thread: how many items there are, about. */
static inline size_t ring_mpsc_count(struct ring_mpsc *ring) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire); /* before tail: not negative */
    return (size_t)(atomic_load_explicit(&ring->tail, memory_order_acquire) - head);
}

#endif
