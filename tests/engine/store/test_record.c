/* SPDX-License-Identifier: Apache-2.0 */
/* test_record: headers to bytes and back; every damaged bit is seen; what a later leat adds is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/checksum.h"
#include "engine/store/record.h"

static uint8_t crcs[6000 * 4];
static uint8_t attributes[300];

static struct record sample(uint32_t blocks) {
    struct record r = {
        .type = RECORD_OBJECT,
        .sequence = 0x0123456789abcdef,
        .received_us = 1700000000000000,
        .study_uid = slice_text("1.2.840.1"),
        .series_uid = slice_text("1.2.840.1.1"),
        .sop_uid = slice_text("1.2.840.1.1.1"),
        .sop_class_uid = slice_text("1.2.840.10008.5.1.4.1.1.2"),
        .transfer_syntax_uid = slice_text("1.2.840.10008.1.2.1"),
        .calling_aet = slice_text("CT1"),
        .called_aet = slice_text("LEAT"),
        .peer_address = slice_text("192.0.2.7:51234"),
        .peer_implementation_uid = slice_text("1.2.3"),
        .peer_implementation_version = slice_text("SCU_1"),
        .payload_length = blocks ? (uint64_t)(blocks - 1) * RECORD_BLOCK_BYTES + 5 : 0,
        .block_crcs = slice_of(crcs, blocks * 4),
        .remarks = 0x80000001,
        .extractor_version = 3,
        .attributes = slice_of(attributes, sizeof attributes),
    };
    for (size_t i = 0; i < sizeof crcs; i++) crcs[i] = (uint8_t)(i * 31);
    for (size_t i = 0; i < sizeof attributes; i++) attributes[i] = (uint8_t)(i * 7);
    memset(r.digest, 0xd1, sizeof r.digest);
    return r;
}

static uint8_t *encode(const struct record *r, uint32_t alignment, struct record_frame *frame) {
    *frame = (struct record_frame){.offset = 8192, .durable_bytes = 4096, .header_bytes = record_header_bytes(r, alignment)};
    assert_true(frame->header_bytes > 0 && frame->header_bytes % alignment == 0);
    memset(frame->segment_id, 0x5e, RECORD_ID_BYTES);
    frame->total_bytes = frame->header_bytes + (r->streamed ? 0 : (r->payload_length + alignment - 1) / alignment * alignment);
    uint8_t *out = malloc(frame->header_bytes);
    assert_non_null(out);
    record_encode(r, frame, out);
    return out;
}

static void same(struct slice a, struct slice b) { assert_true(slice_equal(a, b)); }

static void check_round_trip(const struct record *r, uint32_t alignment) {
    struct record_frame frame, back;
    struct record out;
    struct fault fault;
    uint8_t *bytes = encode(r, alignment, &frame);
    if (!record_decode(slice_of(bytes, frame.header_bytes), &out, &back, &fault)) fail_msg("%s", fault.text);
    assert_int_equal(out.type, r->type);
    assert_true(out.sequence == r->sequence && out.received_us == r->received_us && out.payload_length == r->payload_length);
    same(out.study_uid, r->study_uid);
    same(out.series_uid, r->series_uid);
    same(out.sop_uid, r->sop_uid);
    same(out.sop_class_uid, r->sop_class_uid);
    same(out.transfer_syntax_uid, r->transfer_syntax_uid);
    same(out.calling_aet, r->calling_aet);
    same(out.called_aet, r->called_aet);
    same(out.peer_address, r->peer_address);
    same(out.peer_implementation_uid, r->peer_implementation_uid);
    same(out.peer_implementation_version, r->peer_implementation_version);
    same(out.block_crcs, r->block_crcs);
    same(out.attributes, r->attributes);
    same(out.change, r->change);
    same(out.counters, r->counters);
    same(out.problems, r->problems);
    assert_memory_equal(out.digest, r->digest, sizeof out.digest);
    assert_int_equal(out.remarks, r->remarks);
    assert_int_equal(out.extractor_version, r->extractor_version);
    assert_int_equal(out.streamed, r->streamed);
    assert_int_equal(out.stream_volume, r->stream_volume);
    assert_memory_equal(out.stream_file, r->stream_file, RECORD_ID_BYTES);
    assert_int_equal(out.change_kind, r->change_kind);
    assert_true(out.run_id == r->run_id);
    assert_true(back.offset == 8192 && back.durable_bytes == 4096 && back.total_bytes == frame.total_bytes);
    free(bytes);
}

static void test_round_trips(void **state) {
    struct record r = sample(1);
    check_round_trip(&r, 8);
    check_round_trip(&r, 4096);
    r = sample(0);
    check_round_trip(&r, 8);
    r = sample(6000); /* 6 GB */
    check_round_trip(&r, 4096);
    r.streamed = true;
    r.stream_volume = 7;
    memset(r.stream_file, 0xf1, RECORD_ID_BYTES);
    check_round_trip(&r, 8);
    r = (struct record){
        .type = RECORD_CHANGE, .sequence = 5, .change_kind = 9, .change = slice_text("merge"), .study_uid = slice_text("1.2")};
    check_round_trip(&r, 8);
    r = (struct record){
        .type = RECORD_NOTE, .sequence = 6, .run_id = 77, .counters = slice_text("c"), .problems = slice_text("p")};
    check_round_trip(&r, 8);
}

static void test_every_flipped_bit_is_seen(void **state) {
    struct record r = sample(2), out;
    struct record_frame frame, back;
    uint8_t *bytes = encode(&r, 8, &frame);
    for (uint32_t at = 0; at < frame.header_bytes; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1 << bit);
            if (record_decode(slice_of(bytes, frame.header_bytes), &out, &back, NULL)) fail_msg("byte %u, bit %d", at, bit);
            bytes[at] ^= (uint8_t)(1 << bit);
        }
    }
    assert_true(record_decode(slice_of(bytes, frame.header_bytes), &out, &back, NULL));
    for (uint32_t length = 0; length < frame.header_bytes; length++)
        assert_false(record_decode(slice_of(bytes, length), &out, &back, NULL));
    free(bytes);
}

/* Repairs both CRCs after a change, as somebody who writes another version would. */
static void repair(uint8_t *bytes, uint32_t header_bytes) {
    store_le32(bytes + 80, checksum_crc32(0, bytes + 96, header_bytes - 96));
    store_le32(bytes + 92, checksum_crc32(0, bytes, 92));
}

static void test_unknown_field_is_skipped(void **state) {
    struct record r = sample(1), out;
    struct record_frame frame, back;
    uint8_t *bytes = encode(&r, 8, &frame);
    store_le16(bytes + 96, 999); /* the first field's tag: received_us */
    repair(bytes, frame.header_bytes);
    assert_true(record_decode(slice_of(bytes, frame.header_bytes), &out, &back, NULL));
    assert_true(out.received_us == 0);
    same(out.study_uid, r.study_uid);
    free(bytes);
}

static void expect_refusal(const struct record *r, uint32_t at, uint64_t value, enum fault_code code) {
    struct record out;
    struct record_frame frame, back;
    struct fault fault = {0};
    uint8_t *bytes = encode(r, 8, &frame);
    store_le32(bytes + at, (uint32_t)value);
    repair(bytes, frame.header_bytes);
    assert_false(record_decode(slice_of(bytes, frame.header_bytes), &out, &back, &fault));
    assert_int_equal(fault.code, code);
    free(bytes);
}

static void test_impossible_lengths(void **state) {
    struct record r = sample(2);
    expect_refusal(&r, 4, 2 | RECORD_OBJECT << 16, FAULT_NEWER_FORMAT);
    expect_refusal(&r, 12, 0xfffffff8, FAULT_MALFORMED);  /* header_bytes */
    expect_refusal(&r, 16, 7, FAULT_MALFORMED);           /* payload_bytes: another number of blocks */
    expect_refusal(&r, 24, 8, FAULT_MALFORMED);           /* total_bytes */
    expect_refusal(&r, 72, 0xfffffff0, FAULT_MALFORMED);  /* field_bytes */
    expect_refusal(&r, 72, 3, FAULT_MALFORMED);           /* a field cut short */
    expect_refusal(&r, 76, 0xffffffff, FAULT_MALFORMED);  /* block_count */
    expect_refusal(&r, 98, 0xffffffff, FAULT_MALFORMED);  /* length of the first field */
}

static void test_too_large(void **state) {
    struct record r = sample(0);
    r.payload_length = (uint64_t)1 << 40;
    assert_int_equal(record_header_bytes(&r, 8), 0);
    r.payload_length = UINT64_MAX;
    assert_int_equal(record_header_bytes(&r, 8), 0);
}

static void test_extend(void **state) {
    struct record r = sample(1), out;
    struct record_frame frame, back;
    uint8_t *bytes = encode(&r, 8, &frame);
    record_extend(bytes, frame.total_bytes + 4096);
    assert_true(record_decode(slice_of(bytes, frame.header_bytes), &out, &back, NULL));
    assert_true(back.total_bytes == frame.total_bytes + 4096);
    free(bytes);
}

static void test_notes(void **state) {
    uint8_t buffer[512];
    struct writer w = writer_over(buffer, sizeof buffer);
    record_counter_write(&w, &(struct record_counter){slice_text("stored"), 17});
    record_counter_write(&w, &(struct record_counter){slice_text("duplicates"), 3});
    struct reader reader = reader_over(slice_of(buffer, writer_length(&w)));
    struct record_counter counter;
    assert_true(record_counter_next(&reader, &counter));
    assert_true(slice_equal(counter.name, slice_text("stored")) && counter.total == 17);
    assert_true(record_counter_next(&reader, &counter));
    assert_true(slice_equal(counter.name, slice_text("duplicates")) && counter.total == 3);
    assert_false(record_counter_next(&reader, &counter));
    assert_false(reader.failed);

    w = writer_over(buffer, sizeof buffer);
    struct record_problem problem = {.sequence = 9,
                                     .kind = 4,
                                     .time_us = 8,
                                     .study_uid = slice_text("1.2"),
                                     .text = slice_text("why")},
                          out;
    record_problem_write(&w, &problem);
    assert_false(w.failed);
    for (size_t length = 1; length < writer_length(&w); length++) {
        reader = reader_over(slice_of(buffer, length));
        assert_false(record_problem_next(&reader, &out));
        assert_true(reader.failed);
    }
    reader = reader_over(slice_of(buffer, writer_length(&w)));
    assert_true(record_problem_next(&reader, &out));
    assert_true(out.sequence == 9 && out.kind == 4 && out.time_us == 8);
    same(out.study_uid, problem.study_uid);
    same(out.sop_uid, slice_of(NULL, 0));
    same(out.text, problem.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),      cmocka_unit_test(test_every_flipped_bit_is_seen),
        cmocka_unit_test(test_unknown_field_is_skipped), cmocka_unit_test(test_impossible_lengths),
        cmocka_unit_test(test_too_large),        cmocka_unit_test(test_extend),
        cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
