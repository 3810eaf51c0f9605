/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the attribute block, of the table of indexed attributes and of the table of VRs. */
#include "codec/dicom/attributes.h"
#include "codec/dicom/indexed.h"
#include "codec/dicom/vr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void layout_is_frozen(void **state) {
    uint8_t buffer[64];
    struct attributes a;
    attributes_init(&a, buffer, sizeof buffer);
    assert_true(attributes_add(&a, 0x00100020, "LO", ATTRIBUTE_CUT, slice_text("ID1 ")));
    static const uint8_t expected[] = {0x20, 0, 0x10, 0, 'L', 'O', 1, 0, 4, 0, 0, 0, 'I', 'D', '1', ' '};
    assert_int_equal(a.length, sizeof expected);
    assert_memory_equal(buffer, expected, sizeof expected);
}

static void what_is_added_is_found_in_order(void **state) {
    uint8_t buffer[128];
    struct attributes a;
    struct attribute entry;
    struct slice value;
    attributes_init(&a, buffer, sizeof buffer);
    assert_true(attributes_add(&a, 2, "UN", 0, slice_text("first")));
    assert_true(attributes_begin(&a, 1, "US"));
    assert_true(attributes_append(&a, "a", 1));
    assert_false(attributes_find(attributes_block(&a), 1, &value)); /* open entries aren't part of the block */
    assert_true(attributes_append(&a, "bc", 2));
    assert_true(attributes_end(&a, 0));
    assert_true(attributes_add(&a, 2, "UN", 0, slice_text("second")));
    struct reader r = reader_over(attributes_block(&a));
    assert_true(attributes_next(&r, &entry) && entry.tag == 2 && slice_equal(entry.value, slice_text("first")));
    assert_true(attributes_next(&r, &entry) && entry.tag == 1 && slice_equal(entry.value, slice_text("abc")));
    assert_string_equal(entry.vr, "US");
    assert_true(attributes_next(&r, &entry) && slice_equal(entry.value, slice_text("second")));
    assert_false(attributes_next(&r, &entry));
    assert_false(r.failed);
    assert_true(attributes_find(attributes_block(&a), 2, &value) && slice_equal(value, slice_text("first")));
    assert_false(attributes_find(attributes_block(&a), 3, &value));
    assert_int_equal(value.length, 0);
}

static void a_full_block_drops_whole_entries(void **state) {
    for (uint32_t capacity = 0; capacity < 40; capacity++) {
        uint8_t *buffer = malloc(capacity ? capacity : 1);
        struct attributes a;
        attributes_init(&a, buffer, capacity);
        bool first = attributes_add(&a, 1, "LO", 0, slice_text("1234"));
        assert_int_equal(first, capacity >= 16);
        bool begun = attributes_begin(&a, 2, "LO");
        bool second = begun && attributes_append(&a, "12", 2) && attributes_append(&a, "3456", 4) && attributes_end(&a, 0);
        if (begun && !second) assert_false(attributes_end(&a, 0));
        assert_int_equal(second, capacity >= (first ? 34u : 18u));
        assert_int_equal(a.dropped, (first ? 0 : 1) + (second ? 0 : 1));
        assert_int_equal(a.length, (first ? 16u : 0u) + (second ? 18u : 0u));
        free(buffer);
    }
}

static void an_abandoned_entry_leaves_nothing(void **state) {
    uint8_t buffer[64];
    struct attributes a;
    attributes_init(&a, buffer, sizeof buffer);
    assert_true(attributes_begin(&a, 1, "LO") && attributes_append(&a, "x", 1));
    attributes_abandon(&a);
    assert_int_equal(a.length, 0);
    assert_int_equal(a.dropped, 0);
    assert_true(attributes_add(&a, 2, "LO", 0, slice_text("y")));
}

static void a_malformed_block_is_never_overread(void **state) {
    uint8_t buffer[64];
    struct attributes a;
    attributes_init(&a, buffer, sizeof buffer);
    attributes_add(&a, 1, "LO", 0, slice_text("abcd"));
    attributes_add(&a, 2, "LO", 0, slice_text("ef"));
    for (size_t cut = 0; cut <= a.length; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, buffer, cut);
        struct reader r = reader_over(slice_of(copy, cut));
        struct attribute entry;
        int entries = 0;
        while (attributes_next(&r, &entry)) entries++;
        assert_int_equal(entries, cut >= 30 ? 2 : cut >= 16 ? 1 : 0);
        assert_int_equal(r.failed, cut != 0 && cut != 16 && cut != 30);
        free(copy);
    }
    store_le32(buffer + 8, 0xFFFFFFF0);
    struct slice value;
    assert_false(attributes_find(attributes_block(&a), 2, &value));
}

static void the_indexed_table_is_consistent(void **state) {
    size_t count, bytes = 0;
    const struct indexed_attribute *table = indexed_table(&count);
    bool codes[INDEXED_COUNT_MAX] = {false};
    for (size_t i = 0; i < count; i++) {
        const struct indexed_attribute *row = &table[i];
        assert_true(i == 0 || table[i - 1].tag < row->tag);
        assert_true(row->code > 0);
        assert_false(codes[row->code]);
        codes[row->code] = true;
        assert_non_null(vr_find(row->vr));
        assert_true(row->value_bytes_max % vr_find(row->vr)->unit == 0);
        assert_ptr_equal(indexed_find(row->tag), row);
        assert_ptr_equal(indexed_by_keyword(row->keyword), row);
        assert_ptr_equal(indexed_by_code(row->code), row);
        bytes += ATTRIBUTE_HEADER_BYTES + row->value_bytes_max;
    }
    assert_true(bytes <= INDEXED_BLOCK_BYTES_MAX);
    assert_null(indexed_find(0));
    assert_null(indexed_find(0xFFFFFFFF));
    assert_null(indexed_find(0x00080017));
    assert_null(indexed_by_keyword("Patient"));
    assert_null(indexed_by_code(0));
}

/* Codes stand in index rows: a change here is a change of the format on disk. */
static void codes_are_frozen(void **state) {
    assert_int_equal(indexed_find(0x00080005)->code, 1);
    assert_int_equal(indexed_find(0x00080016)->code, 5);
    assert_int_equal(indexed_find(0x00080018)->code, 6);
    assert_int_equal(indexed_find(0x00100010)->code, 31);
    assert_int_equal(indexed_find(0x00100020)->code, 32);
    assert_int_equal(indexed_find(0x0020000D)->code, 54);
    assert_int_equal(indexed_find(0x0020000E)->code, 55);
    assert_int_equal(indexed_find(0x00880200)->code, 92);
}

/* The keys and the triggers of demographic updates that users rely on; the computed ones come from the index itself. */
static void all_keys_and_triggers_are_there(void **state) {
    static const uint32_t patient[] = {0x00100010, 0x00100020, 0x00100030, 0x00100032, 0x00100040, 0x00101000, 0x00101001,
                                       0x00101010, 0x00101020, 0x00101030, 0x00102160, 0x00102180, 0x001021B0, 0x00104000};
    static const uint32_t study[] = {0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00081060,
                                     0x00081080, 0x00081030, 0x00200010, 0x00201070};
    static const uint32_t series[] = {0x00080021, 0x00080031, 0x00080060, 0x00080070, 0x00080080, 0x0008103E,
                                      0x00081090, 0x00180015, 0x00180022, 0x00181030, 0x00200011};
    static const uint32_t keys[] = {0x0020000D, 0x0020000E, 0x00080016, 0x00080018, 0x00200013, 0x00280010, 0x00280011,
                                    0x00280100, 0x00280008, 0x00200052, 0x00080023, 0x00080033, 0x00080008, 0x00080012,
                                    0x00080013, 0x00201041, 0x00180010, 0x00280002, 0x00280004, 0x00880200, 0x00080005,
                                    0x00100021, 0x00080201};
    for (size_t i = 0; i < sizeof patient / 4; i++) assert_int_equal(indexed_find(patient[i])->trigger, 1 + INDEXED_PATIENT);
    for (size_t i = 0; i < sizeof study / 4; i++) assert_int_equal(indexed_find(study[i])->trigger, 1 + INDEXED_STUDY);
    for (size_t i = 0; i < sizeof series / 4; i++) assert_int_equal(indexed_find(series[i])->trigger, 1 + INDEXED_SERIES);
    for (size_t i = 0; i < sizeof keys / 4; i++) assert_non_null(indexed_find(keys[i]));
}

static void vrs_are_found(void **state) {
    static const char all[] = "AEASATCSDADSDTFDFLISLOLTOBODOFOLOVOWPNSHSLSQSSSTSVTMUCUIULUNURUSUTUV";
    unsigned found = 0;
    for (size_t i = 0; i + 1 < sizeof all; i += 2) {
        const struct vr *vr = vr_find(all + i);
        assert_non_null(vr);
        assert_memory_equal(vr->name, all + i, 2);
    }
    for (int pair = 0; pair < 65536; pair++) {
        uint8_t name[2] = {(uint8_t)pair, (uint8_t)(pair >> 8)};
        if (vr_find(name)) found++;
    }
    assert_int_equal(found, (sizeof all - 1) / 2);
    assert_true(vr_find("UN")->long_form && vr_find("SV")->long_form && !vr_find("UL")->long_form);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_frozen),
        cmocka_unit_test(what_is_added_is_found_in_order),
        cmocka_unit_test(a_full_block_drops_whole_entries),
        cmocka_unit_test(an_abandoned_entry_leaves_nothing),
        cmocka_unit_test(a_malformed_block_is_never_overread),
        cmocka_unit_test(the_indexed_table_is_consistent),
        cmocka_unit_test(codes_are_frozen),
        cmocka_unit_test(all_keys_and_triggers_are_there),
        cmocka_unit_test(vrs_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
