/* SPDX-License-Identifier: Apache-2.0 */
/* test_manifest: last entry wins; a torn end is tolerated, damage in the middle is not; newer formats; rewrites; failures to
 * record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/checksum.h"
#include "engine/store/disk_sim.h"
#include "engine/store/manifest.h"

#define DIR_ "/a"
#define PATH "/a/manifest"

static int setup(void **state) {
    struct disk *disk = disk_sim_create(3);
    struct manifest manifest;
    struct manifest_volume volume = {.number = 1, .path = "."};
    disk_mkdir(disk, DIR_);
    assert_int_equal(manifest_look(disk, DIR_), STORE_ABSENT);
    assert_true(manifest_prepare(&manifest, disk, DIR_, &volume, 1, NULL));
    assert_int_equal(manifest_look(disk, DIR_), STORE_UNFINISHED);
    assert_true(manifest_publish(&manifest, NULL));
    assert_int_equal(manifest_look(disk, DIR_), STORE_PRESENT);
    manifest_release(&manifest);
    *state = disk;
    return 0;
}

static int teardown(void **state) {
    disk_destroy(*state);
    return 0;
}

static struct manifest_segment segment(uint32_t number, enum manifest_state at, uint64_t end) {
    struct manifest_segment s = {
        .number = number, .log = 1, .volume = 1, .kind = STORE_SMALL, .state = at, .end = end, .file_bytes = 65536};
    memset(s.id, (int)number, RECORD_ID_BYTES);
    return s;
}

static void put(struct manifest *manifest, uint32_t number, enum manifest_state at, uint64_t end) {
    struct manifest_segment s = segment(number, at, end);
    assert_true(manifest_put_segment(manifest, &s, NULL));
}

static void load(struct disk *disk, struct manifest *manifest) {
    struct fault fault;
    if (!manifest_load(manifest, disk, DIR_, &fault)) fail_msg("%s", fault.text);
}

static enum fault_code load_fault(struct disk *disk) {
    struct manifest manifest;
    struct fault fault = {0};
    assert_false(manifest_load(&manifest, disk, DIR_, &fault));
    return fault.code;
}

/* Five segments, the second sealed since. */
static void write_five(struct disk *disk) {
    struct manifest manifest;
    load(disk, &manifest);
    assert_true(manifest_begin(&manifest, NULL));
    for (uint32_t i = 1; i <= 5; i++) {
        assert_int_equal(manifest_take_number(&manifest), i);
        put(&manifest, i, MANIFEST_ACTIVE, 0);
    }
    put(&manifest, 2, MANIFEST_SEALED, 12288);
    manifest_release(&manifest);
}

static void test_last_entry_wins(void **state) {
    struct manifest manifest;
    struct manifest_segment s;
    write_five(*state);
    load(*state, &manifest);
    assert_int_equal(manifest.segment_count, 5);
    assert_int_equal(manifest.volume_count, 1);
    assert_string_equal(manifest.volumes[0].path, ".");
    assert_true(manifest_get_segment(&manifest, 2, &s));
    assert_true(s.state == MANIFEST_SEALED && s.end == 12288);
    assert_false(manifest_get_segment(&manifest, 6, &s));
    assert_int_equal(manifest_take_number(&manifest), 6);
    assert_false(manifest.torn);
    manifest_release(&manifest);
}

/* Entries: archive, volume, five segments, one seal: the last one is at 7 * 256. */
static void test_torn_end(void **state) {
    struct manifest manifest;
    struct manifest_segment s;
    write_five(*state);
    assert_true(disk_sim_flip(*state, PATH, 7 * 256 + 100, 1));
    load(*state, &manifest);
    assert_true(manifest.torn);
    assert_true(manifest_get_segment(&manifest, 2, &s));
    assert_int_equal(s.state, MANIFEST_ACTIVE);
    assert_true(manifest_begin(&manifest, NULL)); /* rewrites it */
    put(&manifest, 2, MANIFEST_SEALED, 8192);
    manifest_release(&manifest);
    load(*state, &manifest);
    assert_false(manifest.torn);
    assert_true(manifest_get_segment(&manifest, 2, &s));
    assert_int_equal(s.end, 8192);
    manifest_release(&manifest);
}

static void test_damage_in_the_middle(void **state) {
    write_five(*state);
    for (uint64_t entry = 0; entry < 7; entry++) {
        for (uint64_t at = 0; at < 256; at += 51) {
            assert_true(disk_sim_flip(*state, PATH, entry * 256 + at, 0x40));
            assert_int_equal(load_fault(*state), FAULT_CORRUPT);
            assert_true(disk_sim_flip(*state, PATH, entry * 256 + at, 0x40));
        }
    }
}

/* A manifest that was just rewritten has no later entry that vouches for the earlier ones: each vouches for all. */
static void test_damage_after_a_rewrite(void **state) {
    struct manifest manifest;
    write_five(*state);
    assert_true(disk_sim_flip(*state, PATH, 7 * 256 + 100, 1));
    load(*state, &manifest);
    assert_true(manifest_begin(&manifest, NULL));
    manifest_release(&manifest);
    for (uint64_t entry = 0; entry < 7; entry++) {
        assert_true(disk_sim_flip(*state, PATH, entry * 256 + 60, 0x40));
        assert_int_equal(load_fault(*state), FAULT_CORRUPT);
        assert_true(disk_sim_flip(*state, PATH, entry * 256 + 60, 0x40));
    }
}

static void test_newer_format(void **state) {
    struct disk_file *file;
    uint8_t entry[256];
    write_five(*state);
    assert_int_equal(disk_open(*state, PATH, DISK_WRITE, &file), 0);
    assert_int_equal(disk_read_full(file, entry, 256, 0), 256);
    store_le16(entry + 4, 2);
    store_le32(entry + 252, checksum_crc32(0, entry, 252));
    assert_int_equal(disk_write_full(file, entry, 256, 0), 0);
    disk_close(file);
    assert_int_equal(load_fault(*state), FAULT_NEWER_FORMAT);
}

static void test_missing(void **state) {
    assert_int_equal(disk_unlink(*state, PATH), 0);
    assert_int_equal(load_fault(*state), FAULT_MISSING);
}

static void test_unreadable_is_not_absent(void **state) {
    disk_sim_set_faults(*state, &(struct disk_sim_faults){.name_error = 1000000});
    assert_int_equal(manifest_look(*state, DIR_), STORE_PRESENT);
    disk_sim_set_faults(*state, NULL);
}

static void test_rewrite_when_much_is_superseded(void **state) {
    struct manifest manifest;
    load(*state, &manifest);
    assert_true(manifest_begin(&manifest, NULL));
    for (uint32_t i = 1; i <= 400; i++) {
        put(&manifest, i, MANIFEST_ACTIVE, 0);
        put(&manifest, i, i % 100 ? MANIFEST_GONE : MANIFEST_SEALED, 8192);
    }
    manifest_release(&manifest);
    load(*state, &manifest);
    assert_int_equal(manifest.entry_count, 802);
    assert_true(manifest_begin(&manifest, NULL));
    assert_int_equal(manifest.entry_count, 6);
    manifest_release(&manifest);
    load(*state, &manifest);
    assert_int_equal(manifest.segment_count, 4);
    assert_int_equal(manifest_take_number(&manifest), 401); /* never one that was used before */
    manifest_release(&manifest);
}

/* An fdatasync that fails once: the manifest is written anew and goes on. */
static void test_failed_append(void **state) {
    struct manifest manifest;
    struct manifest_segment s = segment(9, MANIFEST_ACTIVE, 0);
    struct fault fault = {0};
    load(*state, &manifest);
    assert_true(manifest_begin(&manifest, NULL));
    unsigned written_anew = 0;
    for (uint32_t i = 0; i < 40 && !manifest.broken; i++) {
        disk_sim_set_faults(*state, &(struct disk_sim_faults){.sync_error = 300000});
        uint32_t before = manifest_sync_failures(&manifest);
        s.number = 10 + i;
        bool ok = manifest_put_segment(&manifest, &s, &fault);
        if (ok && manifest_sync_failures(&manifest) != before) written_anew++;
        assert_true(ok || manifest.broken);
    }
    assert_true(written_anew > 0);
    uint32_t last = s.number;
    bool broken = manifest.broken;
    disk_sim_set_faults(*state, NULL);
    if (broken) assert_false(manifest_put_segment(&manifest, &s, &fault)); /* for ever */
    manifest_release(&manifest);
    disk_sim_cut_after(*state, 0);
    disk_sim_restart(*state);
    load(*state, &manifest);
    for (uint32_t number = 10; number < last + !broken; number++) assert_true(manifest_get_segment(&manifest, number, &s));
    manifest_release(&manifest);
}

static void test_room_is_reserved(void **state) {
    struct manifest manifest;
    load(*state, &manifest);
    assert_true(manifest_begin(&manifest, NULL));
    assert_true(manifest_reserve(&manifest, 400, NULL));
    disk_sim_set_capacity(*state, 0);
    struct fault fault = {0};
    for (uint32_t i = 1; i <= 400; i++) put(&manifest, i, MANIFEST_SEALED, 8192);
    assert_false(manifest_reserve(&manifest, 4000, &fault));
    assert_int_equal(fault.code, FAULT_NO_SPACE);
    manifest_release(&manifest);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_last_entry_wins),
        TEST(test_torn_end),
        TEST(test_damage_in_the_middle),
        TEST(test_damage_after_a_rewrite),
        TEST(test_newer_format),
        TEST(test_missing),
        TEST(test_unreadable_is_not_absent),
        TEST(test_rewrite_when_much_is_superseded),
        TEST(test_failed_append),
        TEST(test_room_is_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
