/* SPDX-License-Identifier: Apache-2.0 */
/* store_read: one record's header, one record's payload. Nothing is handed out before its CRC was checked. A file is opened for
 * each read and closed after it, so that a segment can go at any time. Any thread, blocking. */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/checksum.h"
#include "engine/store/store_state.h"

/* ---- headers ---- */

static uint64_t down(uint64_t at) { return at / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES; }
static uint64_t up(uint64_t at) { return down(at + DISK_BLOCK_BYTES - 1); }

static bool no_memory(struct fault *fault) { return fault_set(fault, FAULT_MEMORY, 0, "no memory to read a record"); }

/* Reads [at, at + bytes) of a file into aligned memory; *out points into it. */
static bool read_range(struct disk_file *file, uint8_t *memory, uint64_t at, uint64_t bytes, struct slice *out,
                       struct fault *fault) {
    uint64_t from = down(at), span = up(at + bytes) - from;
    int64_t n = disk_read_full(file, memory, (size_t)span, from);
    if (n < 0) return fault_set_os(fault, (int)-n, "the archive can't be read at offset %llu", (unsigned long long)at);
    if ((uint64_t)n < at - from + bytes)
        return fault_set(fault, FAULT_CORRUPT, at, "a file of the archive ends before offset %llu",
                         (unsigned long long)(at + bytes));
    *out = slice_of(memory + (at - from), (size_t)bytes);
    return true;
}

static bool find_view(struct store *store, struct place place, struct segment_view *view, struct fault *fault) {
    if (!store_state_view(store, place.segment, view))
        return fault_set(fault, FAULT_MISSING, place.offset, "there is no segment %u", place.segment);
    if (place.header_bytes < RECORD_PREFIX_BYTES || place.header_bytes > RECORD_HEADER_MAX_BYTES
        || (view->sealed && place.offset + place.header_bytes > view->end))
        return fault_set(fault, FAULT_MISSING, place.offset, "segment %u holds no such record at offset %llu", place.segment,
                         (unsigned long long)place.offset);
    return true;
}

static bool decode(const struct segment_view *view, struct place place, struct slice bytes, struct store_header *header,
                   struct fault *fault) {
    struct fault why;
    if (!record_decode(bytes, &header->record, &header->frame, &why))
        return fault_set(fault, FAULT_CORRUPT, place.offset, "segment %u, offset %llu: %s", place.segment,
                         (unsigned long long)place.offset, why.text);
    if (memcmp(header->frame.segment_id, view->id, RECORD_ID_BYTES) != 0 || header->frame.offset != place.offset
        || header->frame.header_bytes != place.header_bytes || header->frame.payload_bytes != place.payload_bytes)
        return fault_set(fault, FAULT_CORRUPT, place.offset, "segment %u, offset %llu: the record is another one than expected",
                         place.segment, (unsigned long long)place.offset);
    return true;
}

static bool read_header(struct disk_file *file, const struct segment_view *view, struct place place, struct store_header *header,
                        struct fault *fault) {
    void *memory = NULL;
    struct slice bytes;
    header->memory = NULL;
    if (posix_memalign(&memory, DISK_BLOCK_BYTES, (size_t)(up(place.offset + place.header_bytes) - down(place.offset))))
        return no_memory(fault);
    if (read_range(file, memory, place.offset, place.header_bytes, &bytes, fault) && decode(view, place, bytes, header, fault)) {
        header->memory = memory;
        return true;
    }
    free(memory);
    return false;
}

bool store_read_header(struct store *store, struct place place, struct store_header *header, struct fault *fault) {
    struct segment_view view;
    struct disk_file *file;
    header->memory = NULL;
    if (!find_view(store, place, &view, fault) || !store_state_open(store, &view, &file, fault)) return false;
    bool ok = read_header(file, &view, place, header, fault);
    disk_close(file);
    return ok;
}

void store_header_release(struct store_header *header) {
    free(header->memory);
    header->memory = NULL;
}

/* ---- payloads ---- */

struct store_payload {
    struct place place;
    struct store_header header;
    struct disk_file *file;
    uint64_t begin; /* of the payload in the file */
    uint64_t at;    /* given so far */
    uint8_t *memory;
};

/* It moves from streams/new to streams once its record is durable, perhaps just now. */
static bool open_stream(struct store *store, const struct record *record, struct disk_file **file, struct fault *fault) {
    static const char *const folders[] = {"streams", "streams/new", "streams"};
    char path[PATH_MAX];
    const struct volume *volume = store_state_volume(store, record->stream_volume, NULL);
    if (!volume || volume->absent)
        return fault_set(fault, FAULT_MISSING, 0, "volume %u, which holds the payload, is missing", record->stream_volume);
    int error = -ENOENT;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && error == -ENOENT; i++) {
        volume_stream_path(volume, folders[i], record->stream_file, path);
        error = disk_open(store->disk, path, DISK_READ, file);
    }
    if (error == -ENOENT) return fault_set(fault, FAULT_MISSING, 0, "streamed file %s is missing", path);
    return error ? fault_set_os(fault, -error, "%s can't be opened", path) : true;
}

static bool open_file(struct store *store, struct store_payload *payload, struct fault *fault) {
    struct segment_view view;
    if (!find_view(store, payload->place, &view, fault) || !store_state_open(store, &view, &payload->file, fault)) return false;
    if (!read_header(payload->file, &view, payload->place, &payload->header, fault)) return false;
    payload->begin = payload->place.offset + payload->place.header_bytes;
    if (!payload->header.record.streamed) return true;
    disk_close(payload->file);
    payload->file = NULL;
    payload->begin = 0;
    return open_stream(store, &payload->header.record, &payload->file, fault);
}

struct store_payload *store_payload_open(struct store *store, struct place place, struct fault *fault) {
    struct store_payload *payload = calloc(1, sizeof *payload);
    if (!payload) {
        no_memory(fault);
        return NULL;
    }
    payload->place = place;
    if (open_file(store, payload, fault)) {
        uint64_t block = place.payload_bytes < RECORD_BLOCK_BYTES ? place.payload_bytes : RECORD_BLOCK_BYTES;
        void *memory = NULL;
        if (posix_memalign(&memory, DISK_BLOCK_BYTES, (size_t)up(block) + 2 * DISK_BLOCK_BYTES) == 0) {
            payload->memory = memory;
            return payload;
        }
        no_memory(fault);
    }
    store_payload_close(payload);
    return NULL;
}

const struct record *store_payload_record(const struct store_payload *payload) { return &payload->header.record; }

bool store_payload_next(struct store_payload *payload, struct slice *block, struct fault *fault) {
    uint64_t left = payload->place.payload_bytes - payload->at;
    uint64_t bytes = left < RECORD_BLOCK_BYTES ? left : RECORD_BLOCK_BYTES;
    *block = slice_of(NULL, 0);
    if (bytes == 0) return true;
    if (!read_range(payload->file, payload->memory, payload->begin + payload->at, bytes, block, fault)) return false;
    uint32_t expected = record_block_crc(&payload->header.record, (uint32_t)(payload->at / RECORD_BLOCK_BYTES));
    if (checksum_crc32(0, block->bytes, block->length) != expected) {
        *block = slice_of(NULL, 0);
        return fault_set(fault, FAULT_CORRUPT, payload->at,
                         "payload of the record at offset %llu of segment %u does not match its CRC",
                         (unsigned long long)payload->place.offset, payload->place.segment);
    }
    payload->at += bytes;
    return true;
}

void store_payload_close(struct store_payload *payload) {
    if (!payload) return;
    if (payload->file) disk_close(payload->file);
    store_header_release(&payload->header);
    free(payload->memory);
    free(payload);
}

bool store_read_payload(struct store *store, struct place place, store_block_visitor *visit, void *context, struct fault *fault) {
    struct store_payload *payload = store_payload_open(store, place, fault);
    if (!payload) return false;
    struct slice block;
    uint64_t at = 0;
    bool ok;
    while ((ok = store_payload_next(payload, &block, fault)) && block.length) {
        if (!visit(context, block, at)) {
            ok = fault_set(fault, FAULT_CANCELLED, 0, "stopped");
            break;
        }
        at += block.length;
    }
    store_payload_close(payload);
    return ok;
}
