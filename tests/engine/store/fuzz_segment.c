/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_segment: arbitrary bytes as a segment file: the header block, a scan, the search for the end. The first bytes choose how
 * CRCs are treated: with an odd one they are repaired where a record claims to be, so that what lies behind them is reached. */
#include <stdlib.h>

#include "engine/base/checksum.h"
#include "engine/store/segment.h"

struct memory_file {
    struct disk_file head;
    const uint8_t *bytes;
    size_t length;
};

static int64_t memory_pread(struct disk_file *file, void *buffer, size_t bytes, uint64_t offset) {
    const struct memory_file *m = (const struct memory_file *)(const void *)file;
    if (offset >= m->length) return 0;
    size_t n = m->length - offset < bytes ? (size_t)(m->length - offset) : bytes;
    memcpy(buffer, m->bytes + offset, n);
    return (int64_t)n;
}
static const struct disk_calls calls = {.pread = memory_pread};

/* Makes the CRCs of what looks like a record fit, and its id and offset. */
static void repair(uint8_t *bytes, size_t length, const uint8_t *id) {
    for (size_t at = SEGMENT_HEADER_BYTES; at + RECORD_PREFIX_BYTES <= length; at += 8) {
        uint8_t *p = bytes + at;
        if (memcmp(p, "LREC", 4) != 0) continue;
        uint32_t header_bytes = load_le32(p + 12);
        memcpy(p + 40, id, RECORD_ID_BYTES);
        store_le64(p + 56, at);
        if (header_bytes >= RECORD_PREFIX_BYTES && header_bytes <= length - at)
            store_le32(p + 80, checksum_crc32(0, p + RECORD_PREFIX_BYTES, header_bytes - RECORD_PREFIX_BYTES));
        store_le32(p + 92, checksum_crc32(0, p, 92));
    }
}

static void walk(struct disk_file *file, const struct segment_header *header, uint64_t limit) {
    struct segment_scan scan;
    struct record record;
    struct record_frame frame;
    struct place place;
    uint64_t next, end;
    uint32_t damaged;
    if (!segment_scan_init(&scan, file, header, 0, limit, NULL)) return;
    uint64_t last = 0;
    for (;;) {
        enum segment_step step = segment_scan_next(&scan, &record, &frame, &place, &next, NULL);
        if (step == SEGMENT_END || step == SEGMENT_FAILED) break;
        if (next <= last || next > limit) abort(); /* it must go forward, and stay inside */
        last = next;
        if (step == SEGMENT_RECORD) segment_scan_check(&scan, &record, place, NULL);
        if (step != SEGMENT_RECORD || record.type != RECORD_NOTE) continue;
        struct record_counter counter;
        struct record_problem problem;
        for (struct reader r = reader_over(record.counters); record_counter_next(&r, &counter);) continue;
        for (struct reader r = reader_over(record.problems); record_problem_next(&r, &problem);) continue;
    }
    segment_scan_release(&scan);
    if (segment_find_end(file, header, limit, &end, &damaged, NULL, NULL, NULL) && (end < SEGMENT_HEADER_BYTES || end > limit))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    /* The input is what follows the header block. */
    size_t length = SEGMENT_HEADER_BYTES + size - 2;
    uint8_t *bytes = calloc(1, length);
    if (!bytes) return 0;
    memcpy(bytes + SEGMENT_HEADER_BYTES, data + 2, size - 2);
    struct segment_header header = {.number = 1, .kind = data[1] & 1 ? STORE_BULK : STORE_SMALL}, decoded;
    memset(header.id, 0x77, RECORD_ID_BYTES);
    if (data[0] & 1) repair(bytes, length, header.id);
    struct disk disk = {.calls = &calls};
    struct memory_file file = {.head = {&disk}, .bytes = bytes, .length = length};
    if (length >= 2 * SEGMENT_HEADER_BYTES) segment_decode(bytes + SEGMENT_HEADER_BYTES, &decoded, NULL);
    walk(&file.head, &header, length);
    walk(&file.head, &header, length / 2 > SEGMENT_HEADER_BYTES ? length / 2 : SEGMENT_HEADER_BYTES);
    free(bytes);
    return 0;
}
