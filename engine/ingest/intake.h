/* SPDX-License-Identifier: Apache-2.0 */
/* intake: where a reactor receives objects: its fixed pool of objects (= its credits), its stock of chunks, and the queue of
 * those that wait for either. Bytes are checked while they are hot: as a chunk fills, its new part goes through CRC, digest and
 * scanner.
 *
 *   intake_begin ─▶ { intake_room ─▶ the kernel copies ─▶ intake_received } ... ─▶ intake_end ─▶ pipeline ─▶ answered ─▶ recycle
 *                                       └─▶ intake_abandon (connection lost: nothing is stored)
 *
 * Memory: an object begins only with a chunk of its own. When the next one can't be had, or chunks are scarce and the object is
 * among the large ones, it is streamed to a file of its own (spill.h) and goes on in the chunks that come back from there:
 * nobody waits for memory while holding some that can't be spilled.
 *
 * Thread: everything on the intake's reactor, but for init and release. */
#ifndef LEAT_INGEST_INTAKE_H
#define LEAT_INGEST_INTAKE_H

#include "engine/base/counters.h"
#include "engine/ingest/object.h"
#include "engine/runtime/chunk.h"
#include "engine/runtime/inbox.h"
#include "engine/runtime/reactor.h"

struct pipeline;

/* Somebody who waits for a credit and a chunk; embedded in the waiting session. */
struct intake_waiter {
    void (*ready)(struct intake_waiter *waiter); /* try again; called once for each intake_wait */
    struct intake_waiter *next, *previous;
    bool waiting;
};

struct intake {
    struct pipeline *pipeline;
    struct reactor *reactor;
    struct counters_cell *counters;
    struct chunk_cache chunks;
    struct inbox answers;            /* objects that were decided, from any stage */
    struct object *objects;          /* the pool: one mapping */
    uint32_t object_count;
    struct object *free;
    _Atomic uint32_t in_use;         /* objects not FREE; relaxed: the reactor writes, the end of the server reads */
    uint32_t receiving;              /* of those, RECEIVING */
    uint32_t receiving_chunks;       /* chunks that these hold */
    struct intake_waiter *first_waiter, *last_waiter;
    struct timer waiters_timer;      /* chunks may come back through other reactors */
};

bool intake_init(struct intake *intake, struct pipeline *pipeline, struct reactor *reactor, struct counters_cell *counters,
                 uint32_t object_count, uint32_t cached_chunks, struct fault *fault);
void intake_release(struct intake *intake);

/* An object with one chunk, in RECEIVING, for a data set in this encoding; NULL when there is no credit or no chunk now (then
 * intake_wait). */
struct object *intake_begin(struct intake *intake, enum scan_encoding encoding);

/* Calls ready, once, when it may be worth trying again. Waiting already: nothing happens. */
void intake_wait(struct intake *intake, struct intake_waiter *waiter);
void intake_stop_waiting(struct intake *intake, struct intake_waiter *waiter);

/* Where the next bytes of the data set go: up to `max` pieces of together at most `wanted` bytes. 0: no memory now:
 * intake_wait. */
uint32_t intake_room(struct object *object, struct iovec *pieces, uint32_t max, size_t wanted);

/* The next n bytes of the data set: at the places that intake_room named, in their order, or elsewhere (then they are copied).
 * Returns how many were taken: fewer than n when there is no memory now (only where they had to be copied). */
size_t intake_received(struct object *object, const uint8_t *where, size_t n);

/* The last fragment came: validates and hands the object to the pipeline. object->answered is called later, never from inside. */
void intake_end(struct object *object);

/* The data set will never be whole: everything is given back, nothing is stored. */
void intake_abandon(struct object *object);

/* The response is on its way: the object and its chunks are free again. */
void intake_recycle(struct object *object);

#endif
