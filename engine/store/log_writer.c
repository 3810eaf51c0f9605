/* SPDX-License-Identifier: Apache-2.0 */
/* log_writer: the machine's frame: life, queue, syncs, acknowledgements, segments' ends. What is written and how:
 * log_writer_fill.c. What happens when it fails: log_writer_recover.c. Every event ends in log_writer_step, which moves on
 * whatever can move. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/store/log_writer_state.h"
#include "engine/store/segment.h"

#define BULK_GROUP_BYTES (1024u * 1024u)
/* The longest record of a small log: the largest header and a small payload. */
#define SMALL_RECORD_BYTES (RECORD_HEADER_MAX_BYTES + LIMIT_SMALL_OBJECT_BYTES + DISK_BLOCK_BYTES)

/* ---- preparing the next segment ---- */

static void prepare_work(struct disk_job *job) {
    struct log_writer *writer = container_of(job, struct log_writer, prepare_job);
    writer->prepare_fault = (struct fault){0};
    writer->prepare_result = APPEND_PENDING;
    if (segment_file_prepare(writer->store, writer->options.log, writer->options.kind, writer->options.volume, writer->first,
                             &writer->spare, &writer->prepare_fault))
        return;
    writer->prepare_result = writer->prepare_fault.code == FAULT_NO_SPACE ? APPEND_NO_SPACE : APPEND_FAILED;
    writer->spare = (struct segment_file){0};
}

static void prepare_done(struct disk_job *job) {
    struct log_writer *writer = container_of(job, struct log_writer, prepare_job);
    writer->preparing = false;
    writer->prepared = writer->prepare_result == APPEND_PENDING;
    writer->prepare_failed = !writer->prepared;
    if (writer->prepared) writer->first = false;
    if (writer->prepare_failed && !store_is_read_only(writer->store))
        log_warn("log %u: %s", writer->options.log, writer->prepare_fault.text);
    log_writer_step(writer);
}

static void prepare(struct log_writer *writer) {
    writer->preparing = true;
    writer->prepare_failed = false;
    writer->prepare_job = (struct disk_job){.work = prepare_work, .done = prepare_done};
    disk_start_job(writer->store->disk, writer->options.loop, &writer->prepare_job, 0);
}

static struct slot *free_slot(struct log_writer *writer) {
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++)
        if (writer->slots[i].state == SLOT_FREE) return &writer->slots[i];
    return NULL;
}

static struct slot *adopt_spare(struct log_writer *writer) {
    struct slot *slot = free_slot(writer);
    if (!slot) return NULL;
    struct store *store = writer->store;
    *slot = (struct slot){.state = SLOT_WRITING, .file = writer->spare, .writer = writer};
    slot->filesystem = store->volumes[writer->spare.segment->volume].filesystem;
    slot->failures_seen = atomic_load_explicit(&store->filesystems[slot->filesystem].sync_failures, memory_order_acquire);
    slot->assigned = slot->written = slot->durable = slot->told = SEGMENT_HEADER_BYTES;
    slot->seal_at = LOG_WRITER_NO_SEAL;
    writer->spare = (struct segment_file){0};
    writer->prepared = false;
    return slot;
}

/* A current segment while something waits for one; the next one in time. */
static void provide_segment(struct log_writer *writer) {
    if (writer->recovering || writer->refuse) return;
    bool needed = !writer->current && writer->unissued;
    if (needed && writer->prepared) {
        writer->current = adopt_spare(writer);
        if (writer->current) log_writer_count(writer, segments, 1);
    } else if (needed && !writer->preparing && writer->prepare_failed) {
        writer->refuse = writer->prepare_result;
        writer->prepare_failed = false;
        writer->again = true;
    } else if (needed && !writer->preparing) {
        log_writer_count(writer, waits_for_segment, 1);
        prepare(writer);
    }
    bool soon = writer->current && writer->current->assigned > writer->current->file.bytes / 2;
    if (soon && !writer->prepared && !writer->preparing && !writer->prepare_failed && !writer->stopping) prepare(writer);
}

/* ---- sealing ---- */

static void seal_work(struct disk_job *job) {
    struct slot *slot = container_of(job, struct slot, job);
    struct fault fault;
    /* If it can't be recorded, the store has turned read-only. */
    segment_file_seal(slot->writer->store, &slot->file, slot->end, &fault);
}

static void seal_done(struct disk_job *job) {
    struct slot *slot = container_of(job, struct slot, job);
    struct log_writer *writer = slot->writer;
    struct append *refused = slot->refused;
    enum append_result result = slot->refused_result;
    slot->refused = NULL;
    slot->state = SLOT_FREE;
    for (struct append *next; refused; refused = next) {
        next = refused->next;
        log_writer_finish(writer, refused, result);
    }
    log_writer_step(writer);
}

void log_writer_seal(struct log_writer *writer, struct slot *slot, uint64_t end) {
    invariant(slot->state == SLOT_WRITING && slot->units == 0 && writer->syncing != slot);
    slot->state = SLOT_SEALING;
    slot->end = end;
    if (writer->current == slot) writer->current = NULL;
    slot->job = (struct disk_job){.work = seal_work, .done = seal_done};
    disk_start_job(writer->store->disk, writer->options.loop, &slot->job, 0);
}

static struct slot *oldest_writing(struct log_writer *writer) {
    struct slot *oldest = NULL;
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++) {
        struct slot *slot = &writer->slots[i];
        if (slot->state == SLOT_WRITING && (!oldest || slot->file.segment->number < oldest->file.segment->number)) oldest = slot;
    }
    return oldest;
}

/* The oldest segment, once it is full, every byte of it durable, and every append in it acknowledged. */
static void retire(struct log_writer *writer) {
    struct slot *slot = oldest_writing(writer);
    if (!slot || slot->units || writer->syncing == slot) return;
    if (slot == writer->current && !(writer->stopping && !writer->head)) return;
    if (slot->durable < slot->assigned || slot->sync_failed || slot->seal_at != LOG_WRITER_NO_SEAL) return;
    if (writer->head && log_writer_slot_of(writer, writer->head) == slot) return;
    log_writer_seal(writer, slot, slot->durable);
    writer->again = true;
}

/* ---- fdatasync ---- */

static void sync_done(struct disk_op *op, int64_t result) {
    struct log_writer *writer = container_of(op, struct log_writer, sync_op);
    struct slot *slot = writer->syncing;
    writer->syncing = NULL;
    if (result < 0) {
        log_error("log %u: fdatasync of segment %u failed (error %d): what was not durable yet is refused", writer->options.log,
                  slot->file.segment->number, (int)-result);
        log_writer_count(writer, sync_failures, 1);
        slot->sync_failed = true;
        writer->recovering = true;
        store_state_sync_failed(writer->store, slot->filesystem);
    }
    log_writer_check_filesystems(writer);
    if (!slot->sync_failed && writer->sync_target > slot->durable) slot->durable = writer->sync_target;
    log_writer_step(writer);
}

/* One at a time, on the oldest segment that has something to sync. */
static void start_sync(struct log_writer *writer) {
    if (writer->syncing || (writer->recovering && writer->in_flight)) return;
    struct slot *best = NULL;
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++) {
        struct slot *slot = &writer->slots[i];
        if (slot->state != SLOT_WRITING || slot->sync_failed || slot->written <= slot->durable) continue;
        if (!best || slot->file.segment->number < best->file.segment->number) best = slot;
    }
    if (!best) return;
    writer->syncing = best;
    writer->sync_target = best->written;
    writer->sync_op = (struct disk_op){.done = sync_done};
    log_writer_count(writer, syncs, 1);
    disk_sync(best->file.file, writer->options.loop, &writer->sync_op);
}

/* ---- the queue ---- */

struct slot *log_writer_slot_of(struct log_writer *writer, const struct append *append) {
    if (!append->progress.placed) return NULL;
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++) {
        struct slot *slot = &writer->slots[i];
        if (slot->state == SLOT_WRITING && slot->file.segment->number == append->place.segment) return slot;
    }
    return NULL;
}

void log_writer_finish(struct log_writer *writer, struct append *append, enum append_result result) {
    invariant(result != APPEND_PENDING);
    append->result = result;
    append->next = NULL;
    writer->pending--;
    if (result == APPEND_DURABLE) {
        log_writer_count(writer, durable, 1);
        log_writer_count(writer, payload_bytes, append->payload_bytes);
    } else {
        log_writer_count(writer, failed, 1);
    }
    append->done(append);
}

static struct append *pop(struct log_writer *writer) {
    struct append *append = writer->head;
    writer->head = append->next;
    if (!writer->head) writer->tail = NULL;
    if (writer->unissued == append) writer->unissued = append->next;
    return append;
}

/* While a segment that failed isn't sealed yet, nothing behind it is acknowledged; nothing at all when that can't be recorded. */
static uint32_t gate(const struct log_writer *writer) {
    uint32_t lowest = UINT32_MAX;
    if (writer->recovering && store_is_read_only(writer->store)) return 0;
    for (size_t i = 0; writer->recovering && i < LOG_WRITER_SLOTS; i++) {
        const struct slot *slot = &writer->slots[i];
        bool failed = slot->state == SLOT_WRITING && (slot->sync_failed || slot->seal_at != LOG_WRITER_NO_SEAL);
        if (failed && slot->file.segment->number < lowest) lowest = slot->file.segment->number;
        if (slot->state == SLOT_SEALING) lowest = 0; /* its end isn't recorded yet */
    }
    return lowest;
}

static void count_stream(struct store *store, struct segment_state *segment) {
    pthread_mutex_lock(&store->mutex);
    segment->unsettled++;
    pthread_mutex_unlock(&store->mutex);
}

static void acknowledge(struct log_writer *writer) {
    uint32_t most = gate(writer);
    while (writer->head && writer->head->progress.issued) {
        struct append *append = writer->head;
        struct slot *slot = log_writer_slot_of(writer, append);
        if (!slot || slot->durable < append->progress.end || append->place.segment > most) return;
        if (append->record.streamed) count_stream(writer->store, slot->file.segment);
        slot->told = append->progress.end;
        atomic_store_explicit(&slot->file.segment->end, slot->told, memory_order_release);
        log_writer_finish(writer, pop(writer), APPEND_DURABLE);
    }
}

/* What is not issued gets writer->refuse, once those before it had their end. */
static void refuse(struct log_writer *writer) {
    if (!writer->recovering && store_is_read_only(writer->store)) writer->refuse = APPEND_READ_ONLY;
    if (writer->refuse == APPEND_PENDING || writer->recovering) return;
    while (writer->head && !writer->head->progress.placed) log_writer_finish(writer, pop(writer), writer->refuse);
    if (!writer->head && !writer->stopping) writer->refuse = APPEND_PENDING;
}

/* ---- the end ---- */

static void finish_stop(struct log_writer *writer) {
    if (!writer->stopping || writer->stopped || writer->head || writer->preparing || writer->recovering || writer->in_flight)
        return;
    if (writer->prepared) {
        struct slot *slot = adopt_spare(writer);
        if (!slot) return;
        log_writer_seal(writer, slot, SEGMENT_HEADER_BYTES);
    }
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++)
        if (writer->slots[i].state != SLOT_FREE) return;
    writer->stopped = true;
    writer->on_stopped(writer->stopped_context);
}

void log_writer_step(struct log_writer *writer) {
    writer->again = true;
    if (writer->stepping) return;
    writer->stepping = true;
    while (writer->again && !writer->stopped) {
        writer->again = false;
        log_writer_check_filesystems(writer);
        acknowledge(writer);
        if (writer->recovering) log_writer_recover(writer);
        refuse(writer);
        provide_segment(writer);
        log_writer_fill(writer);
        start_sync(writer);
        retire(writer);
    }
    writer->stepping = false;
    finish_stop(writer);
}

void log_writer_stop(struct log_writer *writer, bool abort, void (*stopped)(void *context), void *context) {
    writer->stopping = true;
    writer->on_stopped = stopped;
    writer->stopped_context = context;
    if (abort) writer->refuse = APPEND_FAILED;
    log_writer_step(writer);
}

/* ---- life ---- */

static bool allocate(struct log_writer *writer) {
    bool bulk = writer->options.kind == STORE_BULK;
    writer->unit_count = bulk ? LOG_WRITER_UNITS : LOG_WRITER_SMALL_UNITS;
    writer->units = calloc(writer->unit_count, sizeof *writer->units);
    if (!writer->units) return false;
    void *memory = NULL;
    if (bulk) {
        if (posix_memalign(&memory, DISK_BLOCK_BYTES, LOG_WRITER_ARENA_BYTES)) return false;
        writer->arena = memory;
        return true;
    }
    writer->group_capacity = writer->options.group_bytes > SMALL_RECORD_BYTES ? writer->options.group_bytes : SMALL_RECORD_BYTES;
    writer->group_capacity = (writer->group_capacity + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    for (uint32_t i = 0; i < writer->unit_count; i++) {
        if (posix_memalign(&memory, DISK_BLOCK_BYTES, writer->group_capacity)) return false;
        writer->units[i].group = memory;
    }
    return true;
}

struct log_writer *log_writer_create(struct store *store, const struct log_writer_options *options, struct fault *fault) {
    if (store_is_read_only(store)) {
        fault_set(fault, FAULT_UNSUPPORTED, 0, "the archive is read-only");
        return NULL;
    }
    struct log_writer *writer = calloc(1, sizeof *writer);
    if (writer) {
        writer->store = store;
        writer->options = *options;
        writer->first = true;
        if (!writer->options.device_bytes) writer->options.device_bytes = LIMIT_DEVICE_BYTES;
        if (!writer->options.group_bytes)
            writer->options.group_bytes = options->kind == STORE_BULK ? BULK_GROUP_BYTES : LIMIT_GROUP_BYTES / 4;
        writer->options.group_bytes = (writer->options.group_bytes + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    }
    if (!writer || !allocate(writer)) {
        log_writer_destroy(writer);
        fault_set(fault, FAULT_MEMORY, 0, "no memory for a log writer");
        return NULL;
    }
    prepare(writer);
    return writer;
}

void log_writer_destroy(struct log_writer *writer) {
    if (!writer) return;
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++)
        if (writer->slots[i].file.file) disk_close(writer->slots[i].file.file);
    if (writer->spare.file) disk_close(writer->spare.file);
    for (uint32_t i = 0; writer->units && i < writer->unit_count; i++) free(writer->units[i].group);
    free(writer->units);
    free(writer->arena);
    free(writer);
}

/* ---- appends ---- */

void log_writer_append(struct log_writer *writer, struct append *append) {
    invariant(append->record.streamed ? append->payload_bytes == 0 : append->payload_bytes == append->record.payload_length);
    append->result = APPEND_PENDING;
    append->log = writer->options.log;
    append->next = NULL;
    memset(&append->progress, 0, sizeof append->progress);
    log_writer_count(writer, appends, 1);
    writer->pending++;
    if (writer->stopping) {
        log_writer_finish(writer, append, APPEND_FAILED);
        return;
    }
    if (writer->tail)
        writer->tail->next = append;
    else
        writer->head = append;
    writer->tail = append;
    if (!writer->unissued) writer->unissued = append;
}

void log_writer_kick(struct log_writer *writer) { log_writer_step(writer); }

uint32_t log_writer_pending(const struct log_writer *writer) { return writer->pending; }

void log_writer_get_counters(const struct log_writer *writer, struct log_writer_counters *counters) {
#define GET(name) .name = atomic_load_explicit(&writer->counters.name, memory_order_relaxed)
    *counters = (struct log_writer_counters){
        GET(appends),       GET(durable),        GET(failed),        GET(writes),      GET(written_bytes), GET(syncs),
        GET(payload_bytes), GET(write_failures), GET(sync_failures), GET(resubmitted), GET(segments),      GET(waits_for_segment),
    };
#undef GET
}
