/* SPDX-License-Identifier: Apache-2.0 */
/* test_log_writer: what an append is told when everything is well, and after each kind of failure; and that the log goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/log.h"
#include "store_fixture.h"

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f, 11);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture_release(*state);
    free(*state);
    return 0;
}

static uint32_t count_result(const struct fixture *f, enum append_result result) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->objects.count; i++) count += f->objects.items[i].append.result == result;
    return count;
}

static struct log_writer_counters counters_of(const struct fixture *f, uint32_t log) {
    struct log_writer_counters counters;
    log_writer_get_counters(f->writers[log], &counters);
    return counters;
}

/* Steps until the log has its first segment, so that faults meet the log and not its preparation. */
static void warm_up(struct fixture *f) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) fixture_append(f, log, 100);
    fixture_run(f);
    while (disk_sim_waiting(f->disk)) disk_sim_step(f->disk);
}

static void test_everything_is_durable(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    for (uint32_t i = 0; i < 200; i++) fixture_append(f, i % 2, (i * 523) % (i % 2 ? 5000 : 60000));
    fixture_run(f);
    assert_int_equal(count_result(f, APPEND_DURABLE), 200);
    struct log_writer_counters bulk = counters_of(f, FIXTURE_BULK), small = counters_of(f, FIXTURE_SMALL);
    assert_true(bulk.durable == 100 && small.durable == 100 && bulk.failed == 0 && small.failed == 0);
    assert_true(bulk.segments > 3 && small.segments > 1);
    assert_true(small.writes < 100); /* gathered */
    fixture_close(f);
    fixture_verify(f);
}

static void test_done_is_never_called_before_kick(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    warm_up(f);
    struct sim_object *object = fixture_append(f, FIXTURE_SMALL, 100);
    assert_int_equal(disk_sim_waiting(f->disk), 0);
    assert_int_equal(object->told, SIM_WAITING);
    assert_int_equal(log_writer_pending(f->writers[FIXTURE_SMALL]), 1);
    fixture_run(f);
    assert_int_equal(log_writer_pending(f->writers[FIXTURE_SMALL]), 0);
}

static void test_places(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    struct sim_object *a = fixture_append(f, FIXTURE_BULK, 10000), *b = fixture_append(f, FIXTURE_BULK, 0);
    struct sim_object *c = fixture_append(f, FIXTURE_SMALL, 10), *d = fixture_append(f, FIXTURE_SMALL, 10);
    fixture_run(f);
    assert_true(a->append.place.offset == 4096 && a->append.place.header_bytes == 4096 && a->append.place.payload_bytes == 10000);
    assert_true(a->append.next_offset == 4096 + 4096 + 12288 && b->append.place.offset == a->append.next_offset);
    assert_true(b->append.next_offset == b->append.place.offset + 4096);
    assert_true(c->append.place.offset == 4096 && c->append.place.header_bytes % 8 == 0);
    assert_true(c->append.next_offset == d->append.place.offset &&
                d->append.place.offset == 4096 + c->append.place.header_bytes + 16u);
    assert_true(d->append.next_offset == 8192); /* the group's padding belongs to its last record */
    assert_true(a->append.log == FIXTURE_BULK && d->append.log == FIXTURE_SMALL);
}

/* One write fails: the first append in it is refused, those behind it are written again elsewhere. */
static void test_failed_write(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    warm_up(f);
    for (uint32_t i = 0; i < 6; i++) fixture_append(f, FIXTURE_BULK, 9000);
    log_writer_kick(f->writers[FIXTURE_BULK]);
    disk_sim_set_faults(f->disk, &(struct disk_sim_faults){.write_error = 1000000});
    disk_sim_step(f->disk); /* one of the writes in flight */
    disk_sim_set_faults(f->disk, NULL);
    fixture_run(f);
    assert_int_equal(count_result(f, APPEND_FAILED), 1);
    assert_int_equal(count_result(f, APPEND_DURABLE), 7);
    struct log_writer_counters counters = counters_of(f, FIXTURE_BULK);
    assert_true(counters.write_failures == 1 && counters.segments == 2);
    fixture_close(f);
    fixture_verify(f);
}

static void test_short_write(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    warm_up(f);
    for (uint32_t i = 0; i < 30; i++) fixture_append(f, FIXTURE_SMALL, 500);
    log_writer_kick(f->writers[FIXTURE_SMALL]);
    disk_sim_set_faults(f->disk, &(struct disk_sim_faults){.write_short = 1000000});
    disk_sim_step(f->disk);
    disk_sim_set_faults(f->disk, NULL);
    fixture_run(f);
    assert_int_equal(count_result(f, APPEND_FAILED), 1);
    assert_int_equal(count_result(f, APPEND_DURABLE), 31);
    assert_true(counters_of(f, FIXTURE_SMALL).resubmitted > 0 || counters_of(f, FIXTURE_SMALL).durable == 30);
    fixture_close(f);
    fixture_verify(f);
}

/* An fdatasync fails: everything that was not durable on that file system is refused, in the other log too. */
static void test_failed_fdatasync(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    warm_up(f);
    uint32_t before = counters_of(f, FIXTURE_BULK).segments;
    struct sim_object *small = fixture_append(f, FIXTURE_SMALL, 500);
    struct sim_object *bulk = fixture_append(f, FIXTURE_BULK, 9000);
    log_writer_kick(f->writers[FIXTURE_BULK]); /* its write is in flight all the time */
    disk_sim_step(f->disk);                    /* written; its sync is begun */
    log_writer_kick(f->writers[FIXTURE_SMALL]);
    disk_sim_set_faults(f->disk, &(struct disk_sim_faults){.sync_error = 1000000});
    while (counters_of(f, FIXTURE_BULK).sync_failures + counters_of(f, FIXTURE_SMALL).sync_failures == 0) disk_sim_step(f->disk);
    disk_sim_set_faults(f->disk, NULL);
    fixture_run(f);
    assert_int_equal(bulk->append.result, APPEND_FAILED);
    assert_int_equal(small->append.result, APPEND_FAILED);
    struct sim_object *later = fixture_append(f, FIXTURE_BULK, 9000);
    fixture_run(f);
    assert_int_equal(later->append.result, APPEND_DURABLE);
    assert_int_equal(counters_of(f, FIXTURE_BULK).segments, before + 1);
    assert_false(store_is_read_only(f->store));
    fixture_close(f);
    fixture_verify(f);
}

/* Nothing can be recorded: read-only, said once, and everything is refused from then on. */
static void test_read_only(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    warm_up(f);
    disk_sim_set_faults(f->disk, &(struct disk_sim_faults){.sync_error = 1000000});
    for (uint32_t i = 0; i < 10; i++) fixture_append(f, i % 2, 3000);
    fixture_run(f);
    disk_sim_set_faults(f->disk, NULL);
    assert_true(store_is_read_only(f->store));
    assert_int_equal(f->turned_read_only, 1);
    assert_int_equal(count_result(f, APPEND_DURABLE), 2);
    struct sim_object *later = fixture_append(f, FIXTURE_BULK, 9000);
    fixture_run(f);
    assert_int_equal(later->append.result, APPEND_READ_ONLY);
    struct fault fault;
    assert_null(log_writer_create(f->store, &(struct log_writer_options){.log = 2, .kind = STORE_BULK}, &fault));
    assert_null(store_stream_create(f->store, STORE_ANY_VOLUME, NULL, &fault));
    fixture_close(f);
    fixture_open(f); /* a new start, with a good disk, is a new chance */
    later = fixture_append(f, FIXTURE_BULK, 9000);
    fixture_run(f);
    assert_int_equal(later->append.result, APPEND_DURABLE);
    fixture_close(f);
    fixture_verify(f);
}

static void test_full_disk_and_room_again(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    warm_up(f);
    disk_sim_set_capacity(f->disk, 0);
    for (uint32_t i = 0; i < 60; i++) {
        fixture_append(f, FIXTURE_BULK, 20000);
        fixture_run(f);
    }
    assert_true(count_result(f, APPEND_NO_SPACE) > 0);
    assert_int_equal(count_result(f, APPEND_NO_SPACE) + count_result(f, APPEND_DURABLE), f->objects.count);
    assert_false(store_is_read_only(f->store));
    disk_sim_set_capacity(f->disk, UINT64_MAX / 2);
    struct sim_object *later = fixture_append(f, FIXTURE_BULK, 20000);
    fixture_run(f);
    assert_int_equal(later->append.result, APPEND_DURABLE);
    fixture_close(f);
    fixture_verify(f);
}

/* On a disk that is nearly full a smaller segment is better than none. */
static void test_smaller_segment(void **state) {
    struct fixture *f = *state;
    f->options.bulk_segment_bytes = 4 << 20;
    fixture_open(f);
    struct sim_object *first = fixture_append(f, FIXTURE_SMALL, 100);
    disk_sim_set_capacity(f->disk, 3 << 20);
    fixture_run(f);
    struct sim_object *object = fixture_append(f, FIXTURE_BULK, 20000), *large = fixture_append(f, FIXTURE_BULK, 1500000);
    fixture_run(f);
    assert_int_equal(first->append.result, APPEND_DURABLE);
    assert_int_equal(object->append.result, APPEND_DURABLE);
    assert_int_equal(large->append.result, APPEND_NO_SPACE);
}

static void test_record_that_never_fits(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    struct sim_object *before = fixture_append(f, FIXTURE_BULK, 5000), *large = fixture_append(f, FIXTURE_BULK, 300000);
    struct sim_object *after = fixture_append(f, FIXTURE_BULK, 5000);
    fixture_run(f);
    assert_int_equal(before->append.result, APPEND_DURABLE);
    assert_int_equal(large->append.result, APPEND_FAILED);
    assert_int_equal(after->append.result, APPEND_DURABLE);
}

static void note_stopped(void *context) { ++*(unsigned *)context; }

static void test_abort(void **state) {
    struct fixture *f = *state;
    unsigned stopped = 0;
    fixture_open(f);
    warm_up(f);
    for (uint32_t i = 0; i < 10; i++) fixture_append(f, FIXTURE_BULK, 9000);
    log_writer_stop(f->writers[FIXTURE_BULK], true, note_stopped, &stopped);
    assert_int_equal(count_result(f, APPEND_FAILED), 10);
    struct sim_object *late = fixture_append(f, FIXTURE_BULK, 10);
    assert_int_equal(late->append.result, APPEND_FAILED);
    while (!stopped) disk_sim_step(f->disk);
    assert_int_equal(stopped, 1);
}

static void test_stop_finishes_what_it_has(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    for (uint32_t i = 0; i < 40; i++) fixture_append(f, i % 2, 3000);
    fixture_close(f);
    assert_int_equal(count_result(f, APPEND_DURABLE), 40);
    fixture_verify(f);
}

/* Nothing was appended: no segment is left behind. */
static void test_empty_segments_are_struck(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        fixture_open(f);
        fixture_close(f);
    }
    f->store = store_open(f->disk, &f->options, NULL);
    struct store_statistics statistics;
    store_get_statistics(f->store, &statistics);
    assert_int_equal(statistics.segments, 0);
    assert_int_equal(statistics.volumes[0].disk_bytes, 0);
    store_close(f->store);
    f->store = NULL;
}

/* A done that appends again, as a sender that waits for its response does. */
struct chain {
    struct append append;
    struct log_writer *writer;
    unsigned left, durable;
};
static void append_again(struct append *append) {
    struct chain *chain = (struct chain *)(void *)append;
    chain->durable += append->result == APPEND_DURABLE;
    if (chain->left-- == 0) return;
    log_writer_append(chain->writer, append);
    log_writer_kick(chain->writer);
}

static void test_append_from_done(void **state) {
    struct fixture *f = *state;
    fixture_open(f);
    struct chain chain = {.writer = f->writers[FIXTURE_SMALL], .left = 300};
    chain.append.record = (struct record){.type = RECORD_NOTE, .sequence = 1, .run_id = 5};
    chain.append.done = append_again;
    log_writer_append(chain.writer, &chain.append);
    log_writer_kick(chain.writer);
    while (log_writer_pending(chain.writer)) disk_sim_step(f->disk);
    assert_int_equal(chain.durable, 301);
}

/* The CRC table of an object of 6 GB is in its record, which both logs take. */
static void note_done(struct append *append) {
}

static void test_large_header(void **state) {
    struct fixture *f = *state;
    static uint8_t crcs[6000 * 4];
    for (size_t i = 0; i < sizeof crcs; i++) crcs[i] = (uint8_t)(i * 5);
    fixture_open(f);
    for (uint32_t log = 0; log < SIM_LOGS; log++) {
        struct append append = {.done = note_done};
        append.record = (struct record){.type = RECORD_OBJECT, .sequence = 9, .streamed = true, .stream_volume = 1};
        append.record.payload_length = 6000ull * RECORD_BLOCK_BYTES - 77;
        append.record.block_crcs = slice_of(crcs, sizeof crcs);
        log_writer_append(f->writers[log], &append);
        log_writer_kick(f->writers[log]);
        while (append.result == APPEND_PENDING) disk_sim_step(f->disk);
        assert_int_equal(append.result, APPEND_DURABLE);
        struct store_header header;
        assert_true(store_read_header(f->store, append.place, &header, NULL));
        assert_memory_equal(header.record.block_crcs.bytes, crcs, sizeof crcs);
        assert_true(header.record.payload_length == append.record.payload_length);
        store_header_release(&header);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    log_set_level((enum log_level)(LOG_ERROR + 1));
    const struct CMUnitTest tests[] = {
        TEST(test_everything_is_durable),
        TEST(test_done_is_never_called_before_kick),
        TEST(test_places),
        TEST(test_failed_write),
        TEST(test_short_write),
        TEST(test_failed_fdatasync),
        TEST(test_read_only),
        TEST(test_full_disk_and_room_again),
        TEST(test_smaller_segment),
        TEST(test_record_that_never_fits),
        TEST(test_abort),
        TEST(test_stop_finishes_what_it_has),
        TEST(test_empty_segments_are_struck),
        TEST(test_append_from_done),
        TEST(test_large_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
