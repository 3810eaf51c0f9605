/* SPDX-License-Identifier: Apache-2.0 */
/* segment: the header block of a segment, and the scan over its records. Reads go through a window of the file that is aligned
 * for O_DIRECT; a header always lies in it as one piece. */
#include "engine/store/segment.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/checksum.h"

/* ---- the header block ---- */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_KIND = 6,
    AT_NUMBER = 8,
    AT_LOG = 12,
    AT_ID = 16,
    AT_ARCHIVE_ID = 32,
    AT_CREATED_US = 48,
    AT_FILE_BYTES = 56,
    AT_VOLUME = 64,
    AT_CRC = SEGMENT_HEADER_BYTES - 4,
};
_Static_assert(AT_ARCHIVE_ID == AT_ID + RECORD_ID_BYTES && AT_CREATED_US == AT_ARCHIVE_ID + RECORD_ID_BYTES,
               "two ids of 16 bytes");
_Static_assert(SEGMENT_HEADER_BYTES == DISK_BLOCK_BYTES, "the first record begins at a block");

#define MAGIC 0x4745534Cu /* "LSEG" */

void segment_encode(const struct segment_header *header, uint8_t out[SEGMENT_HEADER_BYTES]) {
    memset(out, 0, SEGMENT_HEADER_BYTES);
    store_le32(out + AT_MAGIC, MAGIC);
    store_le16(out + AT_VERSION, STORE_FORMAT_VERSION);
    store_le16(out + AT_KIND, (uint16_t)header->kind);
    store_le32(out + AT_NUMBER, header->number);
    store_le32(out + AT_LOG, header->log);
    memcpy(out + AT_ID, header->id, RECORD_ID_BYTES);
    memcpy(out + AT_ARCHIVE_ID, header->archive_id, RECORD_ID_BYTES);
    store_le64(out + AT_CREATED_US, header->created_us);
    store_le64(out + AT_FILE_BYTES, header->file_bytes);
    store_le32(out + AT_VOLUME, header->volume);
    store_le32(out + AT_CRC, checksum_crc32(0, out, AT_CRC));
}

bool segment_decode(const uint8_t bytes[SEGMENT_HEADER_BYTES], struct segment_header *header, struct fault *fault) {
    if (load_le32(bytes + AT_MAGIC) != MAGIC) return fault_set(fault, FAULT_MALFORMED, 0, "this is no segment");
    if (load_le32(bytes + AT_CRC) != checksum_crc32(0, bytes, AT_CRC))
        return fault_set(fault, FAULT_CORRUPT, 0, "segment header does not match its CRC");
    if (load_le16(bytes + AT_VERSION) > STORE_FORMAT_VERSION)
        return fault_set(fault, FAULT_NEWER_FORMAT, 0, "segment has format version %u, this leat knows %u",
                         load_le16(bytes + AT_VERSION), STORE_FORMAT_VERSION);
    *header = (struct segment_header){
        .number = load_le32(bytes + AT_NUMBER),
        .log = load_le32(bytes + AT_LOG),
        .volume = load_le32(bytes + AT_VOLUME),
        .kind = (enum store_kind)load_le16(bytes + AT_KIND),
        .created_us = load_le64(bytes + AT_CREATED_US),
        .file_bytes = load_le64(bytes + AT_FILE_BYTES),
    };
    memcpy(header->id, bytes + AT_ID, RECORD_ID_BYTES);
    memcpy(header->archive_id, bytes + AT_ARCHIVE_ID, RECORD_ID_BYTES);
    if (header->kind != STORE_BULK && header->kind != STORE_SMALL)
        return fault_set(fault, FAULT_MALFORMED, 0, "segment is of an unknown kind");
    return true;
}

/* ---- the window ---- */

/* A bulk record is a header of a block or two and a payload that the scan jumps over; small ones follow each other. */
#define WINDOW_BULK_BYTES (16u * 1024u)
#define WINDOW_SMALL_BYTES (512u * 1024u)
#define WINDOW_MAX_BYTES (RECORD_HEADER_MAX_BYTES + 2 * DISK_BLOCK_BYTES)

static bool grow(struct segment_scan *scan, size_t bytes, struct fault *fault) {
    if (bytes <= scan->capacity) return true;
    void *bigger = NULL;
    if (posix_memalign(&bigger, DISK_BLOCK_BYTES, bytes)) return fault_set(fault, FAULT_MEMORY, 0, "no memory to read a segment");
    free(scan->buffer);
    scan->buffer = bigger;
    scan->capacity = bytes;
    scan->buffer_length = 0;
    return true;
}

bool segment_scan_init(struct segment_scan *scan, struct disk_file *file, const struct segment_header *header, uint64_t from,
                       uint64_t limit, struct fault *fault) {
    *scan = (struct segment_scan){
        .file = file,
        .number = header->number,
        .kind = header->kind,
        .at = from < SEGMENT_HEADER_BYTES ? SEGMENT_HEADER_BYTES : from,
        .limit = limit,
    };
    memcpy(scan->id, header->id, RECORD_ID_BYTES);
    uint64_t window = header->kind == STORE_BULK ? WINDOW_BULK_BYTES : WINDOW_SMALL_BYTES;
    uint64_t all = (limit + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    if (window > all) window = all;
    if (window < 2 * DISK_BLOCK_BYTES) window = 2 * DISK_BLOCK_BYTES;
    return grow(scan, window, fault);
}

void segment_scan_release(struct segment_scan *scan) {
    free(scan->buffer);
    scan->buffer = NULL;
}

/* Brings [offset, offset + bytes) into the window, or as much of it as lies before the file's end. */
static bool view(struct segment_scan *scan, uint64_t offset, size_t bytes, struct slice *out, struct fault *fault) {
    uint64_t end = scan->buffer_at + scan->buffer_length;
    if (offset < scan->buffer_at || offset + bytes > end) {
        uint64_t from = offset / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
        size_t need = (size_t)(offset - from) + bytes;
        need = (need + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
        if (!grow(scan, need, fault)) return false;
        scan->buffer_length = 0;
        int64_t n = disk_read_full(scan->file, scan->buffer, scan->capacity, from);
        if (n < 0) {
            fault_set_os(fault, (int)-n, "segment %u can't be read at offset %llu", scan->number, (unsigned long long)offset);
            return false;
        }
        scan->buffer_at = from;
        scan->buffer_length = (size_t)n;
        end = from + (uint64_t)n;
    }
    size_t there = offset >= end ? 0 : (size_t)(end - offset);
    *out = slice_of(scan->buffer + (offset - scan->buffer_at), there < bytes ? there : bytes);
    return true;
}

/* ---- one record ---- */
enum found { FOUND, NOT_FOUND, FAILED };

/* Whether a record of this segment begins at `offset` and lies in the limit. */
static enum found find_frame(struct segment_scan *scan, uint64_t offset, struct record_frame *frame, struct fault *fault) {
    struct slice bytes;
    if (!view(scan, offset, RECORD_PREFIX_BYTES, &bytes, fault)) return FAILED;
    if (!record_decode_frame(bytes, frame, fault)) return NOT_FOUND;
    if (memcmp(frame->segment_id, scan->id, RECORD_ID_BYTES) != 0 || frame->offset != offset) {
        fault_set(fault, FAULT_MALFORMED, offset, "record belongs to another segment or place");
        return NOT_FOUND;
    }
    if (frame->total_bytes > scan->limit - offset) {
        fault_set(fault, FAULT_MALFORMED, offset, "record goes beyond the segment's end");
        return NOT_FOUND;
    }
    return FOUND;
}

static enum found find_record(struct segment_scan *scan, uint64_t offset, struct record *record, struct record_frame *frame,
                              struct fault *fault) {
    enum found found = find_frame(scan, offset, frame, fault);
    if (found != FOUND) return found;
    struct slice bytes;
    if (!view(scan, offset, frame->header_bytes, &bytes, fault)) return FAILED;
    return record_decode(bytes, record, frame, fault) ? FOUND : NOT_FOUND;
}

/* The next place after `from` where a prefix of this segment stands; the limit when there is none. */
static bool find_next(struct segment_scan *scan, uint64_t from, uint64_t *at, struct record_frame *frame, struct fault *fault) {
    uint32_t step = segment_alignment(scan->kind);
    uint64_t offset = (from + step) / step * step;
    struct fault ignored;
    for (; offset + RECORD_PREFIX_BYTES <= scan->limit; offset += step) {
        enum found found = find_frame(scan, offset, frame, &ignored);
        if (found == FOUND) break;
        if (found == FAILED) {
            if (fault) *fault = ignored;
            return false;
        }
    }
    *at = offset + RECORD_PREFIX_BYTES <= scan->limit ? offset : scan->limit;
    return true;
}

enum segment_step segment_scan_next(struct segment_scan *scan, struct record *record, struct record_frame *frame,
                                    struct place *place, uint64_t *next, struct fault *fault) {
    if (scan->at >= scan->limit) return SEGMENT_END;
    struct fault why;
    enum found found = find_record(scan, scan->at, record, frame, &why);
    *place = (struct place){.segment = scan->number, .offset = scan->at};
    if (found == FOUND) {
        place->header_bytes = frame->header_bytes;
        place->payload_bytes = frame->payload_bytes;
        scan->at += frame->total_bytes;
        *next = scan->at;
        return SEGMENT_RECORD;
    }
    if (fault) *fault = why;
    if (found == FAILED) return SEGMENT_FAILED;
    struct record_frame other;
    if (!find_next(scan, scan->at, next, &other, fault)) return SEGMENT_FAILED;
    scan->at = *next;
    if (fault) *fault = why;
    return SEGMENT_DAMAGED;
}

/* ---- payload ---- */
#define CHECK_BYTES (256u * 1024u)

enum segment_payload segment_scan_check(struct segment_scan *scan, const struct record *record, struct place place,
                                        struct fault *fault) {
    if (record->streamed || place.payload_bytes == 0) return SEGMENT_PAYLOAD_WHOLE;
    uint64_t begin = place.offset + place.header_bytes, end = begin + place.payload_bytes;
    uint64_t from = begin / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    uint64_t span = (end - from + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    size_t capacity = span < CHECK_BYTES ? (size_t)span : CHECK_BYTES;
    void *memory = NULL;
    if (posix_memalign(&memory, DISK_BLOCK_BYTES, capacity)) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory to check a payload");
        return SEGMENT_PAYLOAD_UNREADABLE;
    }
    enum segment_payload result = SEGMENT_PAYLOAD_WHOLE;
    uint32_t crc = 0;
    for (uint64_t at = begin; at < end && result == SEGMENT_PAYLOAD_WHOLE;) {
        int64_t n = disk_read_full(scan->file, memory, capacity, from);
        if (n < 0) {
            fault_set_os(fault, (int)-n, "segment %u can't be read at offset %llu", scan->number, (unsigned long long)at);
            result = SEGMENT_PAYLOAD_UNREADABLE;
            break;
        }
        uint64_t stop = from + (uint64_t)n < end ? from + (uint64_t)n : end;
        if (stop <= at) result = SEGMENT_PAYLOAD_BAD;
        while (at < stop && result == SEGMENT_PAYLOAD_WHOLE) {
            uint64_t block = (at - begin) / RECORD_BLOCK_BYTES, block_end = begin + (block + 1) * RECORD_BLOCK_BYTES;
            if (block_end > end) block_end = end;
            uint64_t piece_end = block_end < stop ? block_end : stop;
            crc = checksum_crc32(crc, (uint8_t *)memory + (at - from), (size_t)(piece_end - at));
            at = piece_end;
            if (at < block_end) break;
            if (crc != record_block_crc(record, (uint32_t)block)) result = SEGMENT_PAYLOAD_BAD;
            crc = 0;
        }
        from += (uint64_t)n;
    }
    free(memory);
    if (result == SEGMENT_PAYLOAD_BAD)
        fault_set(fault, FAULT_CORRUPT, place.offset, "payload of the record at offset %llu of segment %u does not match its CRC",
                  (unsigned long long)place.offset, scan->number);
    return result;
}

/* ---- the end of a segment that was active ---- */

/* Looks behind `bad` for a record that was written when everything up to beyond `bad` was durable: then what stands at `bad`
 * isn't a torn end but damage. *durable: how far that proof reaches (bad when there is none). */
static bool find_proof(struct segment_scan *scan, uint64_t bad, uint64_t *durable, struct fault *fault) {
    struct record_frame frame;
    uint64_t at = bad;
    *durable = bad;
    for (;;) {
        if (!find_next(scan, at, &at, &frame, fault)) return false;
        if (at >= scan->limit) return true;
        if (frame.durable_bytes > *durable) *durable = frame.durable_bytes;
        at += RECORD_PREFIX_BYTES - 1;
    }
}

bool segment_find_end(struct disk_file *file, const struct segment_header *header, uint64_t limit, uint64_t *end,
                      uint32_t *damaged, void (*visit)(void *context, const struct record *record), void *context,
                      struct fault *fault) {
    struct segment_scan scan;
    if (!segment_scan_init(&scan, file, header, SEGMENT_HEADER_BYTES, limit, fault)) return false;
    uint64_t proven = 0; /* everything below it was durable once */
    *end = SEGMENT_HEADER_BYTES;
    *damaged = 0;
    bool ok = true;
    for (;;) {
        struct record record;
        struct record_frame frame;
        struct place place;
        uint64_t next;
        struct fault why;
        uint64_t at = scan.at;
        enum segment_step step = segment_scan_next(&scan, &record, &frame, &place, &next, &why);
        enum segment_payload payload = SEGMENT_PAYLOAD_WHOLE;
        if (step == SEGMENT_RECORD) payload = segment_scan_check(&scan, &record, place, &why);
        if (step == SEGMENT_FAILED || payload == SEGMENT_PAYLOAD_UNREADABLE) {
            if (fault) *fault = why;
            ok = false;
            break;
        }
        if (step == SEGMENT_END) break;
        if (step == SEGMENT_RECORD && payload == SEGMENT_PAYLOAD_WHOLE) {
            if (frame.durable_bytes > proven) proven = frame.durable_bytes;
            if (visit) visit(context, &record);
            *end = next;
            continue;
        }
        if (at >= proven) {
            if (!find_proof(&scan, at, &proven, fault)) {
                ok = false;
                break;
            }
            if (at >= proven) break; /* a torn end, as after any power cut */
        }
        (*damaged)++;
        if (next > proven && step == SEGMENT_DAMAGED) { /* nothing readable is left of what was durable */
            *end = proven;
            break;
        }
        *end = next;
    }
    segment_scan_release(&scan);
    return ok;
}
