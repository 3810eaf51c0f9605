/* SPDX-License-Identifier: Apache-2.0 */
/* log_writer_state: struct log_writer, for log_writer*.c only. Everything is the loop's thread's but the counters (relaxed, read
 * by anyone) and what a job of a slot or of the preparation touches while it runs.
 *
 *   queue:  head ... [ durable soon | being written | placed in part ] unissued ... tail
 *   units:  writes in flight or completed out of order, first in first out
 *   slots:  segments being written or sealed; `current` takes new records */
#ifndef LEAT_STORE_LOG_WRITER_STATE_H
#define LEAT_STORE_LOG_WRITER_STATE_H

#include "engine/store/log_writer.h"
#include "engine/store/segment_file.h"

#define LOG_WRITER_SLOTS 4u
#define LOG_WRITER_UNITS 32u      /* bulk: 8 MiB in units of 256 KiB and more */
#define LOG_WRITER_SMALL_UNITS 3u /* one being synced, one being written, one being gathered */
#define LOG_WRITER_PARTS 64u
#define LOG_WRITER_ARENA_BYTES (4u * 1024u * 1024u)
#define LOG_WRITER_NO_SEAL UINT64_MAX

enum slot_state { SLOT_FREE, SLOT_WRITING, SLOT_SEALING };

/* A segment that is written to. */
struct slot {
    enum slot_state state;
    struct segment_file file;
    struct log_writer *writer;
    uint32_t filesystem, failures_seen;
    uint64_t assigned; /* offsets below are given out */
    uint64_t written;  /* all below is written */
    uint64_t durable;  /* all below is durable; may lie inside a record */
    uint64_t told;     /* all records below are durable and were acknowledged: the end of one of them */
    uint64_t seal_at;  /* where a failed write seals it, or LOG_WRITER_NO_SEAL */
    enum append_result seal_result;
    bool sync_failed;  /* seals it at `told` */
    uint32_t units;    /* in flight */
    struct disk_job job;
    uint64_t end;      /* for the job */
    struct append *refused; /* appends that failed here: told so once its end is recorded, so that none of them comes back */
    enum append_result refused_result;
};

/* One write. */
struct unit {
    struct disk_op op;
    struct log_writer *writer;
    struct slot *slot;
    uint64_t offset, bytes;
    bool complete, good;
    uint64_t arena_end;
    uint32_t part_count;
    struct iovec parts[LOG_WRITER_PARTS];
    uint8_t *group; /* small logs: the group's bytes */
};

struct log_writer {
    struct store *store;
    struct log_writer_options options;
    struct append *head, *tail, *unissued;
    uint32_t pending;

    struct slot slots[LOG_WRITER_SLOTS];
    struct slot *current;

    struct unit *units;
    uint32_t unit_count;
    uint64_t unit_head, unit_tail; /* monotonic: oldest, next */
    uint64_t in_flight_bytes;
    uint32_t in_flight;
    size_t group_capacity;

    uint8_t *arena; /* bulk: headers and last blocks of payloads, as a ring */
    uint64_t arena_head, arena_tail;

    struct disk_op sync_op;
    struct slot *syncing; /* NULL: no fdatasync in flight */
    uint64_t sync_target;

    struct disk_job prepare_job;
    bool preparing, prepared, prepare_failed, first;
    struct segment_file spare;
    enum append_result prepare_result; /* why it failed */
    struct fault prepare_fault;

    bool recovering;            /* a write or an fdatasync failed: nothing is issued until the segment is sealed */
    enum append_result refuse;  /* what is not issued gets this; APPEND_PENDING: nothing is refused */
    bool stepping, again;
    bool stopping, stopped;
    void (*on_stopped)(void *context);
    void *stopped_context;

    struct {
        _Atomic uint64_t appends, durable, failed, writes, written_bytes, syncs, payload_bytes, write_failures, sync_failures,
            resubmitted, segments, waits_for_segment;
    } counters;
};

#define log_writer_count(writer, counter, n) atomic_fetch_add_explicit(&(writer)->counters.counter, (n), memory_order_relaxed)

/* log_writer.c */
void log_writer_step(struct log_writer *writer); /* moves everything on that can move */
void log_writer_finish(struct log_writer *writer, struct append *append, enum append_result result); /* unlinked already */
struct slot *log_writer_slot_of(struct log_writer *writer, const struct append *append);
void log_writer_seal(struct log_writer *writer, struct slot *slot, uint64_t end); /* starts the job */
/* log_writer_fill.c */
void log_writer_fill(struct log_writer *writer); /* issues what may be issued */
/* log_writer_recover.c */
void log_writer_write_failed(struct log_writer *writer, struct unit *unit, int64_t result);
void log_writer_check_filesystems(struct log_writer *writer);
void log_writer_recover(struct log_writer *writer);

#endif
