/* SPDX-License-Identifier: Apache-2.0 */
/* segment: an append-only file of records: a header block, then records until its end. Reading only: the log writer writes.
 *
 * A scan steps over the records of [from, limit) in their order. Nothing in the file is trusted: a record counts when its prefix
 * names this segment and this offset and its CRCs hold. segment_find_end says where the records of a segment end that was still
 * written to when the machine stopped. A scan has one owner; any thread. */
#ifndef LEAT_STORE_SEGMENT_H
#define LEAT_STORE_SEGMENT_H

#include "engine/store/disk.h"
#include "engine/store/record.h"
#include "engine/store/store.h"

#define SEGMENT_HEADER_BYTES 4096u
#define SEGMENT_SMALL_ALIGNMENT 8u

struct segment_header {
    uint32_t number, log, volume;
    enum store_kind kind;
    uint8_t id[RECORD_ID_BYTES];
    uint8_t archive_id[RECORD_ID_BYTES];
    uint64_t created_us;
    uint64_t file_bytes;
};

void segment_encode(const struct segment_header *header, uint8_t out[SEGMENT_HEADER_BYTES]);
bool segment_decode(const uint8_t bytes[SEGMENT_HEADER_BYTES], struct segment_header *header, struct fault *fault);

static inline uint32_t segment_alignment(enum store_kind kind) {
    return kind == STORE_BULK ? DISK_BLOCK_BYTES : SEGMENT_SMALL_ALIGNMENT;
}

enum segment_step {
    SEGMENT_RECORD,  /* *record, *place, *next: good until the next step */
    SEGMENT_DAMAGED, /* bytes [place->offset, *next) hold no readable record; go on to find what lies behind them */
    SEGMENT_END,     /* limit reached */
    SEGMENT_FAILED,  /* the file can't be read: *fault; nothing is known about its end */
};

struct segment_scan {
    struct disk_file *file;
    uint32_t number;
    enum store_kind kind;
    uint8_t id[RECORD_ID_BYTES];
    uint64_t at, limit;
    uint8_t *buffer; /* a window of the file, DISK_BLOCK_BYTES aligned */
    size_t capacity;
    uint64_t buffer_at;
    size_t buffer_length;
};

/* file: opened for reading (direct or not), borrowed. limit: sealed or durable end, or the file's size. False: no memory. */
bool segment_scan_init(struct segment_scan *scan, struct disk_file *file, const struct segment_header *header, uint64_t from,
                       uint64_t limit, struct fault *fault);
void segment_scan_release(struct segment_scan *scan);

/* The next record; its payload isn't looked at. On SEGMENT_DAMAGED *fault says what is wrong with the first bytes. */
enum segment_step segment_scan_next(struct segment_scan *scan, struct record *record, struct record_frame *frame,
                                    struct place *place, uint64_t *next, struct fault *fault);

enum segment_payload { SEGMENT_PAYLOAD_WHOLE, SEGMENT_PAYLOAD_BAD, SEGMENT_PAYLOAD_UNREADABLE };
/* Whether the payload of the record that was just given is whole (a streamed one has none here). The record stays good. */
enum segment_payload segment_scan_check(struct segment_scan *scan, const struct record *record, struct place place,
                                        struct fault *fault);

/* Where the records of [SEGMENT_HEADER_BYTES, limit) end: behind the last one before the first that isn't whole, unless a later
 * record proves that the damage was durable once; then that is damage, and *damaged counts such places. visit (may be NULL) sees
 * each whole record. False: the file can't be read (*fault), or no memory. */
bool segment_find_end(struct disk_file *file, const struct segment_header *header, uint64_t limit, uint64_t *end,
                      uint32_t *damaged, void (*visit)(void *context, const struct record *record), void *context,
                      struct fault *fault);

#endif
