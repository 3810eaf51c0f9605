/* SPDX-License-Identifier: Apache-2.0 */
/* ring_spsc: a bounded lock-free queue of pointers from one producer thread to one consumer thread.
 * Life: init (any thread, before both start), push / pop, release (any thread, after both ended). Full is a state, not a failure.
 * Cache lines: what the producer writes, what the consumer writes, and what nobody writes stand apart; each side keeps a copy of
 * the other's index and looks at the real one only when the copy says full or empty. */
#ifndef LEAT_RUNTIME_RING_SPSC_H
#define LEAT_RUNTIME_RING_SPSC_H

#include <stdatomic.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/fault.h"

struct ring_spsc {
    void **slots;
    uint64_t mask;
    uint8_t apart_tail[64]; /* cache lines apart, whatever the alignment of what this stands in */
    _Atomic uint64_t tail;  /* written by the producer (release); pairs with the consumer's acquire load in pop */
    uint64_t head_seen;     /* producer only: the last head that it looked at */
    uint8_t apart_head[64];
    _Atomic uint64_t head;  /* written by the consumer (release); pairs with the producer's acquire load in push */
    uint64_t tail_seen;     /* consumer only: the last tail that it looked at */
    uint8_t apart_end[48];
};

/* capacity: a power of two, > 0 (an invariant). False: no memory (FAULT_MEMORY), nothing to release. */
static inline bool ring_spsc_init(struct ring_spsc *ring, size_t capacity, struct fault *fault) {
    invariant(capacity != 0 && (capacity & (capacity - 1)) == 0);
    *ring = (struct ring_spsc){.mask = capacity - 1, .slots = calloc(capacity, sizeof(void *))};
    if (!ring->slots) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a ring of %zu entries", capacity);
    return true;
}

static inline void ring_spsc_release(struct ring_spsc *ring) {
    free(ring->slots);
    ring->slots = NULL;
}

/* Producer only. False: the ring is full, and the item stays the caller's. */
static inline bool ring_spsc_push(struct ring_spsc *ring, void *item) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed); /* our own index */
    if (tail - ring->head_seen > ring->mask) {
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire); /* pairs with pop's release of head */
        if (tail - ring->head_seen > ring->mask) return false;
    }
    ring->slots[tail & ring->mask] = item;
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release); /* pairs with pop's acquire of tail */
    return true;
}

/* Consumer only. Takes up to `capacity` items in their order, returns how many. */
static inline size_t ring_spsc_pop(struct ring_spsc *ring, void **items, size_t capacity) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed); /* our own index */
    if (ring->tail_seen == head)
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire); /* pairs with push's release of tail */
    uint64_t count = ring->tail_seen - head;
    if (count > capacity) count = capacity;
    for (uint64_t i = 0; i < count; i++) items[i] = ring->slots[(head + i) & ring->mask];
    if (count) atomic_store_explicit(&ring->head, head + count, memory_order_release); /* pairs with push's acquire of head */
    return count;
}

/* Any thread: how many items there are, about. */
static inline size_t ring_spsc_count(struct ring_spsc *ring) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire); /* before tail: not negative */
    return (size_t)(atomic_load_explicit(&ring->tail, memory_order_acquire) - head);
}

#endif
