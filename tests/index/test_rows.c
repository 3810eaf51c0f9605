/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, packed forms, values, tallies, folding and rows: what goes in comes out, bytes sort as their numbers do, and cut-off
 * bytes are refused, never read beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "engine/base/check.h"
#include "index/fold.h"
#include "index/keys.h"
#include "index/row_instance.h"
#include "index/row_patient.h"
#include "index/row_series.h"
#include "index/row_study.h"
#include "index/tally.h"
#include "index/values.h"

static uint64_t seed;

static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    return z ^ z >> 31;
}

static int compare_keys(const struct key *a, const struct key *b) {
    int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
    return order ? order : (int)a->length - (int)b->length;
}

/* ---- keys ---- */

static void test_keys_sort_as_numbers(void **unused) {
    static const uint64_t numbers[] = {
        0, 1, 255, 256, 65535, 65536, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX - 1, UINT64_MAX,
    };
    for (size_t i = 1; i < array_count(numbers); i++) {
        struct key low = keys_begin(KEYS_PROBLEM), high = keys_begin(KEYS_PROBLEM);
        keys_add_u64(&low, numbers[i - 1]);
        keys_add_u64(&high, numbers[i]);
        assert_true(compare_keys(&low, &high) < 0);
    }
}

/* A study's rows follow each other: no key of another study lies between. */
static void test_keys_of_a_study_are_contiguous(void **unused) {
    uint8_t secret[DIGEST_SECRET_BYTES];
    for (size_t i = 0; i < sizeof secret; i++) secret[i] = (uint8_t)(i * 7 + 1);
    struct keys keys = {.secret = secret};
    struct identity one = keys_identity(&keys, slice_text("1.2.3"), slice_text("1.2.3.4"), slice_text("1.2.3.4.5"));
    struct identity two = keys_identity(&keys, slice_text("1.2.3"), slice_text("1.2.3.5"), slice_text("1.2.3.5.5"));
    struct key prefix = keys_begin(KEYS_INSTANCE);
    keys_add_long(&prefix, &one.study);
    struct key limit = keys_after(&prefix), a = keys_instance(&one), b = keys_instance(&two);
    assert_true(compare_keys(&prefix, &a) < 0 && compare_keys(&a, &limit) < 0);
    assert_true(compare_keys(&prefix, &b) < 0 && compare_keys(&b, &limit) < 0);
    struct key version = keys_version(&one, 7);
    assert_int_equal(version.length, 37);
    assert_int_equal(a.length, 29);
}

static void test_keys_after(void **unused) {
    struct key key = {.length = 3, .bytes = {'n', 'A', 0xFF}}, after = keys_after(&key);
    assert_int_equal(after.length, 2);
    assert_memory_equal(after.bytes, "nB", 2);
    struct key all = {.length = 2, .bytes = {0xFF, 0xFF}};
    assert_int_equal(keys_after(&all).length, 0);
}

static void test_keys_narrow(void **unused) {
    uint8_t secret[DIGEST_SECRET_BYTES] = {1, 2, 3};
    struct keys keys = {.secret = secret, .bits = 11};
    for (uint32_t i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        struct short_name s = keys_shorten(&keys, slice_text(name));
        assert_true(s.bytes[1] < 8);
        for (size_t k = 2; k < KEYS_LONG_BYTES; k++) assert_int_equal(s.bytes[k], 0);
    }
}

/* ---- packed ---- */

static void pack_and_unpack(struct slice uid, struct slice base) {
    uint8_t bytes[600], text[PACKED_UID_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    packed_uid(&w, uid, base);
    assert_false(w.failed);
    struct reader r = reader_over(slice_of(bytes, writer_length(&w)));
    assert_true(slice_equal(packed_read_uid(&r, base, text, sizeof text), uid));
    assert_false(r.failed);
    assert_int_equal(reader_left(&r), 0);
    for (size_t cut = 0; cut < writer_length(&w); cut++) {
        struct reader short_one = reader_over(slice_of(bytes, cut));
        packed_read_uid(&short_one, base, text, sizeof text);
        assert_true(short_one.failed);
    }
}

static void test_packed_uids(void **unused) {
    static const char *const uids[] = {"",
                                       "1",
                                       "1.2",
                                       "1.2.840.10008.5.1.4.1.1.2",
                                       "1.2.840.10008.1.2.4.70",
                                       "1.2.840.113619.2.55.3.6046",
                                       "2.25.329800735698586629295641978511506172918",
                                       "not a UID",
                                       "1.2.3 ",
                                       "1.2.840.10008.1.2x",
                                       "1.3.12.2.1107.5.1.4.1001.30000013072220483732800002189"};
    for (size_t i = 0; i < array_count(uids); i++)
        for (size_t j = 0; j < array_count(uids); j++) pack_and_unpack(slice_text(uids[i]), slice_text(uids[j]));
    uint64_t state = seed;
    for (uint32_t i = 0; i < 2000; i++) {
        uint8_t uid[PACKED_UID_BYTES_MAX], base[300];
        size_t length = next_random(&state) % 257, base_length = next_random(&state) % 257;
        for (size_t k = 0; k < length; k++) uid[k] = (uint8_t)"0123456789."[next_random(&state) % 11];
        for (size_t k = 0; k < base_length; k++) base[k] = k < length && next_random(&state) % 50 ? uid[k] : '7';
        pack_and_unpack(slice_of(uid, length), slice_of(base, base_length));
    }
}

static void test_packed_uid_is_short(void **unused) {
    uint8_t bytes[64];
    struct writer w = writer_over(bytes, sizeof bytes);
    packed_uid(&w, slice_text("1.2.840.10008.5.1.4.1.1.2"), slice_of("", 0));
    assert_int_equal(writer_length(&w), 3);
    w = writer_over(bytes, sizeof bytes);
    packed_uid(&w, slice_text("1.2.840.113619.2.55.3.604.868.12.77"), slice_text("1.2.840.113619.2.55.3.604.868.12.5"));
    assert_int_equal(writer_length(&w), 3);
}

static void test_packed_numbers(void **unused) {
    uint64_t state = seed;
    for (uint32_t i = 0; i < 2000; i++) {
        uint64_t number = next_random(&state) >> next_random(&state) % 64;
        uint8_t bytes[10];
        struct writer w = writer_over(bytes, sizeof bytes);
        packed_number(&w, number);
        struct reader r = reader_over(slice_of(bytes, writer_length(&w)));
        assert_true(packed_read_number(&r) == number && !r.failed);
    }
    static const uint8_t endless[11] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct reader r = reader_over(slice_of(endless, sizeof endless));
    packed_read_number(&r);
    assert_true(r.failed);
}

/* ---- folding ---- */

static void assert_folds(const char *text, const char *expected, bool name) {
    char out[64];
    size_t n = name ? fold_name(slice_text(text), out, sizeof out) : fold_text(slice_text(text), out, sizeof out);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(out, expected, n);
}

static void test_fold(void **unused) {
    assert_folds("  m\xc3\xbcller  hans ", "MULLER HANS", false);
    assert_folds("Stra\xc3\x9f" "e", "STRASSE", false);
    assert_folds("\xc5\x81\xc3\xb3" "d\xc5\xba", "LODZ", false);
    assert_folds("\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd", "\xd0\x98\xd0\x92\xd0\x90\xd0\x9d", false);
    assert_folds("\xe5\xb1\xb1\xe7\x94\xb0", "\xe5\xb1\xb1\xe7\x94\xb0", false);
    assert_folds("Doe ^ John^^", "DOE^JOHN", true);
    assert_folds("Doe ^ John^^", "DOE ^ JOHN^^", false);
    assert_folds("a\xff\xfe" "b", "A\xff\xfe" "B", false);
    assert_folds("", "", true);
    char out[4];
    assert_int_equal(fold_text(slice_text("ab\xe5\xb1\xb1"), out, sizeof out), 2); /* a whole character or none */
    assert_int_equal(fold_day(slice_text("20240131")), 20240131);
    assert_int_equal(fold_day(slice_text("2024.01.31")), 20240131);
    assert_int_equal(fold_day(slice_text("2024-01-31")), 0);
    assert_int_equal(fold_day(slice_text("202401")), 0);
}

/* ---- values ---- */

static struct slice block_of(uint8_t *buffer, size_t capacity) {
    struct attributes a;
    attributes_init(&a, buffer, (uint32_t)capacity);
    attributes_add(&a, 0x00080005, "CS", 0, slice_text("ISO_IR 100"));
    attributes_add(&a, 0x00080060, "CS", 0, slice_text("CT"));
    attributes_add(&a, 0x00100010, "PN", 0, slice_text("M\xfcller^Hans "));
    attributes_add(&a, 0x00100020, "LO", 0, slice_text(" 4711 "));
    attributes_add(&a, 0x00100040, "CS", 0, slice_text(""));
    attributes_add(&a, 0x00280010, "US", 0, slice_of("\x00\x02", 2));
    attributes_add(&a, 0x00080060, "CS", 0, slice_text("MR"));
    return attributes_block(&a);
}

static void test_values(void **unused) {
    uint8_t buffer[1024], out[VALUES_BYTES_MAX];
    static struct values_source source;
    struct slice value;
    char text[64];
    values_gather(&source, block_of(buffer, sizeof buffer));
    struct slice patient = slice_of(out, values_pick(&source, INDEXED_PATIENT, out, sizeof out));
    assert_true(values_find(patient, 0x00100010, &value) && slice_equal(value, slice_text("M\xc3\xbcller^Hans")));
    assert_true(values_find(patient, 0x00100040, &value) && value.length == 0);
    assert_false(values_find(patient, 0x00100020, &value));
    assert_false(values_find(patient, 0x00080060, &value));
    assert_int_equal(values_text(&source, 0x00100020, text, sizeof text), 4);
    assert_memory_equal(text, "4711", 4);
    struct slice series = slice_of(out, values_pick(&source, INDEXED_SERIES, out, sizeof out));
    assert_true(values_find(series, 0x00080060, &value) && slice_equal(value, slice_text("CT"))); /* the first of two */
    struct slice instance = slice_of(out, values_pick(&source, INDEXED_INSTANCE, out, sizeof out));
    assert_true(values_find(instance, 0x00280010, &value) && slice_equal(value, slice_of("\x00\x02", 2)));
    for (size_t room = 0; room < 40; room++) assert_true(values_pick(&source, INDEXED_PATIENT, out, room) <= room);
}

static void test_long_value(void **unused) {
    static struct values_source source;
    uint8_t buffer[2048], out[4096], text[1000];
    struct attributes a;
    struct slice value;
    memset(text, 'x', sizeof text);
    attributes_init(&a, buffer, sizeof buffer);
    attributes_add(&a, 0x00104000, "LT", 0, slice_of(text, sizeof text));
    values_gather(&source, attributes_block(&a));
    struct slice block = slice_of(out, values_pick(&source, INDEXED_PATIENT, out, sizeof out));
    assert_true(values_find(block, 0x00104000, &value) && slice_equal(value, slice_of(text, sizeof text)));
}

static void test_changes(void **unused) {
    static struct values_source source;
    uint8_t buffer[1024], out[VALUES_BYTES_MAX], one[512], two[512], three[512], merged[VALUES_BYTES_MAX];
    struct slice value, none = slice_of("", 0);
    values_gather(&source, block_of(buffer, sizeof buffer));
    struct slice patient = slice_of(out, values_pick(&source, INDEXED_PATIENT, out, sizeof out));
    struct slice a = values_change(none, 0x00100010, 5, 0, slice_text("NEW^NAME"), one, sizeof one);
    struct slice b = values_change(a, 0x00100030, 6, 0, slice_text("19700101"), two, sizeof two);
    struct slice effective = values_effective(patient, b, merged);
    assert_true(values_find(effective, 0x00100010, &value) && slice_equal(value, slice_text("NEW^NAME")));
    assert_true(values_find(effective, 0x00100030, &value) && slice_equal(value, slice_text("19700101")));
    assert_true(values_find(effective, 0x00100040, &value));
    assert_ptr_equal(values_change(b, 0x00100010, 4, 0, slice_text("OLDER"), three, sizeof three).bytes, b.bytes);
    struct slice c = values_change(b, 0x00100010, 9, VALUES_WITHDRAWN, none, three, sizeof three);
    effective = values_effective(patient, c, merged);
    assert_true(values_find(effective, 0x00100010, &value) && slice_equal(value, slice_text("M\xc3\xbcller^Hans")));
    assert_true(values_find_effective(patient, c, 0x00100030, &value) && slice_equal(value, slice_text("19700101")));
    assert_true(values_find_effective(patient, c, 0x00100010, &value) && slice_equal(value, slice_text("M\xc3\xbcller^Hans")));
}

/* ---- tallies ---- */

static void test_tally(void **unused) {
    struct row_arena arena;
    char text[32];
    row_arena_init(&arena);
    struct slice a = tally_change(slice_of("", 0), slice_text("MR"), 1, &arena);
    a = tally_change(a, slice_text("CT"), 2, &arena);
    a = tally_change(a, slice_text("US"), 1, &arena);
    assert_int_equal(tally_join(a, text, sizeof text), 8);
    assert_memory_equal(text, "CT\\MR\\US", 8);
    a = tally_change(a, slice_text("MR"), -1, &arena);
    a = tally_change(a, slice_text("CT"), -1, &arena);
    assert_int_equal(tally_join(a, text, sizeof text), 5);
    assert_memory_equal(text, "CT\\US", 5);
    a = tally_change(a, slice_text("CT"), -1, &arena);
    a = tally_change(a, slice_text("US"), -1, &arena);
    assert_int_equal(a.length, 0);
    row_arena_release(&arena);
}

/* ---- rows ---- */

static struct row_instance instance_row(void) {
    struct row_instance row = {
        .sequence = 0x0123456789ABCDEF,
        .place = {.segment = 77, .header_bytes = 4096, .offset = (uint64_t)1 << 33, .payload_bytes = 525000},
        .payload_length = 525000,
        .sop_uid = slice_text("1.2.3.4.5.6"),
        .sop_class_uid = slice_text("1.2.840.10008.5.1.4.1.1.2"),
        .transfer_syntax_uid = slice_text("1.2.840.10008.1.2.4.90"),
        .values = slice_text("values"),
    };
    memset(row.digest, 0x5A, sizeof row.digest);
    return row;
}

static void test_instance_row(void **unused) {
    for (uint32_t variant = 0; variant < 4; variant++) {
        struct row_instance row = instance_row(), back;
        struct row_instance_texts texts;
        uint8_t bytes[512];
        uint64_t sequence;
        struct place place;
        if (variant & 1) row.payload_length = 99;
        if (variant & 2) row.remarks = 0x80000001;
        struct writer w = writer_over(bytes, sizeof bytes);
        row_instance_write(&w, &row, slice_text("1.2.3.4.5"));
        assert_true(row_instance_read(slice_of(bytes, writer_length(&w)), slice_text("1.2.3.4.5"), &back, &texts));
        assert_true(back.sequence == row.sequence && back.payload_length == row.payload_length && back.remarks == row.remarks);
        assert_memory_equal(&back.place, &row.place, sizeof row.place);
        assert_memory_equal(back.digest, row.digest, sizeof row.digest);
        assert_true(slice_equal(back.sop_uid, row.sop_uid) && slice_equal(back.sop_class_uid, row.sop_class_uid));
        assert_true(slice_equal(back.transfer_syntax_uid, row.transfer_syntax_uid) && slice_equal(back.values, row.values));
        assert_true(row_instance_read_place(slice_of(bytes, writer_length(&w)), &sequence, &place));
        assert_true(sequence == row.sequence && place.offset == row.place.offset);
        for (size_t cut = 0; cut + row.values.length < writer_length(&w); cut++)
            assert_false(row_instance_read(slice_of(bytes, cut), slice_text("1.2.3.4.5"), &back, &texts));
    }
}

static void test_series_row(void **unused) {
    struct row_series row = {.uid = slice_text("1.2.3"), .first_sequence = 3, .sequence = 9, .quarantined = true,
                             .counts = {.instances = 5, .bytes = 600, .superseded = 2, .superseded_bytes = 7},
                             .classes = slice_of("\x01" "A\x05", 3), .values = slice_text("v"), .changes = slice_text("c")}, back;
    uint8_t bytes[512], text[PACKED_UID_BYTES_MAX];
    memset(row.patient.bytes, 7, sizeof row.patient.bytes);
    struct writer w = writer_over(bytes, sizeof bytes);
    row_series_write(&w, &row);
    assert_true(row_series_read(slice_of(bytes, writer_length(&w)), &back, text));
    assert_true(slice_equal(back.uid, row.uid) && back.first_sequence == 3 && back.sequence == 9 && back.quarantined);
    assert_true(row_counts_same(&back.counts, &row.counts) && keys_same(&back.patient, &row.patient));
    assert_true(slice_equal(back.classes, row.classes) && slice_equal(back.values, row.values) &&
                slice_equal(back.changes, row.changes));
    for (size_t cut = 0; cut + 1 < writer_length(&w); cut++) assert_false(row_series_read(slice_of(bytes, cut), &back, text));
}

static void test_study_row(void **unused) {
    for (uint32_t variant = 0; variant < 4; variant++) {
        struct row_study back, row = {
            .uid = slice_text("1.2.3"), .first_sequence = 3, .sequence = 9, .claim_sequence = variant & 1 ? 8 : 0,
            .conflict = variant & 2, .counts = {.series = 1, .instances = 5}, .modalities = slice_text("\x02" "CT\x01"),
            .values = slice_text("v"),
        };
        uint8_t bytes[512], text[PACKED_UID_BYTES_MAX];
        if (variant & 1) memset(row.patient.bytes, 7, sizeof row.patient.bytes);
        if (!(variant & 2)) memset(row.only_patient.bytes, 7, sizeof row.only_patient.bytes);
        struct writer w = writer_over(bytes, sizeof bytes);
        row_study_write(&w, &row);
        assert_true(row_study_read(slice_of(bytes, writer_length(&w)), &back, text));
        assert_true(slice_equal(back.uid, row.uid) && back.claim_sequence == row.claim_sequence && back.conflict == row.conflict);
        assert_true(keys_same(&back.patient, &row.patient) && keys_same(&back.only_patient, &row.only_patient));
        assert_true(slice_equal(back.modalities, row.modalities) && slice_equal(back.values, row.values));
        for (size_t cut = 0; cut + 1 < writer_length(&w); cut++) assert_false(row_study_read(slice_of(bytes, cut), &back, text));
    }
}

static void test_patient_row(void **unused) {
    for (uint32_t variant = 0; variant < 2; variant++) {
        struct row_patient row = {.sequence = 4, .counts = {.studies = 1}, .values = slice_text("v"), .id = slice_of("", 0),
                                  .issuer = slice_of("", 0), .study_uid = slice_of("", 0)}, back;
        uint8_t bytes[512];
        if (variant) row.id = slice_text("4711"), row.issuer = slice_text("HOSPITAL");
        else row.study_uid = slice_text("1.2.3");
        struct writer w = writer_over(bytes, sizeof bytes);
        row_patient_write(&w, &row);
        assert_true(row_patient_read(slice_of(bytes, writer_length(&w)), &back));
        assert_true(slice_equal(back.id, row.id) && slice_equal(back.issuer, row.issuer) &&
                    slice_equal(back.study_uid, row.study_uid));
        assert_true(back.sequence == 4 && row_counts_same(&back.counts, &row.counts) && slice_equal(back.values, row.values));
        for (size_t cut = 0; cut + 1 < writer_length(&w); cut++) assert_false(row_patient_read(slice_of(bytes, cut), &back));
    }
}

int main(void) {
    const char *given = getenv("LEAT_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("LEAT_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_sort_as_numbers), cmocka_unit_test(test_keys_of_a_study_are_contiguous),
        cmocka_unit_test(test_keys_after),           cmocka_unit_test(test_keys_narrow),
        cmocka_unit_test(test_packed_uids),          cmocka_unit_test(test_packed_uid_is_short),
        cmocka_unit_test(test_packed_numbers),       cmocka_unit_test(test_fold),
        cmocka_unit_test(test_values),               cmocka_unit_test(test_long_value),
        cmocka_unit_test(test_changes),              cmocka_unit_test(test_tally),
        cmocka_unit_test(test_instance_row),         cmocka_unit_test(test_series_row),
        cmocka_unit_test(test_study_row),            cmocka_unit_test(test_patient_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
