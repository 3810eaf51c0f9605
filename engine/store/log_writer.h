/* SPDX-License-Identifier: Apache-2.0 */
/* log_writer: the one writer of a log: takes appends, writes them to the log's segment with many writes in flight, syncs, and
 * tells each append its end, in the order of their offsets. A state machine without a thread of its own: it is moved on by
 * log_writer_append, log_writer_kick and by completions, all on its loop; nothing in it blocks.
 *
 * The rules (DESIGN 2, commit order and failed fdatasync):
 *   - an append is APPEND_DURABLE when every byte of its segment up to its end was covered by a successful fdatasync;
 *   - a write that fails or comes up short seals the segment there: that append gets APPEND_FAILED (or APPEND_NO_SPACE), those
 *     behind it are appended to another segment before they are acknowledged;
 *   - an fdatasync that fails, on whatever file of the same file system, fails every append there that is not durable yet; the
 *     segment is sealed at its last durable end, which the manifest records before anything more is acknowledged;
 *   - an append that failed is told so only when the manifest has the segment's end: what was refused never comes back;
 *   - when that can't be recorded either, the store turns read-only and every append gets APPEND_READ_ONLY. */
#ifndef LEAT_STORE_LOG_WRITER_H
#define LEAT_STORE_LOG_WRITER_H

#include "engine/store/record.h"
#include "engine/store/store.h"

enum append_result {
    APPEND_PENDING = 0,
    APPEND_DURABLE,
    APPEND_FAILED,    /* a write or an fdatasync failed, or the writer was aborted: may be tried again */
    APPEND_NO_SPACE,  /* the volume is full, or below its watermark with no prepared segment left */
    APPEND_READ_ONLY, /* the store is */
};

/* One record to append, embedded in or kept by its user until done is called. record's slices, iovecs and buffers stay the user's
 * and must not change until then. In a bulk log every buffer is aligned to 4096 and every length but the last one is a multiple
 * of 4096 (an invariant); in a small one any memory will do. payload_bytes is the sum of the iovecs, 0 when the payload is a
 * streamed file; it must equal record.payload_length unless record.streamed. */
struct append {
    struct record record;
    const struct iovec *payload;
    uint32_t payload_count;
    uint64_t payload_bytes;
    void (*done)(struct append *append); /* on the writer's loop, once; the append is the user's again */

    /* given by the writer, when result is APPEND_DURABLE: */
    enum append_result result;
    uint32_t log;
    struct place place;
    uint64_t next_offset; /* in place.segment: where the next record begins; all up to here is durable: a position for replay */

    struct append *next; /* the writer's from append to done; before and after it the user's */
    struct {             /* the writer's */
        uint64_t end;         /* of the record in its segment */
        uint64_t part_offset; /* what is issued of the payload: parts before `part`, and this much of it */
        uint32_t part;
        bool placed, issued;  /* has a place in a segment; all of it is written or being written */
    } progress;
};

struct log_writer;

struct log_writer_options {
    uint32_t log;                 /* number of the log, kept in its segments: one writer each */
    enum store_kind kind;
    uint32_t volume;              /* STORE_ANY_VOLUME: the one with the most room, for each segment anew */
    void *loop;                   /* whose completions these are: struct reactor * (disk.h) */
    uint64_t device_bytes;        /* most bytes in the device's queue; 0 = LIMIT_DEVICE_BYTES */
    uint64_t group_bytes;         /* most bytes of one write; 0 = 1 MiB (bulk), LIMIT_GROUP_BYTES / 4 (small) */
};

/* Any numbers may be read by any thread; they are monotonic. */
struct log_writer_counters {
    uint64_t appends, durable, failed;    /* failed: any result but APPEND_DURABLE */
    uint64_t writes, written_bytes, syncs;
    uint64_t payload_bytes;               /* of durable appends */
    uint64_t write_failures, sync_failures, resubmitted;
    uint64_t segments;                    /* begun */
    uint64_t waits_for_segment;           /* times that the next segment was not ready when it was needed */
};

/* Prepares the first segment in the background: returns at once. NULL: read-only store, or no memory. Loop's thread, or before it
 * runs. */
struct log_writer *log_writer_create(struct store *store, const struct log_writer_options *options, struct fault *fault);

/* Queues an append; nothing is begun before log_writer_kick. Its done is called inside this call only when the writer was
 * stopped. Loop's thread. */
void log_writer_append(struct log_writer *writer, struct append *append);
/* Begins what can be begun: once after each batch of appends. Loop's thread. */
void log_writer_kick(struct log_writer *writer);

/* Appends that were queued and have not been told their end. Loop's thread. */
uint32_t log_writer_pending(const struct log_writer *writer);

/* Takes no more appends (they get APPEND_FAILED), finishes those it has, seals its segment, then calls stopped on the loop. With
 * `abort` those not yet written get APPEND_FAILED instead of being written. May be called again with abort while it drains.
 * Loop's thread. */
void log_writer_stop(struct log_writer *writer, bool abort, void (*stopped)(void *context), void *context);
/* After stopped was called, or when the loop ended for good and no operation is in flight. NULL is allowed. */
void log_writer_destroy(struct log_writer *writer);

void log_writer_get_counters(const struct log_writer *writer, struct log_writer_counters *counters); /* any thread */

#endif
