/* SPDX-License-Identifier: Apache-2.0 */
/* log_writer_recover: after a write or an fdatasync failed. Nothing is issued until:
 *   1. every write in flight has ended (their buffers are their owners' again);
 *   2. a segment sealed by a failed write has its good prefix synced and acknowledged;
 *   3. the segment's end is recorded (or the store has turned read-only, and everything is refused, even what is durable behind
 *      it);
 *   4. the appends that failed are told so; those behind a failed write are written again, elsewhere. */
#include <errno.h>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/store/log_writer_state.h"
#include "engine/store/segment.h"

/* The first append whose bytes reach beyond `offset` of the slot: the one that the write failed. */
static struct append *append_at(struct log_writer *writer, const struct slot *slot, uint64_t offset) {
    for (struct append *a = writer->head; a && a->progress.placed; a = a->next)
        if (a->place.segment == slot->file.segment->number && a->progress.end > offset) return a;
    return NULL;
}

void log_writer_write_failed(struct log_writer *writer, struct unit *unit, int64_t result) {
    struct slot *slot = unit->slot;
    uint64_t good = result > 0 ? (uint64_t)result : 0;
    struct append *append = append_at(writer, slot, unit->offset + good);
    log_writer_count(writer, write_failures, 1);
    if (result < 0)
        log_error("log %u: a write to segment %u at offset %llu failed (error %d): the segment is sealed there",
                  writer->options.log, slot->file.segment->number, (unsigned long long)unit->offset, (int)-result);
    else
        log_error("log %u: a write to segment %u at offset %llu came up short (%lld of %llu bytes): the segment is sealed there",
                  writer->options.log, slot->file.segment->number, (unsigned long long)unit->offset, (long long)result,
                  (unsigned long long)unit->bytes);
    invariant(append);
    writer->recovering = true;
    if (append->place.offset >= slot->seal_at) return;
    slot->seal_at = append->place.offset;
    slot->seal_result = result == -ENOSPC || result == -EDQUOT ? APPEND_NO_SPACE : APPEND_FAILED;
    if (slot->written > slot->seal_at) slot->written = slot->seal_at;
}

void log_writer_check_filesystems(struct log_writer *writer) {
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++) {
        struct slot *slot = &writer->slots[i];
        if (slot->state != SLOT_WRITING) continue;
        uint32_t failures =
            atomic_load_explicit(&writer->store->filesystems[slot->filesystem].sync_failures, memory_order_acquire);
        if (failures == slot->failures_seen) continue;
        slot->failures_seen = failures;
        if (slot->assigned == slot->durable) continue; /* nothing of it was at stake */
        slot->sync_failed = true;
        writer->recovering = true;
    }
}

static bool is_failed(const struct slot *slot) {
    return slot->state == SLOT_WRITING && (slot->sync_failed || slot->seal_at != LOG_WRITER_NO_SEAL);
}

/* The oldest segment that failed. */
static struct slot *failed_slot(struct log_writer *writer) {
    struct slot *oldest = NULL;
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++) {
        struct slot *slot = &writer->slots[i];
        if (is_failed(slot) && (!oldest || slot->file.segment->number < oldest->file.segment->number)) oldest = slot;
    }
    return oldest;
}

/* Whether everything before the failure is durable, so that its appends have had their end. */
static bool is_settled_before(const struct log_writer *writer, const struct slot *failed) {
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++) {
        const struct slot *slot = &writer->slots[i];
        if (slot->state != SLOT_WRITING || slot->file.segment->number >= failed->file.segment->number) continue;
        if (slot->durable < slot->assigned) return false;
    }
    return failed->sync_failed || failed->durable >= failed->seal_at;
}

static void unplace(struct append *append) { memset(&append->progress, 0, sizeof append->progress); }

/* Takes the appends of the slot out of the queue: those that failed are told so when its end is recorded, the others stand first
 * among those not issued. */
static void sort_out(struct log_writer *writer, struct slot *slot) {
    struct append *failed = NULL, **failed_end = &failed, *again = NULL, **again_end = &again;
    struct append *kept = NULL, **kept_end = &kept, *kept_last = NULL, *again_last = NULL;
    struct append *a = writer->head;
    for (struct append *next; a && a->progress.placed; a = next) {
        next = a->next;
        bool here = a->place.segment == slot->file.segment->number;
        bool dead = here && (slot->sync_failed || a->place.offset == slot->seal_at);
        invariant(!here || (slot->sync_failed ? a->progress.end > slot->told : a->place.offset >= slot->seal_at));
        struct append ***end = dead ? &failed_end : here ? &again_end : &kept_end;
        **end = a;
        *end = &a->next;
        if (here && !dead) {
            again_last = a;
            unplace(a);
            log_writer_count(writer, resubmitted, 1);
        }
        if (!here) kept_last = a;
    }
    *failed_end = NULL;
    *again_end = a;
    writer->unissued = kept_last && !kept_last->progress.issued ? kept_last : again;
    *kept_end = again;
    writer->head = kept;
    if (!a) writer->tail = again_last ? again_last : kept_last;
    slot->refused = failed;
    slot->refused_result = slot->sync_failed ? APPEND_FAILED : slot->seal_result;
    if (store_is_read_only(writer->store)) slot->refused_result = APPEND_READ_ONLY;
    log_writer_seal(writer, slot, slot->sync_failed ? slot->told : slot->seal_at);
}

static bool is_sealing(const struct log_writer *writer) {
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++)
        if (writer->slots[i].state == SLOT_SEALING) return true;
    return false;
}

/* An end couldn't be recorded, so what failed before it may come back: nothing that lies behind it is acknowledged, durable or
 * not. */
static bool refuse_all(struct log_writer *writer) {
    bool any = false;
    for (size_t i = 0; i < LOG_WRITER_SLOTS; i++) {
        struct slot *slot = &writer->slots[i];
        if (slot->state != SLOT_WRITING || slot->told == slot->assigned) continue;
        slot->sync_failed = true;
        sort_out(writer, slot);
        any = true;
    }
    return any;
}

/* One segment after the other: what is durable in the next one is acknowledged in between. */
void log_writer_recover(struct log_writer *writer) {
    if (writer->in_flight || writer->syncing || is_sealing(writer)) return;
    if (store_is_read_only(writer->store) && refuse_all(writer)) return;
    struct slot *slot = failed_slot(writer);
    if (slot) {
        if (is_settled_before(writer, slot)) sort_out(writer, slot);
        return; /* else start_sync goes on with it */
    }
    writer->recovering = false;
    if (store_is_read_only(writer->store)) writer->refuse = APPEND_READ_ONLY;
    writer->again = true;
}
