/* SPDX-License-Identifier: Apache-2.0 */
/* test_segment: header blocks; scans over good, torn, damaged and recycled segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/checksum.h"
#include "engine/store/disk_sim.h"
#include "engine/store/segment.h"

#define FILE_BYTES (1u << 20)
#define PATH "/a/segment"

struct desk {
    struct disk *disk;
    struct disk_file *file;
    struct segment_header header;
    uint64_t end;
    uint64_t offsets[64];
    uint32_t count;
};

static int setup(void **state) {
    struct desk *desk = calloc(1, sizeof *desk);
    desk->disk = disk_sim_create(1);
    disk_mkdir(desk->disk, "/a");
    assert_int_equal(disk_open(desk->disk, PATH, DISK_WRITE | DISK_CREATE, &desk->file), 0);
    desk->header = (struct segment_header){
        .number = 7, .log = 1, .volume = 1, .kind = STORE_SMALL, .file_bytes = FILE_BYTES, .created_us = 5};
    memset(desk->header.id, 0x77, RECORD_ID_BYTES);
    uint8_t block[SEGMENT_HEADER_BYTES];
    segment_encode(&desk->header, block);
    assert_int_equal(disk_write_full(desk->file, block, sizeof block, 0), 0);
    assert_int_equal(disk_allocate(desk->file, FILE_BYTES), 0);
    desk->end = SEGMENT_HEADER_BYTES;
    *state = desk;
    return 0;
}

static int teardown(void **state) {
    struct desk *desk = *state;
    disk_close(desk->file);
    disk_destroy(desk->disk);
    free(desk);
    return 0;
}

/* Appends a record with a payload at the end, as if `durable` were durable by then. */
static void put(struct desk *desk, uint32_t payload, uint64_t durable, const uint8_t *id) {
    static uint8_t bytes[256 * 1024];
    uint8_t crc[4];
    struct record record = {.type = RECORD_OBJECT, .sequence = desk->count + 1, .payload_length = payload};
    memset(bytes, (int)desk->count + 1, sizeof bytes);
    store_le32(crc, checksum_crc32(0, bytes, payload));
    record.block_crcs = slice_of(crc, payload ? 4 : 0);
    struct record_frame frame = {.offset = desk->end, .durable_bytes = durable, .header_bytes = record_header_bytes(&record, 8)};
    memcpy(frame.segment_id, id ? id : desk->header.id, RECORD_ID_BYTES);
    frame.total_bytes = frame.header_bytes + (payload + 7u) / 8 * 8;
    uint8_t header[4096];
    record_encode(&record, &frame, header);
    assert_int_equal(disk_write_full(desk->file, header, frame.header_bytes, desk->end), 0);
    if (payload) assert_int_equal(disk_write_full(desk->file, bytes, payload, desk->end + frame.header_bytes), 0);
    desk->offsets[desk->count++] = desk->end;
    desk->end += frame.total_bytes;
}

static void flip(struct desk *desk, uint64_t offset) { assert_true(disk_sim_flip(desk->disk, PATH, offset, 0x10)); }

static void expect_end(struct desk *desk, uint64_t expected, uint32_t expected_damage) {
    uint64_t end;
    uint32_t damaged;
    struct fault fault;
    if (!segment_find_end(desk->file, &desk->header, FILE_BYTES, &end, &damaged, NULL, NULL, &fault)) fail_msg("%s", fault.text);
    assert_int_equal(end, expected);
    assert_int_equal(damaged, expected_damage);
}

static void test_header(void **state) {
    struct desk *desk = *state;
    uint8_t block[SEGMENT_HEADER_BYTES];
    struct segment_header out;
    struct fault fault;
    segment_encode(&desk->header, block);
    assert_true(segment_decode(block, &out, &fault));
    assert_true(out.number == 7 && out.log == 1 && out.volume == 1 && out.kind == STORE_SMALL && out.file_bytes == FILE_BYTES);
    for (size_t at = 0; at < sizeof block; at++) {
        block[at] ^= 1;
        assert_false(segment_decode(block, &out, &fault));
        block[at] ^= 1;
    }
    store_le16(block + 4, 2);
    store_le32(block + 4092, checksum_crc32(0, block, 4092));
    assert_false(segment_decode(block, &out, &fault));
    assert_int_equal(fault.code, FAULT_NEWER_FORMAT);
}

static void test_scan(void **state) {
    struct desk *desk = *state;
    for (uint32_t i = 0; i < 20; i++) put(desk, i * 1000, 4096, NULL);
    expect_end(desk, desk->end, 0);
    struct segment_scan scan;
    struct record record;
    struct record_frame frame;
    struct place place;
    uint64_t next = 0;
    assert_true(segment_scan_init(&scan, desk->file, &desk->header, 0, desk->end, NULL));
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(segment_scan_next(&scan, &record, &frame, &place, &next, NULL), SEGMENT_RECORD);
        assert_int_equal(record.sequence, i + 1);
        assert_int_equal(place.offset, desk->offsets[i]);
        assert_int_equal(place.payload_bytes, i * 1000);
        assert_int_equal(segment_scan_check(&scan, &record, place, NULL), SEGMENT_PAYLOAD_WHOLE);
    }
    assert_int_equal(next, desk->end);
    assert_int_equal(segment_scan_next(&scan, &record, &frame, &place, &next, NULL), SEGMENT_END);
    segment_scan_release(&scan);
}

static void test_empty(void **state) { expect_end(*state, SEGMENT_HEADER_BYTES, 0); }

static void test_torn_end(void **state) {
    struct desk *desk = *state;
    for (uint32_t i = 0; i < 5; i++) put(desk, 3000, 4096, NULL);
    flip(desk, desk->end - 10); /* in the last payload */
    expect_end(desk, desk->offsets[4], 0);
    flip(desk, desk->offsets[2] + 30); /* a header, and nobody says that it was durable */
    expect_end(desk, desk->offsets[2], 0);
}

/* A later record proves it: damage, and what lies behind is kept. */
static void test_damage_is_not_the_end(void **state) {
    struct desk *desk = *state;
    for (uint32_t i = 0; i < 3; i++) put(desk, 3000, 4096, NULL);
    put(desk, 3000, desk->offsets[2], NULL); /* 0 and 1 were durable */
    put(desk, 3000, desk->end, NULL);        /* and now all four */
    flip(desk, desk->offsets[1] + 20);
    expect_end(desk, desk->end, 1);
    flip(desk, desk->offsets[3] + 500); /* a payload: it stays in its place, reads will tell */
    expect_end(desk, desk->end, 2);
    flip(desk, desk->offsets[4] + 20); /* now nobody says that 2 and 3 were durable: 3 is a torn end */
    expect_end(desk, desk->offsets[3], 1);
}

static void test_recycled_file(void **state) {
    struct desk *desk = *state;
    uint8_t other[RECORD_ID_BYTES] = {1};
    put(desk, 3000, 4096, NULL);
    uint64_t end = desk->end;
    put(desk, 3000, 4096, other);
    put(desk, 3000, end, other);
    expect_end(desk, end, 0);
}

static void test_sealed_segment_gives_what_it_can(void **state) {
    struct desk *desk = *state;
    for (uint32_t i = 0; i < 10; i++) put(desk, 2000, 4096, NULL);
    flip(desk, desk->offsets[3] + 50);
    flip(desk, desk->offsets[4] + 100);
    struct segment_scan scan;
    struct record record;
    struct record_frame frame;
    struct place place;
    uint64_t next;
    uint32_t records = 0, damaged = 0;
    assert_true(segment_scan_init(&scan, desk->file, &desk->header, 0, desk->end, NULL));
    for (enum segment_step step; (step = segment_scan_next(&scan, &record, &frame, &place, &next, NULL)) != SEGMENT_END;) {
        assert_true(step == SEGMENT_RECORD || step == SEGMENT_DAMAGED);
        records += step == SEGMENT_RECORD;
        if (step == SEGMENT_DAMAGED) {
            damaged++;
            /* The header's CRC of the second one fails: its prefix stands, so it is found once more as what it is. */
            assert_true(place.offset == desk->offsets[3] || place.offset == desk->offsets[4]);
            assert_true(next == desk->offsets[4] || next == desk->offsets[5]);
        }
    }
    segment_scan_release(&scan);
    assert_int_equal(records, 8);
    assert_int_equal(damaged, 2);
}

static void test_unreadable_is_not_the_end(void **state) {
    struct desk *desk = *state;
    uint64_t end;
    uint32_t damaged;
    struct fault fault = {0};
    put(desk, 3000, 4096, NULL);
    disk_sim_set_faults(desk->disk, &(struct disk_sim_faults){.read_error = 1000000});
    assert_false(segment_find_end(desk->file, &desk->header, FILE_BYTES, &end, &damaged, NULL, NULL, &fault));
    assert_int_equal(fault.code, FAULT_IO);
    disk_sim_set_faults(desk->disk, NULL);
}

static void test_short_file(void **state) {
    struct desk *desk = *state;
    for (uint32_t i = 0; i < 5; i++) put(desk, 3000, 4096, NULL);
    assert_int_equal(disk_truncate(desk->file, desk->offsets[4] + 200), 0);
    uint64_t end;
    uint32_t damaged;
    assert_true(segment_find_end(desk->file, &desk->header, desk->offsets[4] + 200, &end, &damaged, NULL, NULL, NULL));
    assert_int_equal(end, desk->offsets[4]);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_header),
        TEST(test_scan),
        TEST(test_empty),
        TEST(test_torn_end),
        TEST(test_damage_is_not_the_end),
        TEST(test_recycled_file),
        TEST(test_sealed_segment_gives_what_it_can),
        TEST(test_unreadable_is_not_the_end),
        TEST(test_short_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
