/* SPDX-License-Identifier: Apache-2.0 */
/* log_writer_fill: from appends to writes. A bulk unit is a vector: header and last partial block from the arena, the rest
 * straight from the appends' own buffers; a small unit is a group into which records are copied. */
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/store/log_writer_state.h"
#include "engine/store/segment.h"

static uint64_t blocks(uint64_t bytes) { return (bytes + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES; }

/* ---- completion ---- */

/* Completed writes leave in the order in which they were begun; the written prefix follows. */
static void pop_units(struct log_writer *writer) {
    while (writer->unit_head < writer->unit_tail) {
        struct unit *unit = &writer->units[writer->unit_head % writer->unit_count];
        if (!unit->complete) return;
        struct slot *slot = unit->slot;
        uint64_t end = unit->offset + unit->bytes;
        if (end > slot->seal_at) end = slot->seal_at;
        if (end > slot->written) slot->written = end;
        writer->arena_tail = unit->arena_end;
        writer->unit_head++;
    }
}

static void write_done(struct disk_op *op, int64_t result) {
    struct unit *unit = container_of(op, struct unit, op);
    struct log_writer *writer = unit->writer;
    unit->complete = true;
    unit->slot->units--;
    writer->in_flight--;
    writer->in_flight_bytes -= unit->bytes;
    if (result != (int64_t)unit->bytes) log_writer_write_failed(writer, unit, result);
    pop_units(writer);
    log_writer_step(writer);
}

static void issue(struct log_writer *writer, struct unit *unit) {
    struct slot *slot = unit->slot;
    unit->op = (struct disk_op){.done = write_done};
    unit->complete = false;
    unit->arena_end = writer->arena_head;
    slot->assigned = unit->offset + unit->bytes;
    slot->units++;
    writer->unit_tail++;
    writer->in_flight++;
    writer->in_flight_bytes += unit->bytes;
    log_writer_count(writer, writes, 1);
    log_writer_count(writer, written_bytes, unit->bytes);
    atomic_fetch_add_explicit(&writer->store->activity, 1, memory_order_relaxed);
    disk_writev(slot->file.file, writer->options.loop, &unit->op, unit->parts, unit->part_count, unit->offset);
}

/* The next unit's room, empty, at the segment's end; NULL: all are in use. */
static struct unit *take_unit(struct log_writer *writer) {
    if (writer->unit_tail - writer->unit_head == writer->unit_count) return NULL;
    struct unit *unit = &writer->units[writer->unit_tail % writer->unit_count];
    unit->writer = writer;
    unit->slot = writer->current;
    unit->offset = writer->current->assigned;
    unit->bytes = 0;
    unit->part_count = 0;
    return unit;
}

/* ---- placing ---- */

static void advance(struct log_writer *writer) {
    writer->unissued->progress.issued = true;
    writer->unissued = writer->unissued->next;
}

/* The current segment is full: the next one, if this append can ever fit. */
static void roll_over(struct log_writer *writer, uint64_t total) {
    struct slot *slot = writer->current;
    if (slot->assigned > SEGMENT_HEADER_BYTES) {
        writer->current = NULL;
        writer->again = true;
        return;
    }
    /* Not even into an empty one: it is told so when those before it had their end. */
    struct append *append = writer->unissued;
    if (writer->head != append) return;
    uint64_t usual = writer->options.kind == STORE_BULK ? writer->store->options.bulk_segment_bytes
                                                        : writer->store->options.small_segment_bytes;
    bool never = total == 0 || total > usual - SEGMENT_HEADER_BYTES;
    if (never) log_error("log %u: a record of %llu bytes fits into no segment", writer->options.log, (unsigned long long)total);
    writer->head = writer->unissued = append->next;
    if (!writer->head) writer->tail = NULL;
    log_writer_finish(writer, append, never ? APPEND_FAILED : APPEND_NO_SPACE);
    writer->again = true;
}

static void place(struct log_writer *writer, struct append *append, uint64_t offset, uint32_t header_bytes, uint64_t total,
                  uint8_t *out) {
    struct slot *slot = writer->current;
    struct record_frame frame = {
        .offset = offset,
        .durable_bytes = slot->told,
        .header_bytes = header_bytes,
        .total_bytes = total,
    };
    memcpy(frame.segment_id, slot->file.segment->id, RECORD_ID_BYTES);
    record_encode(&append->record, &frame, out);
    append->place = (struct place){
        .segment = slot->file.segment->number,
        .header_bytes = header_bytes,
        .offset = offset,
        .payload_bytes = append->record.payload_length,
    };
    append->next_offset = append->progress.end = offset + total;
    append->progress.placed = true;
    append->progress.part = 0;
    append->progress.part_offset = 0;
}

/* ---- bulk ---- */

static uint8_t *arena_take(struct log_writer *writer, uint64_t bytes) {
    uint64_t at = writer->arena_head, inside = at % LOG_WRITER_ARENA_BYTES;
    if (inside + bytes > LOG_WRITER_ARENA_BYTES) at += LOG_WRITER_ARENA_BYTES - inside;
    if (at + bytes - writer->arena_tail > LOG_WRITER_ARENA_BYTES) return NULL;
    writer->arena_head = at + bytes;
    return writer->arena + at % LOG_WRITER_ARENA_BYTES;
}

static void add_part(struct unit *unit, const uint8_t *bytes, uint64_t length) {
    unit->parts[unit->part_count++] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = (size_t)length};
    unit->bytes += length;
}

/* The last block of a payload that doesn't fill it: what lies behind it in the chunk is nobody's business. */
static bool add_tail(struct log_writer *writer, struct unit *unit, const uint8_t *bytes, size_t length) {
    uint8_t *block = arena_take(writer, DISK_BLOCK_BYTES);
    if (!block) return false;
    memcpy(block, bytes, length);
    memset(block + length, 0, DISK_BLOCK_BYTES - length);
    add_part(unit, block, DISK_BLOCK_BYTES);
    return true;
}

/* Payload from where the last unit stopped. False: the unit is full. */
static bool add_payload(struct log_writer *writer, struct unit *unit, struct append *append) {
    while (append->progress.part < append->payload_count) {
        const struct iovec *part = &append->payload[append->progress.part];
        const uint8_t *bytes = (const uint8_t *)part->iov_base + append->progress.part_offset;
        uint64_t left = part->iov_len - append->progress.part_offset;
        if (left == 0) {
            append->progress.part++;
            append->progress.part_offset = 0;
            continue;
        }
        if (unit->part_count == LOG_WRITER_PARTS || unit->bytes >= writer->options.group_bytes) return false;
        if (left < DISK_BLOCK_BYTES) {
            invariant(append->progress.part + 1 == append->payload_count);
            if (!add_tail(writer, unit, bytes, (size_t)left)) return false;
            append->progress.part_offset += left;
            continue;
        }
        uint64_t most = writer->options.group_bytes - unit->bytes;
        uint64_t piece = (left < most ? left : most) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
        invariant((uintptr_t)bytes % DISK_BLOCK_BYTES == 0 && piece > 0);
        add_part(unit, bytes, piece);
        append->progress.part_offset += piece;
    }
    return true;
}

/* False: the unit ends here. */
static bool add_record(struct log_writer *writer, struct unit *unit, struct append *append) {
    if (!append->progress.placed) {
        uint32_t header_bytes = record_header_bytes(&append->record, DISK_BLOCK_BYTES);
        uint64_t total = header_bytes ? header_bytes + blocks(append->payload_bytes) : 0;
        uint64_t offset = unit->offset + unit->bytes;
        if (total == 0 || offset + total > writer->current->file.bytes) {
            if (unit->bytes == 0) roll_over(writer, total);
            return false;
        }
        if (unit->part_count == LOG_WRITER_PARTS || (unit->bytes && unit->bytes + header_bytes > writer->options.group_bytes))
            return false;
        uint8_t *header = arena_take(writer, header_bytes);
        if (!header) return false;
        place(writer, append, offset, header_bytes, total, header);
        add_part(unit, header, header_bytes);
    }
    return add_payload(writer, unit, append);
}

static bool fill_bulk(struct log_writer *writer) {
    struct unit *unit = take_unit(writer);
    if (!unit) return false;
    while (writer->unissued && add_record(writer, unit, writer->unissued)) advance(writer);
    if (unit->bytes == 0) return false;
    issue(writer, unit);
    return true;
}

/* ---- small ---- */

static void copy_payload(const struct append *append, uint8_t *out) {
    for (uint32_t i = 0; i < append->payload_count; i++) {
        if (append->payload[i].iov_len) memcpy(out, append->payload[i].iov_base, append->payload[i].iov_len);
        out += append->payload[i].iov_len;
    }
}

/* False: the group ends here. *last: the record that was added. */
static bool add_small(struct log_writer *writer, struct unit *unit, struct append *append, struct append **last) {
    uint32_t header_bytes = record_header_bytes(&append->record, SEGMENT_SMALL_ALIGNMENT);
    uint64_t total = header_bytes ? header_bytes + (append->payload_bytes + 7) / 8 * 8 : 0;
    bool fits_segment = total && unit->offset + blocks(unit->bytes + total) <= writer->current->file.bytes;
    bool fits_group = unit->bytes + total <= writer->group_capacity;
    if (!fits_segment || !fits_group || unit->bytes >= writer->options.group_bytes) {
        if (unit->bytes == 0) roll_over(writer, fits_group ? total : 0);
        return false;
    }
    uint8_t *out = unit->group + unit->bytes;
    place(writer, append, unit->offset + unit->bytes, header_bytes, total, out);
    copy_payload(append, out + header_bytes);
    uint64_t used = header_bytes + append->payload_bytes;
    memset(out + used, 0, (size_t)(total - used));
    unit->bytes += total;
    *last = append;
    return true;
}

/* The group's padding belongs to its last record, so that the next one is found behind it. */
static void close_group(struct unit *unit, struct append *last) {
    uint64_t padded = blocks(unit->bytes);
    memset(unit->group + unit->bytes, 0, (size_t)(padded - unit->bytes));
    last->next_offset = last->progress.end = unit->offset + padded;
    record_extend(unit->group + (last->place.offset - unit->offset), last->progress.end - last->place.offset);
    unit->parts[0] = (struct iovec){.iov_base = unit->group, .iov_len = (size_t)padded};
    unit->part_count = 1;
    unit->bytes = padded;
}

/* One group is written while another is synced; the third gathers. */
static bool may_write_group(const struct log_writer *writer) {
    const struct slot *slot = writer->current;
    if (writer->in_flight) return false;
    uint64_t waiting = slot->written - (writer->syncing == slot ? writer->sync_target : slot->durable);
    return waiting == 0 || !writer->syncing;
}

static bool fill_small(struct log_writer *writer) {
    if (!may_write_group(writer)) return false;
    struct unit *unit = take_unit(writer);
    struct append *last = NULL;
    if (!unit) return false;
    while (writer->unissued && add_small(writer, unit, writer->unissued, &last)) advance(writer);
    if (!last) return false;
    close_group(unit, last);
    issue(writer, unit);
    return true;
}

void log_writer_fill(struct log_writer *writer) {
    while (!writer->recovering && writer->refuse == APPEND_PENDING && writer->current && writer->unissued) {
        bool small = writer->options.kind == STORE_SMALL;
        uint64_t next = writer->options.group_bytes;
        if (writer->in_flight && writer->in_flight_bytes + next > writer->options.device_bytes) return;
        if (!(small ? fill_small(writer) : fill_bulk(writer))) return;
    }
    /* A record that began must end, even when what follows is refused. */
    while (!writer->recovering && writer->refuse != APPEND_PENDING && writer->unissued && writer->unissued->progress.placed)
        if (!fill_bulk(writer)) return;
}
