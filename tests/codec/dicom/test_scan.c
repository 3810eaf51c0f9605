/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner on data sets that follow the standard (captures, pixel data, all four encodings), on what can't be scanned
 * (its sentence and offset), on endings at every byte, and on bombs. */
#include "made_data_set.h"
#include "scanned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define UNDEFINED 0xFFFFFFFFu

static void put_head(struct made *m) {
    made_text(m, 0x00080005, "CS", "ISO_IR 100");
    made_text(m, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    made_text(m, 0x00080018, "UI", "1.2.3.4.5");
}

/* ---- captures ---- */

static void put_nested(struct made *m, int levels) {
    made_begin_sequence(m, 0x00081115);
    for (int i = 0; i < 2; i++) {
        made_begin_item(m);
        made_text(m, 0x00100020, "LO", "NOT THIS");
        if (levels > 1) put_nested(m, levels - 1);
        made_end_item(m);
    }
    made_end_sequence(m);
}

static void make_ct(struct made *m) {
    put_head(m);
    put_nested(m, 5);
    made_text(m, 0x00100010, "PN", "Doe^John");
    made_text(m, 0x00100020, "LO", "ID1");
    made_text(m, 0x00100030, "DA", "");
    made_text(m, 0x0020000D, "UI", "1.2.3.4");
    made_text(m, 0x0020000E, "UI", "1.2.3.4.1");
    made_u16(m, 0x00280010, "US", 512);
    made_u16(m, 0x00280011, "US", 0x0102);
    made_header(m, 0x00880200, "SQ", 0);
    made_bytes(m, 0x7FE00010, "OW", "0123456789abcdef", 16);
    made_bytes(m, 0xFFFCFFFC, "OB", "\0\0", 2);
}

static void check_ct(const struct scanned *s) {
    char text[256];
    struct slice block = slice_of(s->block, s->length);
    struct attribute a;
    if (s->status != SCAN_DONE) fail_msg("%s", s->fault.text);
    assert_int_equal(s->remarks, 0);
    assert_string_equal(scanned_text(s, 0x00100020, text), "ID1");
    assert_string_equal(scanned_text(s, 0x00100010, text), "Doe^John");
    assert_string_equal(scanned_text(s, 0x00100030, text), "");
    assert_string_equal(scanned_text(s, 0x00100040, text), "(none)");
    assert_string_equal(scanned_text(s, 0x0020000E, text), "1.2.3.4.1");
    assert_true(attributes_get(block, 0x00280010, &a));
    assert_string_equal(a.vr, "US");
    assert_true(a.value.length == 2 && load_le16(a.value.bytes) == 512); /* whatever the byte order was */
    assert_true(attributes_get(block, 0x00280011, &a) && load_le16(a.value.bytes) == 0x0102);
    assert_true(attributes_get(block, 0x00880200, &a) && a.value.length == 0 && a.flags == 0);
    assert_true(s->icon);
    assert_false(s->encapsulated);
    assert_int_equal(s->pixel_data_length, 16);
}

static void a_ct_in_all_encodings(void **state) {
    for (int encoding = 0; encoding <= SCAN_DEFLATED; encoding++) {
        for (int undefined = 0; undefined < 2; undefined++) {
            static struct scanned s;
            struct made m;
            made_init(&m, (enum scan_encoding)encoding, undefined);
            make_ct(&m);
            uint64_t header = encoding == SCAN_IMPLICIT_LE ? 8 : 12, pixels = m.length - (header + 2) - (header + 16);
            uint64_t length = m.length;
            if (encoding == SCAN_DEFLATED) made_deflate(&m, false);
            for (size_t step = 0; step < 40; step++) {
                scanned_in_steps(&s, (enum scan_encoding)encoding, m.bytes, m.length, step);
                check_ct(&s);
                assert_int_equal(s.offset, length);
                assert_int_equal(s.pixel_data_offset, pixels);
                assert_int_equal(s.pixel_data_value, pixels + header);
            }
            for (size_t at = 0; at <= m.length; at++) {
                scanned_in_two(&s, (enum scan_encoding)encoding, m.bytes, m.length, at);
                check_ct(&s);
            }
            made_release(&m);
        }
    }
}

static void numbers_are_normalised(void **state) {
    static struct scanned s;
    static const uint8_t le[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const struct { const char *vr; uint8_t expected[8]; } rows[] = {
        {"US", {2, 1, 4, 3, 6, 5, 8, 7}}, {"AT", {2, 1, 4, 3, 6, 5, 8, 7}}, {"UL", {4, 3, 2, 1, 8, 7, 6, 5}},
        {"FL", {4, 3, 2, 1, 8, 7, 6, 5}}, {"FD", {8, 7, 6, 5, 4, 3, 2, 1}}, {"SS", {2, 1, 4, 3, 6, 5, 8, 7}},
        {"SH", {1, 2, 3, 4, 5, 6, 7, 8}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made m;
        struct attribute a;
        made_init(&m, SCAN_EXPLICIT_BE, false);
        put_head(&m);
        made_bytes(&m, 0x00280010, rows[i].vr, le, 8); /* a wrong VR is kept as it is coded */
        scanned_in_steps(&s, SCAN_EXPLICIT_BE, m.bytes, m.length, 1);
        assert_true(attributes_get(slice_of(s.block, s.length), 0x00280010, &a));
        assert_string_equal(a.vr, rows[i].vr);
        assert_memory_equal(a.value.bytes, rows[i].expected, 8);
        made_release(&m);
    }
}

static void long_values_are_cut_and_flagged(void **state) {
    static struct scanned s;
    const struct indexed_attribute *comments = indexed_find(0x00104000);
    for (int more = -2; more <= 2; more += 2) {
        struct made m;
        struct attribute a;
        made_init(&m, SCAN_EXPLICIT_LE, false);
        put_head(&m);
        made_header(&m, 0x00104000, "LT", (uint32_t)(comments->value_bytes_max + more));
        made_fill(&m, 'x', (size_t)(comments->value_bytes_max + more));
        scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 100);
        assert_int_equal(s.remarks, more > 0 ? SCAN_REMARK_VALUE_CUT : 0);
        assert_true(attributes_get(slice_of(s.block, s.length), 0x00104000, &a));
        assert_int_equal(a.flags, more > 0 ? ATTRIBUTE_CUT : 0);
        assert_int_equal(a.value.length, comments->value_bytes_max + (more < 0 ? more : 0));
        made_release(&m);
    }
}

static void a_vr_of_un_is_read_as_the_table_says(void **state) {
    static struct scanned s;
    struct made m;
    struct attribute a;
    made_init(&m, SCAN_EXPLICIT_LE, false);
    put_head(&m);
    made_bytes(&m, 0x00100020, "UN", "ID1 ", 4);
    scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 0);
    assert_true(attributes_get(slice_of(s.block, s.length), 0x00100020, &a));
    assert_string_equal(a.vr, "LO");
    made_release(&m);
}

/* ---- pixel data ---- */

static void encapsulated_pixel_data(void **state) {
    for (int encoding = 0; encoding <= SCAN_EXPLICIT_BE; encoding++) {
        static struct scanned s;
        struct made m;
        made_init(&m, (enum scan_encoding)encoding, false);
        put_head(&m);
        made_text(&m, 0x00280008, "IS", " 3 ");
        uint64_t at = m.length;
        made_begin_fragments(&m, 0x7FE00010, 12);
        for (int i = 0; i < 4; i++) made_fragment(&m, 100, 0xFE);
        made_end_fragments(&m);
        for (size_t step = 0; step < 30; step++) {
            scanned_in_steps(&s, (enum scan_encoding)encoding, m.bytes, m.length, step);
            if (s.status != SCAN_DONE) fail_msg("%s", s.fault.text);
            assert_int_equal(s.remarks, 0);
            assert_true(s.encapsulated);
            assert_int_equal(s.number_of_frames, 3);
            assert_int_equal(s.fragments, 4);
            assert_int_equal(s.pixel_data_offset, at);
            assert_true(s.pixel_data_length == SCAN_NONE);
        }
        made_release(&m);
    }
}

static void an_icon_is_not_the_pixel_data(void **state) {
    static struct scanned s;
    struct made m;
    made_init(&m, SCAN_EXPLICIT_LE, true);
    put_head(&m);
    made_begin_sequence(&m, 0x00880200);
    made_begin_item(&m);
    made_begin_fragments(&m, 0x7FE00010, 0);
    made_fragment(&m, 40, 1);
    made_end_fragments(&m);
    made_end_item(&m);
    made_end_sequence(&m);
    uint64_t at = m.length;
    made_header(&m, 0x7FE00008, "OF", 8);
    made_fill(&m, 0, 8);
    scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 7);
    assert_int_equal(s.status, SCAN_DONE);
    assert_true(s.icon);
    assert_int_equal(s.pixel_data_tag, 0x7FE00008);
    assert_int_equal(s.pixel_data_offset, at);
    assert_int_equal(s.fragments, 0);
    made_release(&m);
}

static void a_data_set_without_pixel_data(void **state) {
    static struct scanned s;
    struct made m;
    made_init(&m, SCAN_EXPLICIT_LE, true);
    put_head(&m);
    scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 0);
    assert_int_equal(s.status, SCAN_DONE);
    assert_int_equal(s.pixel_data_tag, 0);
    assert_true(s.pixel_data_offset == SCAN_NONE && s.pixel_data_value == SCAN_NONE && s.pixel_data_length == SCAN_NONE);
    made_release(&m);
}

static void numbers_of_frames(void **state) {
    static const struct { const char *text; uint32_t frames; } rows[] = {
        {"1", 1}, {" 12", 12}, {"+7", 7}, {"", 0}, {"x", 0}, {"-1", 0}, {"99999999999", 0}, {"4294967295", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct scanned s;
        struct made m;
        made_init(&m, SCAN_IMPLICIT_LE, true);
        put_head(&m);
        made_text(&m, 0x00280008, "IS", rows[i].text);
        scanned_in_steps(&s, SCAN_IMPLICIT_LE, m.bytes, m.length, 0);
        assert_int_equal(s.number_of_frames, rows[i].frames);
        made_release(&m);
    }
}

/* ---- what can't be scanned ---- */

static void nothing(struct made *m) {}
static void five_zeros(struct made *m) { made_fill(m, 0, 5); }
static void a_preamble(struct made *m) { made_fill(m, 0, 128), made_raw(m, "DICM", 4); }
static void http(struct made *m) { made_raw(m, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27); }
static void tls_hello(struct made *m) { made_raw(m, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11); }
static void an_item_first(struct made *m) { made_tag(m, MADE_ITEM, 4), made_fill(m, 1, 4); }
static void only_meta(struct made *m) { made_u32(m, 0x00020000, "UL", 0); }
static void pixels_cut(struct made *m) { put_head(m), made_header(m, 0x7FE00010, "OW", 1000), made_fill(m, 1, 500); }
static void value_cut(struct made *m) { put_head(m), made_header(m, 0x00100020, "LO", 100), made_fill(m, 'x', 99); }
static void header_cut(struct made *m) { put_head(m), made_raw(m, "\xE0\x7F\x10\x00OW\0\0\x01\0\0", 11); }
static void sequence_cut(struct made *m) {
    put_head(m);
    made_header(m, 0x00081140, "SQ", UNDEFINED);
    made_tag(m, MADE_ITEM, UNDEFINED);
    made_text(m, 0x00081150, "UI", "1.2.3");
}
static void item_cut(struct made *m) {
    put_head(m);
    made_header(m, 0x00081140, "SQ", 100);
    made_tag(m, MADE_ITEM, 92);
    made_fill(m, 1, 90);
}
static void fragment_cut(struct made *m) {
    put_head(m);
    made_begin_fragments(m, 0x7FE00010, 0);
    made_tag(m, MADE_ITEM, 100);
    made_fill(m, 1, 99);
}
static void fragments_missing(struct made *m) {
    put_head(m);
    made_text(m, 0x00280008, "IS", "4");
    made_begin_fragments(m, 0x7FE00010, 0);
    for (int i = 0; i < 3; i++) made_fragment(m, 10, 1);
}
static void fragments_broken(struct made *m) {
    put_head(m);
    made_text(m, 0x00280008, "IS", "4");
    made_begin_fragments(m, 0x7FE00010, 0);
    made_fragment(m, 10, 1);
    made_fill(m, 0x55, 40);
}
static void fragment_undefined(struct made *m) {
    put_head(m);
    made_begin_fragments(m, 0x7FE00010, 0);
    made_tag(m, MADE_ITEM, UNDEFINED);
}
static void impossible_group(struct made *m) { put_head(m), made_text(m, 0xFFFF0001, "LO", "x"); }
static void impossible_in_item(struct made *m) { sequence_cut(m), made_text(m, 0x00030001, "LO", "x"); }
static void item_outside(struct made *m) { put_head(m), made_tag(m, MADE_ITEM, 0); }
static void item_behind_an_element(struct made *m) {
    put_head(m);
    made_header(m, 0x00081140, "SQ", 8);
    made_tag(m, MADE_ITEM, 0);
    made_text(m, 0x00100020, "LO", "ID1");
    made_tag(m, MADE_ITEM, 0);
}
static void zeros_without_pixels(struct made *m) { put_head(m), made_fill(m, 0, 5000); }

static const struct unscannable {
    const char *name;
    void (*make)(struct made *m);
    const char *sentence; /* part of it */
} unscannable[] = {
    {"nothing", nothing, "holds no data element (0 bytes)"},
    {"five zeros", five_zeros, "holds no data element (5 bytes)"},
    {"a Part 10 file", a_preamble, "no data element at the beginning, offset 0"},
    {"HTTP", http, "no data element at the beginning, offset 0: 47 45 54 20"},
    {"TLS", tls_hello, "no data element at the beginning"},
    {"an item first", an_item_first, "no data element at the beginning"},
    {"only meta elements", only_meta, "holds no data element (12 bytes)"},
    {"pixels cut", pixels_cut, "inside the element (7FE0,0010)"},
    {"value cut", value_cut, "inside the element (0010,0020)"},
    {"header cut", header_cut, "inside the header behind (0008,0018)"},
    {"sequence cut", sequence_cut, "inside the sequence (0008,1140)"},
    {"item cut", item_cut, "inside an item of (0008,1140)"},
    {"fragment cut", fragment_cut, "inside an item of (7FE0,0010)"},
    {"fragments missing", fragments_missing, "inside the sequence (7FE0,0010)"},
    {"fragments broken", fragments_broken, "no fragment of the pixel data, but (5555,5555)"},
    {"fragment undefined", fragment_undefined, "a fragment of undefined length in pixel data"},
    {"impossible group", impossible_group, "no data element can be (FFFF,0001)"},
    {"impossible in an item", impossible_in_item, "no data element can be (0003,0001)"},
    {"item outside", item_outside, "an item outside of a sequence: (FFFE,E000)"},
    {"item behind an element", item_behind_an_element, "an item outside of a sequence: (FFFE,E000)"},
    {"5000 zeros, no pixels", zeros_without_pixels, "are no data elements"},
};

static void what_cannot_be_scanned_is_a_fault(void **state) {
    for (size_t i = 0; i < sizeof unscannable / sizeof unscannable[0]; i++) {
        static struct scanned s, other;
        struct made m;
        made_init(&m, SCAN_EXPLICIT_LE, true);
        unscannable[i].make(&m);
        scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 0);
        if (s.status != SCAN_FAULT) fail_msg("%s: no fault", unscannable[i].name);
        if (!strstr(s.fault.text, unscannable[i].sentence)) fail_msg("%s: %s", unscannable[i].name, s.fault.text);
        assert_int_equal(s.fault.code, FAULT_MALFORMED);
        assert_true(s.fault.offset <= m.length);
        for (size_t at = 0; at <= m.length; at++) {
            scanned_in_two(&other, SCAN_EXPLICIT_LE, m.bytes, m.length, at);
            const char *difference = scanned_difference(&s, &other);
            if (difference) fail_msg("%s, split at %zu: %s differs (%s)", unscannable[i].name, at, difference, other.fault.text);
        }
        made_release(&m);
    }
}

static void a_fault_stays(void **state) {
    struct attributes a;
    struct scan scan;
    struct fault fault;
    uint8_t buffer[64];
    attributes_init(&a, buffer, sizeof buffer);
    scan_init(&scan, SCAN_EXPLICIT_LE, &a);
    assert_int_equal(scan_feed(&scan, "GET / HTTP/1.1", 14, &fault), SCAN_FAULT);
    assert_int_equal(scan_feed(&scan, "\x08\0\x16\0UI\x02\0001", 10, &fault), SCAN_FAULT);
    assert_int_equal(scan_finish(&scan, NULL), SCAN_FAULT);
    scan_release(&scan);
    scan_release(&scan);
}

/* A prefix of a data set is whole only where an element of the top level ends, or up to 7 bytes behind it (a remark). */
static void cut_at_every_byte(void **state) {
    for (int encoding = 0; encoding <= SCAN_EXPLICIT_BE; encoding++) {
        static struct scanned s;
        struct made m;
        size_t ends[32], count = 0;
        made_init(&m, (enum scan_encoding)encoding, true);
        made_text(&m, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"), ends[count++] = m.length;
        put_nested(&m, 2), ends[count++] = m.length;
        made_text(&m, 0x00100020, "LO", "ID1"), ends[count++] = m.length;
        made_bytes(&m, 0x00111001, "OB", "abcdefghijkl", 12), ends[count++] = m.length;
        made_begin_fragments(&m, 0x7FE00010, 4);
        made_fragment(&m, 20, 1), ends[count++] = m.length; /* the only frame is there */
        made_end_fragments(&m), ends[count++] = m.length;
        for (size_t cut = 0; cut <= m.length; cut++) {
            size_t behind = SIZE_MAX;
            for (size_t i = 0; i < count && ends[i] <= cut; i++) behind = cut - ends[i];
            scanned_in_steps(&s, (enum scan_encoding)encoding, m.bytes, cut, 0);
            bool whole = behind < 8;
            if ((s.status == SCAN_DONE) != whole) fail_msg("encoding %d, cut at %zu: %s", encoding, cut, s.fault.text);
            if (whole) assert_int_equal((s.remarks & SCAN_REMARK_TRAILING_GARBAGE) != 0, behind != 0);
        }
        made_release(&m);
    }
}

static void a_deflated_data_set_is_cut_or_broken(void **state) {
    static struct scanned s;
    struct made m;
    made_init(&m, SCAN_DEFLATED, true);
    make_ct(&m);
    made_deflate(&m, false);
    size_t length = m.bytes[m.length - 1] == 0 ? m.length - 1 : m.length; /* without the pad byte */
    for (size_t cut = 0; cut + 1 < length; cut++) {
        scanned_in_steps(&s, SCAN_DEFLATED, m.bytes, cut, 0);
        assert_int_equal(s.status, SCAN_FAULT);
    }
    for (size_t at = 0; at < length; at++) { /* any byte changed: any outcome, but always the same one, and no over-read */
        static struct scanned other;
        m.bytes[at] ^= 0x10;
        scanned_in_steps(&s, SCAN_DEFLATED, m.bytes, m.length, 0);
        scanned_in_steps(&other, SCAN_DEFLATED, m.bytes, m.length, 1);
        assert_int_equal(s.status, other.status);
        m.bytes[at] ^= 0x10;
    }
    made_fill(&m, 0x11, 2);
    scanned_in_steps(&s, SCAN_DEFLATED, m.bytes, m.length, 3);
    assert_int_equal(s.status, SCAN_DONE);
    assert_int_equal(s.remarks, SCAN_REMARK_TRAILING_GARBAGE);
    made_release(&m);
}

/* What inflates beyond the scanner's buffer when all input is taken comes with the next step. */
static void deflated_data_sets_of_any_length(void **state) {
    static struct scanned s;
    for (uint32_t n = 16384 - 400; n < 16384 + 400; n++) {
        struct made m;
        made_init(&m, SCAN_DEFLATED, true);
        made_text(&m, 0x00080018, "UI", "1.2.3.4.5");
        made_header(&m, 0x7FE00010, "OB", 2 * n);
        made_fill(&m, 0, 2 * (size_t)n);
        made_deflate(&m, false);
        scanned_in_steps(&s, SCAN_DEFLATED, m.bytes, m.length, 0);
        if (s.status != SCAN_DONE) fail_msg("%u: %s", n, s.fault.text);
        assert_int_equal(s.remarks, 0);
        made_release(&m);
    }
}

static void a_zlib_wrapper_is_a_remark(void **state) {
    static struct scanned s;
    struct made m;
    made_init(&m, SCAN_DEFLATED, true);
    make_ct(&m);
    made_deflate(&m, true);
    for (size_t step = 0; step < 5; step++) {
        scanned_in_steps(&s, SCAN_DEFLATED, m.bytes, m.length, step);
        assert_int_equal(s.remarks, SCAN_REMARK_ZLIB_WRAPPED);
        s.remarks = 0;
        check_ct(&s);
    }
    made_release(&m);
}

/* ---- bombs ---- */

static void put_depth(struct made *m, int depth) {
    for (int i = 0; i < depth; i++) made_begin_sequence(m, 0x00081115), made_begin_item(m);
    for (int i = 0; i < depth; i++) made_end_item(m), made_end_sequence(m);
}

static void depth_is_bounded(void **state) {
    for (int undefined = 0; undefined < 2; undefined++) {
        for (int depth = SCAN_DEPTH_MAX - 1; depth <= SCAN_DEPTH_MAX + 1; depth++) {
            static struct scanned s;
            struct made m;
            made_init(&m, SCAN_EXPLICIT_LE, undefined);
            put_head(&m);
            put_depth(&m, depth);
            scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 0);
            bool too_deep = undefined && depth > SCAN_DEPTH_MAX; /* coded lengths are passed over: no depth at all */
            assert_int_equal(s.status, too_deep ? SCAN_FAULT : SCAN_DONE);
            if (too_deep) assert_int_equal(s.fault.code, FAULT_LIMIT);
            made_release(&m);
        }
    }
}

static void a_deflate_bomb_takes_no_memory(void **state) {
    struct attributes a;
    struct scan scan;
    struct made m;
    uint8_t buffer[1024];
    made_init(&m, SCAN_DEFLATED, true);
    put_head(&m);
    made_header(&m, 0x7FE00010, "OW", 64u << 20);
    made_fill(&m, 0, 64u << 20);
    made_deflate(&m, false);
    assert_true(m.length < 128 << 10);
    attributes_init(&a, buffer, sizeof buffer);
    scan_init(&scan, SCAN_DEFLATED, &a);
    assert_int_equal(scan_feed(&scan, m.bytes, m.length, NULL), SCAN_MORE);
    assert_int_equal(scan_finish(&scan, NULL), SCAN_DONE);
    assert_int_equal(scan.pixel_data_length, 64u << 20);
    scan_release(&scan);
    made_release(&m);
}

/* 6 GB of pixels cost as little as 6 KB: nothing looks at them. */
static void a_huge_value_is_passed_over(void **state) {
    static uint8_t chunk[256 << 10];
    struct attributes a;
    struct scan scan;
    struct made m;
    uint8_t buffer[1024];
    made_init(&m, SCAN_EXPLICIT_LE, true);
    put_head(&m);
    made_begin_fragments(&m, 0x7FE00010, 0);
    attributes_init(&a, buffer, sizeof buffer);
    scan_init(&scan, SCAN_EXPLICIT_LE, &a);
    assert_int_equal(scan_feed(&scan, m.bytes, m.length, NULL), SCAN_MORE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scan_feed(&scan, "\xFE\xFF\x00\xE0\x00\x00\x00\x80", 8, NULL), SCAN_MORE);
        for (size_t left = 0x80000000u; left; left -= sizeof chunk) {
            assert_int_equal(scan_feed(&scan, chunk, sizeof chunk, NULL), SCAN_MORE);
        }
    }
    assert_int_equal(scan_feed(&scan, "\xFE\xFF\xDD\xE0\0\0\0\0", 8, NULL), SCAN_MORE);
    assert_int_equal(scan_finish(&scan, NULL), SCAN_DONE);
    assert_int_equal(scan.fragments, 3);
    assert_true(scan.offset > 3 * UINT64_C(0x80000000));
    scan_release(&scan);
    made_release(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ct_in_all_encodings),
        cmocka_unit_test(numbers_are_normalised),
        cmocka_unit_test(long_values_are_cut_and_flagged),
        cmocka_unit_test(a_vr_of_un_is_read_as_the_table_says),
        cmocka_unit_test(encapsulated_pixel_data),
        cmocka_unit_test(an_icon_is_not_the_pixel_data),
        cmocka_unit_test(a_data_set_without_pixel_data),
        cmocka_unit_test(numbers_of_frames),
        cmocka_unit_test(what_cannot_be_scanned_is_a_fault),
        cmocka_unit_test(a_fault_stays),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(a_deflated_data_set_is_cut_or_broken),
        cmocka_unit_test(deflated_data_sets_of_any_length),
        cmocka_unit_test(a_zlib_wrapper_is_a_remark),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_deflate_bomb_takes_no_memory),
        cmocka_unit_test(a_huge_value_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
