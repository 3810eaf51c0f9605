/* SPDX-License-Identifier: Apache-2.0 */
/* test_store: create, open, lock, what is missing or damaged, replay, reads, scrub, streams, volumes, pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/log.h"
#include "store_fixture.h"

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f, 5);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture_release(*state);
    free(*state);
    return 0;
}

static enum fault_code open_fault(struct fixture *f, struct fault *fault) {
    *fault = (struct fault){0};
    assert_null(store_open(f->disk, &f->options, fault));
    return fault->code;
}

static void fill(struct fixture *f) {
    fixture_open(f);
    for (uint32_t i = 0; i < 40; i++) fixture_append(f, i % 2, 1000 + i * 500);
    fixture_run(f);
    fixture_close(f);
}

static void segment_path(uint32_t number, char out[128]) { snprintf(out, 128, FIXTURE_DIR "/segments/%010u.seg", number); }

static void test_create(void **state) {
    struct fixture *f = *state;
    struct fault fault = {0};
    assert_int_equal(store_look(f->disk, FIXTURE_DIR), STORE_PRESENT);
    assert_false(store_create(f->disk, &f->options, &fault));
    assert_int_equal(fault.code, FAULT_CONFIG);
    assert_int_equal(store_look(f->disk, "/a/none"), STORE_ABSENT);
    f->options.dir = "/a/none";
    assert_int_equal(open_fault(f, &fault), FAULT_MISSING);
    f->options.dir = "/a/deep/er/still";
    assert_true(store_create(f->disk, &f->options, &fault));
    assert_int_equal(store_look(f->disk, f->options.dir), STORE_PRESENT);
    f->options.dir = FIXTURE_DIR;
}

/* The rename that makes an archive exist didn't happen: opening finishes it. */
static void test_unfinished_creation(void **state) {
    struct fixture *f = *state;
    assert_int_equal(disk_rename(f->disk, FIXTURE_DIR "/manifest", FIXTURE_DIR "/manifest.new"), 0);
    assert_int_equal(store_look(f->disk, FIXTURE_DIR), STORE_UNFINISHED);
    fill(f);
    fixture_verify(f);
}

/* Segments without a manifest: nothing is created over them. */
static void test_lost_manifest(void **state) {
    struct fixture *f = *state;
    struct fault fault = {0};
    fill(f);
    assert_int_equal(disk_unlink(f->disk, FIXTURE_DIR "/manifest"), 0);
    assert_int_equal(open_fault(f, &fault), FAULT_MISSING);
    assert_false(store_create(f->disk, &f->options, &fault));
    assert_int_equal(fault.code, FAULT_CONFIG);
}

static void test_lock(void **state) {
    struct fixture *f = *state;
    struct fault fault;
    fixture_open(f);
    assert_int_equal(open_fault(f, &fault), FAULT_LOCKED);
    assert_non_null(strstr(fault.text, "4711"));
    fixture_close(f);
    f->options.read_only = true; /* several readers may be there at once */
    struct store *one = store_open(f->disk, &f->options, NULL), *two = store_open(f->disk, &f->options, NULL);
    assert_non_null(one);
    assert_non_null(two);
    assert_true(store_is_read_only(one));
    f->options.read_only = false;
    assert_int_equal(open_fault(f, &fault), FAULT_LOCKED);
    store_close(one);
    store_close(two);
}

static void test_missing_segment(void **state) {
    struct fixture *f = *state;
    struct fault fault;
    char path[128];
    fill(f);
    uint32_t gone = f->objects.items[20].append.place.segment;
    segment_path(gone, path);
    assert_int_equal(disk_unlink(f->disk, path), 0);
    assert_int_equal(open_fault(f, &fault), FAULT_MISSING);
    assert_non_null(strstr(fault.text, path));
    f->options.read_only = true;
    assert_int_equal(open_fault(f, &fault), FAULT_MISSING);

    f->options.accept_missing = true;
    f->store = store_open(f->disk, &f->options, &fault);
    assert_non_null(f->store);
    struct store_statistics statistics;
    store_get_statistics(f->store, &statistics);
    assert_int_equal(statistics.missing_segments, 1);
    store_close(f->store);

    f->options.read_only = false;
    f->store = store_open(f->disk, &f->options, &fault);
    assert_non_null(f->store);
    struct store_header header;
    assert_false(store_read_header(f->store, f->objects.items[20].append.place, &header, &fault));
    assert_int_equal(fault.code, FAULT_MISSING);
    store_close(f->store);

    f->options.accept_missing = false; /* it was struck: not named again */
    f->store = store_open(f->disk, &f->options, &fault);
    assert_non_null(f->store);
    store_close(f->store);
    f->store = NULL;
}

struct scrubbed {
    uint32_t good, bad;
    struct place where;
    uint64_t done, total;
};
static bool count_scrub(void *context, const struct record *record, struct place place, const struct fault *bad, uint64_t done,
                        uint64_t total) {
    struct scrubbed *s = context;
    if (bad) {
        s->bad++;
        s->where = place;
    } else {
        s->good++;
    }
    assert_true(done >= s->done && done <= total);
    s->done = done;
    s->total = total;
    return true;
}

static void test_flipped_bits(void **state) {
    struct fixture *f = *state;
    struct fault fault;
    char path[128];
    fill(f);
    struct sim_object *victim = &f->objects.items[10]; /* bulk */
    struct place place = victim->append.place;
    segment_path(place.segment, path);
    f->store = store_open(f->disk, &f->options, NULL);
    struct scrubbed s = {0};
    assert_true(store_scrub(f->store, count_scrub, &s, NULL));
    assert_true(s.good == 40 && s.bad == 0 && s.done == s.total && s.total > 0);

    assert_true(disk_sim_flip(f->disk, path, place.offset + place.header_bytes + 17, 8));
    s = (struct scrubbed){0};
    assert_true(store_scrub(f->store, count_scrub, &s, NULL));
    assert_true(s.good == 39 && s.bad == 1 && s.where.offset == place.offset);
    struct store_payload *payload = store_payload_open(f->store, place, &fault);
    struct slice block;
    assert_non_null(payload);
    assert_false(store_payload_next(payload, &block, &fault));
    assert_int_equal(fault.code, FAULT_CORRUPT);
    store_payload_close(payload);

    assert_true(disk_sim_flip(f->disk, path, place.offset + 40, 8)); /* the header too */
    struct store_header header;
    assert_false(store_read_header(f->store, place, &header, &fault));
    assert_int_equal(fault.code, FAULT_CORRUPT);
    s = (struct scrubbed){0};
    assert_true(store_scrub(f->store, count_scrub, &s, NULL));
    assert_true(s.good == 39 && s.bad == 1);
    store_close(f->store);
    f->store = NULL;
}

static void test_place_that_is_none(void **state) {
    struct fixture *f = *state;
    struct fault fault;
    struct store_header header;
    fill(f);
    f->store = store_open(f->disk, &f->options, NULL);
    struct place place = f->objects.items[10].append.place;
    struct place wrong[] = {
        {.segment = 999, .header_bytes = 4096, .offset = 4096},
        {.segment = place.segment, .header_bytes = 0, .offset = place.offset},
        {.segment = place.segment, .header_bytes = UINT32_MAX, .offset = place.offset},
        {.segment = place.segment,
         .header_bytes = place.header_bytes,
         .offset = place.offset + 4096,
         .payload_bytes = place.payload_bytes},
        {.segment = place.segment, .header_bytes = place.header_bytes, .offset = UINT64_MAX - 4096, .payload_bytes = 1},
        {.segment = place.segment, .header_bytes = place.header_bytes, .offset = place.offset, .payload_bytes = 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(store_read_header(f->store, wrong[i], &header, &fault));
    assert_true(store_read_header(f->store, place, &header, &fault));
    assert_true(slice_equal(header.record.sop_uid, slice_text(f->objects.items[10].uid)));
    store_header_release(&header);
    store_close(f->store);
    f->store = NULL;
}

static bool count_visit(void *context, const struct record *record, struct place place, uint32_t log, uint64_t next,
                        struct fault *fault) {
    return --*(int *)context != 0 || fault_set(fault, FAULT_CANCELLED, 0, "enough");
}

static void test_replay(void **state) {
    struct fixture *f = *state;
    struct fault fault = {0};
    fill(f);
    f->store = store_open(f->disk, &f->options, NULL);
    int left = 1000;
    assert_true(store_replay(f->store, NULL, 0, count_visit, &left, &fault));
    assert_int_equal(1000 - left, 40);
    left = 7;
    assert_false(store_replay(f->store, NULL, 0, count_visit, &left, &fault));
    assert_int_equal(fault.code, FAULT_CANCELLED);
    /* The last of each log: nothing lies behind. */
    struct store_position ends[2];
    for (uint32_t log = 0; log < 2; log++) {
        const struct append *last = &f->objects.items[38 + log].append;
        ends[log] = (struct store_position){.log = log, .segment = last->place.segment, .offset = last->next_offset};
    }
    left = 1000;
    assert_true(store_replay(f->store, ends, 2, count_visit, &left, &fault));
    assert_int_equal(left, 1000);
    ends[0].offset += 4096; /* the index knows more than the log: something was lost */
    assert_false(store_replay(f->store, ends, 2, count_visit, &left, &fault));
    assert_int_equal(fault.code, FAULT_CORRUPT);
    store_close(f->store);
    f->store = NULL;
}

/* While it is written to: reads, scrub and replay see what is durable. */
static void test_active_segments(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    for (uint32_t i = 0; i < 6; i++) fixture_append(f, i % 2, 3000);
    fixture_run(f);
    fixture_append(f, 0, 3000);
    fixture_append(f, 1, 3000);
    struct scrubbed s = {0};
    assert_true(store_scrub(f->store, count_scrub, &s, NULL));
    assert_true(s.good == 6 && s.bad == 0);
    assert_true(sim_objects_verify(&f->objects, f->store));
    for (uint32_t i = 6; i < 8; i++) f->objects.items[i].forbidden = false; /* they are still on their way */
    fixture_run(f);
    fixture_close(f);
    fixture_verify(f);
}

/* ---- streams ---- */

static uint32_t files_in(struct fixture *f, const char *folder);

static void count_name(void *context, const char *name, bool is_dir, uint64_t bytes) {
    if (!is_dir) ++*(uint32_t *)context;
}
static uint32_t files_in(struct fixture *f, const char *folder) {
    char path[128];
    uint32_t count = 0;
    snprintf(path, sizeof path, FIXTURE_DIR "/%s", folder);
    assert_int_equal(disk_list(f->disk, path, count_name, &count), 0);
    return count;
}

static void test_streams(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    fixture_stream(f, FIXTURE_BULK, 3000000);
    fixture_stream(f, FIXTURE_SMALL, 4096);
    fixture_stream(f, FIXTURE_SMALL, 1);
    assert_int_equal(files_in(f, "streams/new"), 3);
    fixture_run(f);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(f->objects.items[i].told, SIM_ACKNOWLEDGED);
    fixture_close(f);
    assert_int_equal(files_in(f, "streams/new"), 0);
    assert_int_equal(files_in(f, "streams"), 3);
    fixture_verify(f);
}

static void stream_done(void *context, bool ok, enum fault_code code) { *(int *)context = ok ? 1 : 2; }

static void test_abandoned_streams_are_removed(void **state) {
    struct fixture *f = *state;
    int finished = 0;
    fixture_open(f);
    struct store_stream *aborted = store_stream_create(f->store, STORE_ANY_VOLUME, NULL, NULL);
    store_stream_abort(aborted);
    struct store_stream *left = store_stream_create(f->store, STORE_ANY_VOLUME, NULL, NULL);
    store_stream_finish(left, stream_done, &finished);
    while (!finished) disk_sim_step(f->disk);
    assert_int_equal(finished, 1);
    assert_int_equal(files_in(f, "streams/new"), 1);
    fixture_cut(f); /* durable, but without a record */
    assert_int_equal(files_in(f, "streams/new"), 1);
    fixture_open(f);
    assert_int_equal(files_in(f, "streams/new"), 0);
    assert_int_equal(files_in(f, "streams/orphaned"), 0);
    fixture_close(f);
}

/* When not everything could be read, a file without a record is kept aside. */
static void test_orphans_are_kept_in_doubt(void **state) {
    struct fixture *f = *state;
    int finished = 0;
    char path[128];
    fixture_open(f);
    for (uint32_t i = 0; i < 12; i++) {
        fixture_append(f, FIXTURE_BULK, 3000);
        fixture_run(f);
    }
    struct store_stream *left = store_stream_create(f->store, STORE_ANY_VOLUME, NULL, NULL);
    store_stream_finish(left, stream_done, &finished);
    while (!finished) disk_sim_step(f->disk);
    fixture_cut(f);
    segment_path(f->objects.items[3].append.place.segment, path);
    assert_true(disk_sim_flip(f->disk, path, f->objects.items[3].append.place.offset + 30, 1));
    fixture_open(f);
    assert_int_equal(files_in(f, "streams/new"), 0);
    assert_int_equal(files_in(f, "streams/orphaned"), 1);
    fixture_close(f);
}

static void test_failed_stream(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    while (disk_sim_waiting(f->disk)) disk_sim_step(f->disk);
    struct sim_object *object = fixture_stream(f, FIXTURE_BULK, 100000);
    disk_sim_set_faults(f->disk, &(struct disk_sim_faults){.no_space = 1000000});
    fixture_run(f);
    disk_sim_set_faults(f->disk, NULL);
    assert_int_equal(object->told, SIM_REFUSED);
    fixture_close(f);
    assert_int_equal(files_in(f, "streams/new"), 0);
    fixture_verify(f);
}

/* ---- volumes, pool, space ---- */

static void test_volumes(void **state) {
    struct fixture *f = *state;
    struct fault fault;
    const char *volumes[] = {FIXTURE_DIR, "/a/second"};
    fill(f);
    f->options.volumes = volumes;
    f->options.volume_count = 2;
    fixture_open(f); /* a second one from now on */
    for (uint32_t i = 0; i < 40; i++) fixture_append(f, i % 2, 20000);
    fixture_run(f);
    struct store_statistics statistics;
    store_get_statistics(f->store, &statistics);
    assert_int_equal(statistics.volume_count, 2);
    fixture_close(f);
    f->options.volume_count = 0; /* tools know the folder only */
    fixture_verify(f);
    const char *second[] = {"/a/second"};
    f->options.volumes = second;
    f->options.volume_count = 1; /* the first one is retired: read, not written */
    fixture_open(f);
    struct sim_object *object = fixture_append(f, FIXTURE_BULK, 20000);
    fixture_run(f);
    fixture_close(f);
    char path[128];
    snprintf(path, sizeof path, "/a/second/segments/%010u.seg", object->append.place.segment);
    struct disk_file *file;
    assert_int_equal(disk_open(f->disk, path, DISK_READ, &file), 0);
    disk_close(file);
    fixture_verify(f);
    f->options.volume_count = 0;
    assert_int_equal(disk_rename(f->disk, "/a/second/volume", "/a/second/elsewhere"), 0);
    assert_int_equal(open_fault(f, &fault), FAULT_MISSING);
    assert_non_null(strstr(fault.text, "/a/second"));
    f->options.read_only = f->options.accept_missing = true;
    f->store = store_open(f->disk, &f->options, NULL);
    assert_non_null(f->store);
    store_get_statistics(f->store, &statistics);
    assert_true(statistics.missing_segments > 0 && statistics.segments > 0);
    store_close(f->store);
    f->store = NULL;
    f->options.read_only = f->options.accept_missing = false;
    assert_int_equal(disk_rename(f->disk, "/a/second/elsewhere", "/a/second/volume"), 0);
}

static void test_volume_of_another_archive(void **state) {
    struct fixture *f = *state;
    struct fault fault;
    const char *volumes[] = {FIXTURE_DIR, "/a/other"};
    struct store_options other = f->options;
    other.dir = "/a/other";
    assert_true(store_create(f->disk, &other, NULL));
    f->options.volumes = volumes;
    f->options.volume_count = 2;
    assert_int_equal(open_fault(f, &fault), FAULT_CONFIG);
    f->options.volume_count = 0;
}

static void test_pool(void **state) {
    struct fixture *f = *state;
    f->options.small_pool = 2;
    f->options.bulk_pool = 1;
    fixture_open(f);
    while (disk_sim_waiting(f->disk)) disk_sim_step(f->disk);
    assert_int_equal(files_in(f, "pool"), 3);
    for (uint32_t i = 0; i < 60; i++) {
        fixture_append(f, i % 2, 20000);
        fixture_run(f);
    }
    fixture_close(f);
    fixture_verify(f);
    f->options.small_segment_bytes = 128 * 1024; /* the pool's files have the wrong size now */
    fixture_open(f);
    fixture_append(f, FIXTURE_SMALL, 1000);
    fixture_run(f);
    fixture_close(f);
    fixture_verify(f);
}

static void test_space(void **state) {
    struct fixture *f = *state;
    f->options.watermark_bytes = 1 << 20;
    disk_sim_set_capacity(f->disk, 8 << 20);
    f->store = store_open(f->disk, &f->options, NULL);
    assert_true(store_space(f->store));
    store_close(f->store);
    disk_sim_set_capacity(f->disk, 1 << 20);
    f->store = store_open(f->disk, &f->options, NULL);
    assert_false(store_space(f->store));
    store_close(f->store);
    f->store = NULL;
    disk_sim_set_capacity(f->disk, UINT64_MAX / 2);
}

/* The manifest lost an entry, but the file is there with records: that is damage, and nothing is deleted. */
static void test_unknown_segment_with_records(void **state) {
    struct fixture *f = *state;
    struct fault fault;
    char from[128], to[128];
    fill(f);
    segment_path(f->objects.items[0].append.place.segment, from);
    segment_path(4000, to);
    assert_int_equal(disk_rename(f->disk, from, to), 0);
    f->options.accept_missing = true;
    assert_int_equal(open_fault(f, &fault), FAULT_CORRUPT);
    assert_non_null(strstr(fault.text, to));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    log_set_level((enum log_level)(LOG_ERROR + 1));
    const struct CMUnitTest tests[] = {
        TEST(test_create),
        TEST(test_unfinished_creation),
        TEST(test_lost_manifest),
        TEST(test_lock),
        TEST(test_missing_segment),
        TEST(test_flipped_bits),
        TEST(test_place_that_is_none),
        TEST(test_replay),
        TEST(test_active_segments),
        TEST(test_streams),
        TEST(test_abandoned_streams_are_removed),
        TEST(test_orphans_are_kept_in_doubt),
        TEST(test_failed_stream),
        TEST(test_volumes),
        TEST(test_volume_of_another_archive),
        TEST(test_pool),
        TEST(test_space),
        TEST(test_unknown_segment_with_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
