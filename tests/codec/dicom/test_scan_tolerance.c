/* SPDX-License-Identifier: Apache-2.0 */
/* What devices send besides the standard, one case a row: each is scanned whole, split at every byte, and byte by byte, and
 * has to give exactly its remarks and everything that lies behind the oddity (Patient ID, pixel data). Then what can't be
 * scanned, with its sentence. */
#include "made_data_set.h"
#include "scanned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define UNDEFINED 0xFFFFFFFFu
#define SEQUENCE_TAG 0x00081140u

/* ---- the oddities ---- */

static void odd_length(struct made *m) { made_bytes(m, 0x00081030, "LO", "abc", 3); }
static void odd_private_length(struct made *m) { made_bytes(m, 0x00091001, "OB", "abcde", 5); }
static void group_length(struct made *m) { made_u32(m, 0x00100000, "UL", 1234); }

static void out_of_order(struct made *m) {
    made_text(m, 0x00081030, "LO", "text");
    made_text(m, 0x00080050, "SH", "A1");
    made_text(m, 0x00080060, "CS", "CT");
}

static void twice(struct made *m) {
    made_text(m, 0x00080050, "SH", "A1");
    made_text(m, 0x00080050, "SH", "A2");
}

static void uid_with_space(struct made *m) { made_bytes(m, 0x00200052, "UI", "1.2.3 ", 6); }
static void uid_with_nuls(struct made *m) { made_bytes(m, 0x00200052, "UI", "1.2.31\0", 8); }
static void uid_with_letters(struct made *m) { made_text(m, 0x00200052, "UI", "1.2.a"); }
static void uid_too_long(struct made *m) {
    made_text(m, 0x00200052, "UI", "1.2.3.4567890123456789012345678901234567890123456789012345678901234567890");
}
static void uid_absurdly_long(struct made *m) {
    made_header(m, 0x00200052, "UI", 300);
    made_fill(m, '1', 300);
}

static void short_string_too_long(struct made *m) { made_text(m, 0x00080050, "SH", "12345678901234567"); }
static void second_value_too_long(struct made *m) { made_text(m, 0x00080008, "CS", "ORIGINAL\\12345678901234567"); }
static void name_group_too_long(struct made *m) {
    made_header(m, 0x00080090, "PN", 72);
    made_raw(m, "A=", 2);
    made_fill(m, 'b', 70);
}
static void text_cut(struct made *m) {
    made_header(m, 0x00204000, "LT", 2000);
    made_fill(m, 'x', 2000);
}
static void text_cut_and_too_long(struct made *m) {
    made_header(m, 0x00081030, "LO", 1000);
    made_fill(m, 'x', 1000);
}

/* Two bytes in place of a VR and a length of 16 bits. */
static void short_form(struct made *m, uint32_t tag, const char *vr, const char *value) {
    uint8_t head[8];
    store_le16(head, (uint16_t)(tag >> 16));
    store_le16(head + 2, (uint16_t)tag);
    memcpy(head + 4, vr, 2);
    store_le16(head + 6, (uint16_t)strlen(value));
    made_raw(m, head, 8);
    made_raw(m, value, strlen(value));
}
static void vr_question_marks(struct made *m) { short_form(m, 0x00091001, "??", "abcd"); }
static void vr_spaces(struct made *m) { short_form(m, 0x00080050, "  ", "A1"); }
static void vr_dashes(struct made *m) { short_form(m, 0x00091001, "--", "abcdefgh"); }
static void vr_zeros(struct made *m) { short_form(m, 0x00091001, "\0\0", "abcdef"); }
static void vr_unknown_short(struct made *m) { short_form(m, 0x00091001, "XY", "abcd"); }
static void vr_unknown_long(struct made *m) {
    made_raw(m, "\x09\x00\x01\x10ZZ\0\0\x04\0\0\0abcd", 16);
}
static void reserved_not_zero(struct made *m) { made_raw(m, "\x09\x00\x01\x10OB\x34\x12\x04\0\0\0abcd", 16); }

static void implicit_element(struct made *m) {
    enum scan_encoding encoding = m->encoding;
    m->encoding = SCAN_IMPLICIT_LE;
    made_text(m, 0x00080050, "SH", "A1");
    made_text(m, 0x00081030, "LO", "a longer description");
    m->encoding = encoding;
}
static void implicit_sequence(struct made *m) {
    enum scan_encoding encoding = m->encoding;
    m->encoding = SCAN_IMPLICIT_LE;
    made_begin_sequence(m, SEQUENCE_TAG);
    made_begin_item(m);
    made_text(m, 0x00081150, "UI", "1.2.3.4");
    made_text(m, 0x00081155, "UI", "1.2.3.5");
    made_end_item(m);
    made_end_sequence(m);
    m->encoding = encoding;
}
static void implicit_overlay(struct made *m) { /* its length is a multiple of 64 KiB, which looks like a VR of zeros */
    enum scan_encoding encoding = m->encoding;
    m->encoding = SCAN_IMPLICIT_LE;
    made_header(m, 0x60003000, "OW", 65536);
    made_fill(m, 1, 65536);
    m->encoding = encoding;
}

static void un_begin(struct made *m, uint32_t tag) {
    made_header(m, tag, "UN", UNDEFINED);
    m->encoding = SCAN_IMPLICIT_LE;
}
static void un_sequence(struct made *m) {
    enum scan_encoding encoding = m->encoding;
    un_begin(m, 0x00091010);
    made_begin_item(m);
    made_text(m, 0x00100020, "LO", "NOT THIS");
    made_begin_sequence(m, 0x00091020);
    made_begin_item(m);
    made_text(m, 0x00100020, "LO", "NOR THIS");
    made_end_item(m);
    made_end_sequence(m);
    made_end_item(m);
    made_tag(m, MADE_SEQUENCE_END, 0);
    m->encoding = encoding;
}
static void un_in_its_own_encoding(struct made *m) {
    m->undefined = true; /* else the item is passed over and nobody sees */
    made_header(m, 0x00091010, "UN", UNDEFINED);
    made_begin_item(m);
    made_text(m, 0x00100020, "LO", "NOT THIS");
    made_end_item(m);
    made_tag(m, MADE_SEQUENCE_END, 0);
}

/* A sequence whose length is written `less` bytes too small. */
static void sequence_less(struct made *m, uint32_t less) {
    size_t start = m->length;
    m->undefined = false;
    made_begin_sequence(m, SEQUENCE_TAG);
    for (int i = 0; i < 3; i++) {
        made_begin_item(m);
        made_text(m, 0x00081150, "UI", "1.2.3.4");
        made_text(m, 0x00100020, "LO", "NOT THIS");
        made_end_item(m);
    }
    made_end_sequence(m);
    uint8_t *length = m->bytes + start + (m->encoding == SCAN_IMPLICIT_LE ? 4 : 8);
    if (m->encoding == SCAN_EXPLICIT_BE) store_be32(length, load_be32(length) - less);
    else store_le32(length, load_le32(length) - less);
}
static void one_item_beyond(struct made *m) { sequence_less(m, 8 + 16 + 16); }
static void two_items_beyond(struct made *m) { sequence_less(m, 2 * (8 + 16 + 16)); }
static void half_an_item_beyond(struct made *m) { sequence_less(m, 10); }
static void undefined_item_beyond(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", 20);
    made_tag(m, MADE_ITEM, UNDEFINED);
    made_text(m, 0x00081150, "UI", "1.2.3.4");
    made_text(m, 0x00100020, "LO", "NOT THIS");
    made_tag(m, MADE_ITEM_END, 0);
}

static void sequence_of_junk(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", 20);
    made_fill(m, 0x5A, 20);
}
static void sequence_of_five_bytes(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", 6);
    made_fill(m, 0x5A, 6);
}
static void sequence_with_a_rest(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", 24 + 4);
    made_tag(m, MADE_ITEM, 16);
    made_fill(m, 1, 16);
    made_fill(m, 0, 4);
}
static void sequence_with_half_a_header(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", 24 + 4);
    made_tag(m, MADE_ITEM, 16);
    made_fill(m, 1, 16);
    made_tag(m, MADE_ITEM, 0);
    m->length -= 4;
}

static void open_item(struct made *m, uint32_t sequence_length) {
    made_header(m, SEQUENCE_TAG, "SQ", sequence_length);
    made_tag(m, MADE_ITEM, UNDEFINED);
    made_text(m, 0x00081150, "UI", "1.2.3.4"); /* 16 bytes in every encoding */
}
static void no_item_end(struct made *m) {
    open_item(m, UNDEFINED);
    made_tag(m, MADE_SEQUENCE_END, 0);
}
static void no_item_end_before_an_item(struct made *m) {
    open_item(m, UNDEFINED);
    made_tag(m, MADE_ITEM, UNDEFINED);
    made_tag(m, MADE_ITEM_END, 0);
    made_tag(m, MADE_SEQUENCE_END, 0);
}
static void no_item_end_at_the_coded_end(struct made *m) { open_item(m, 24); }
static void no_sequence_end(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", UNDEFINED);
    made_tag(m, MADE_ITEM, 4);
    made_fill(m, 1, 4);
}
static void no_fragments_end(struct made *m) {
    made_begin_fragments(m, 0x7FE00010, 0);
    made_fragment(m, 20, 7);
}
static void no_fragments_end_before_padding(struct made *m) {
    no_fragments_end(m);
    made_bytes(m, 0xFFFCFFFC, "OB", "\0\0\0\0", 4);
}

static void item_end_behind_a_coded_item(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", UNDEFINED);
    made_tag(m, MADE_ITEM, 4);
    made_fill(m, 1, 4);
    made_tag(m, MADE_ITEM_END, 0);
    made_tag(m, MADE_SEQUENCE_END, 0);
}
static void sequence_end_behind_a_coded_sequence(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", 12);
    made_tag(m, MADE_ITEM, 4);
    made_fill(m, 1, 4);
    made_tag(m, MADE_SEQUENCE_END, 0);
}
static void sequence_end_inside_a_coded_sequence(struct made *m) {
    made_header(m, SEQUENCE_TAG, "SQ", 20);
    made_tag(m, MADE_ITEM, 4);
    made_fill(m, 1, 4);
    made_tag(m, MADE_SEQUENCE_END, 0);
}
static void delimiters_with_lengths(struct made *m) {
    open_item(m, UNDEFINED);
    made_tag(m, MADE_ITEM_END, 77);
    made_tag(m, MADE_SEQUENCE_END, 0x12345678);
}

static void undefined_text(struct made *m) {
    made_header(m, 0x00091001, "UT", UNDEFINED);
    made_tag(m, MADE_ITEM, 4);
    made_fill(m, 1, 4);
    made_tag(m, MADE_SEQUENCE_END, 0);
}
static void undefined_in_16_bits(struct made *m) {
    made_header(m, 0x00091001, "LO", 0xFFFF);
    made_tag(m, MADE_ITEM, 4);
    made_fill(m, 1, 4);
    made_tag(m, MADE_SEQUENCE_END, 0);
}
static void length_65535(struct made *m) {
    made_header(m, 0x00091001, "LO", 0xFFFF);
    made_fill(m, 'x', 0xFFFF);
}
static void private_fragments(struct made *m) {
    made_begin_fragments(m, 0x00091001, 0);
    made_fragment(m, 10, 1);
    made_end_fragments(m);
}

/* ---- at the beginning ---- */

static void command_elements(struct made *m) {
    enum scan_encoding encoding = m->encoding;
    m->encoding = SCAN_IMPLICIT_LE;
    made_u32(m, 0, "UL", 20);
    made_u16(m, 0x00000100, "US", 1);
    m->encoding = encoding;
}
static void meta_elements(struct made *m) {
    enum scan_encoding encoding = m->encoding;
    m->encoding = SCAN_EXPLICIT_LE;
    made_u32(m, 0x00020000, "UL", 20);
    made_text(m, 0x00020010, "UI", "1.2.840.10008.1.2");
    m->encoding = encoding;
}
static void multi_byte_set(struct made *m) { made_text(m, 0x00080005, "CS", "ISO_IR 192"); }

/* ---- behind the pixel data ---- */

static void zeros_1(struct made *m) { made_fill(m, 0, 1); }
static void zeros_7(struct made *m) { made_fill(m, 0, 7); }
static void zeros_8(struct made *m) { made_fill(m, 0, 8); }
static void zeros_9000(struct made *m) { made_fill(m, 0, 9000); }
static void part_of_a_header(struct made *m) { made_raw(m, "\xFC\xFF\xFC\xFF", 4); }
static void text_garbage(struct made *m) { made_raw(m, "0123456789abcdefghijklmnop", 26); }
static void item_garbage(struct made *m) { made_tag(m, MADE_ITEM, 100); }
static void deep_garbage(struct made *m) {
    for (int i = 0; i < 100; i++) {
        made_header(m, SEQUENCE_TAG, "SQ", UNDEFINED);
        made_tag(m, MADE_ITEM, UNDEFINED);
    }
}
static void digital_signature(struct made *m) { /* legal */
    made_begin_sequence(m, 0xFFFAFFFA);
    made_end_sequence(m);
    made_bytes(m, 0xFFFCFFFC, "OB", "\0\0\0\0", 4);
}

/* ---- the rows ---- */

#define R(name) SCAN_REMARK_##name
#define LE (1 << SCAN_EXPLICIT_LE)
#define BE (1 << SCAN_EXPLICIT_BE)
#define IMPLICIT (1 << SCAN_IMPLICIT_LE)
#define ANY (LE | BE | IMPLICIT)

enum where { FIRST, MIDDLE, INSTEAD, LAST };

static const struct oddity {
    const char *name;
    void (*make)(struct made *m);
    enum where where; /* before all, before Patient ID, instead of the pixel data, behind them */
    unsigned encodings;
    uint32_t remarks;
} oddities[] = {
    {"nothing odd", digital_signature, LAST, ANY, 0},
    {"odd length", odd_length, MIDDLE, ANY, R(ODD_LENGTH)},
    {"odd private length", odd_private_length, MIDDLE, ANY, R(ODD_LENGTH)},
    {"group length", group_length, MIDDLE, ANY, R(GROUP_LENGTH)},
    {"out of order", out_of_order, MIDDLE, ANY, R(OUT_OF_ORDER)},
    {"twice", twice, MIDDLE, ANY, R(DUPLICATE)},
    {"UID padded with a space", uid_with_space, MIDDLE, ANY, R(PADDED_UID) | R(OUT_OF_ORDER)},
    {"UID padded with two NULs", uid_with_nuls, MIDDLE, ANY, R(PADDED_UID) | R(OUT_OF_ORDER)},
    {"UID with letters", uid_with_letters, MIDDLE, ANY, R(INVALID_UID) | R(OUT_OF_ORDER)},
    {"UID too long", uid_too_long, MIDDLE, ANY, R(INVALID_UID) | R(OUT_OF_ORDER)},
    {"UID absurdly long", uid_absurdly_long, MIDDLE, ANY, R(INVALID_UID) | R(VALUE_CUT) | R(OUT_OF_ORDER)},
    {"SH too long", short_string_too_long, MIDDLE, ANY, R(VALUE_TOO_LONG)},
    {"second CS too long", second_value_too_long, MIDDLE, ANY, R(VALUE_TOO_LONG) | R(OUT_OF_ORDER)},
    {"PN group too long", name_group_too_long, MIDDLE, ANY, R(VALUE_TOO_LONG)},
    {"LT cut", text_cut, MIDDLE, ANY, R(VALUE_CUT) | R(OUT_OF_ORDER)},
    {"LO cut", text_cut_and_too_long, MIDDLE, ANY, R(VALUE_CUT) | R(VALUE_TOO_LONG)},
    {"VR ??", vr_question_marks, MIDDLE, LE, R(UNKNOWN_VR)},
    {"VR spaces", vr_spaces, MIDDLE, LE, R(UNKNOWN_VR)},
    {"VR --", vr_dashes, MIDDLE, LE, R(UNKNOWN_VR)},
    {"VR zeros", vr_zeros, MIDDLE, LE, R(UNKNOWN_VR)},
    {"VR XY", vr_unknown_short, MIDDLE, LE, R(UNKNOWN_VR)},
    {"VR ZZ, long form", vr_unknown_long, MIDDLE, LE, R(UNKNOWN_VR)},
    {"reserved bytes", reserved_not_zero, MIDDLE, LE, R(RESERVED_NOT_ZERO)},
    {"implicit elements", implicit_element, MIDDLE, LE, R(IMPLICIT_INSIDE)},
    {"implicit sequence", implicit_sequence, MIDDLE, LE, R(IMPLICIT_INSIDE)},
    {"implicit overlay of 64 KiB", implicit_overlay, LAST, LE, R(IMPLICIT_INSIDE) | R(OUT_OF_ORDER)},
    {"UN sequence", un_sequence, MIDDLE, LE | BE, R(UN_SEQUENCE)},
    {"UN in its own encoding", un_in_its_own_encoding, MIDDLE, LE | BE, R(UN_SEQUENCE) | R(UN_NOT_IMPLICIT)},
    {"one item beyond", one_item_beyond, MIDDLE, ANY, R(SEQUENCE_OVERRUN)},
    {"two items beyond", two_items_beyond, MIDDLE, ANY, R(SEQUENCE_OVERRUN)},
    {"half an item beyond", half_an_item_beyond, MIDDLE, ANY, R(SEQUENCE_OVERRUN)},
    {"undefined item beyond", undefined_item_beyond, MIDDLE, ANY, R(SEQUENCE_OVERRUN)},
    {"sequence of junk", sequence_of_junk, MIDDLE, LE | BE, R(SEQUENCE_MALFORMED)},
    {"sequence of six bytes", sequence_of_five_bytes, MIDDLE, LE | BE, R(SEQUENCE_MALFORMED)},
    {"sequence with a rest", sequence_with_a_rest, MIDDLE, ANY, R(SEQUENCE_MALFORMED)},
    {"sequence with half a header", sequence_with_half_a_header, MIDDLE, ANY, R(SEQUENCE_MALFORMED)},
    {"no item end", no_item_end, MIDDLE, ANY, R(MISSING_DELIMITER)},
    {"no item end before an item", no_item_end_before_an_item, MIDDLE, ANY, R(MISSING_DELIMITER)},
    {"no item end at the coded end", no_item_end_at_the_coded_end, MIDDLE, ANY, R(MISSING_DELIMITER)},
    {"no sequence end", no_sequence_end, MIDDLE, ANY, R(MISSING_DELIMITER)},
    {"no end of the fragments", no_fragments_end, INSTEAD, ANY, R(MISSING_DELIMITER)},
    {"no end of the fragments before padding", no_fragments_end_before_padding, INSTEAD, ANY, R(MISSING_DELIMITER)},
    {"item end behind a coded item", item_end_behind_a_coded_item, MIDDLE, ANY, R(STRAY_DELIMITER)},
    {"sequence end behind a coded sequence", sequence_end_behind_a_coded_sequence, MIDDLE, ANY, R(STRAY_DELIMITER)},
    {"sequence end inside a coded sequence", sequence_end_inside_a_coded_sequence, MIDDLE, ANY, R(STRAY_DELIMITER)},
    {"delimiters with lengths", delimiters_with_lengths, MIDDLE, ANY, R(STRAY_DELIMITER)},
    {"UT of undefined length", undefined_text, MIDDLE, LE | BE, R(UNDEFINED_LENGTH)},
    {"undefined length in 16 bits", undefined_in_16_bits, MIDDLE, LE | BE, R(UNDEFINED_LENGTH)},
    {"length 65535", length_65535, MIDDLE, ANY, R(ODD_LENGTH)},
    {"private fragments", private_fragments, MIDDLE, LE | BE, R(UNDEFINED_LENGTH)},
    {"command elements", command_elements, FIRST, IMPLICIT, R(FOREIGN_GROUP)},
    {"command elements before explicit ones", command_elements, FIRST, LE, R(FOREIGN_GROUP) | R(IMPLICIT_INSIDE)},
    {"meta elements", meta_elements, FIRST, LE | IMPLICIT, R(FOREIGN_GROUP)},
    {"a multi-byte character set", multi_byte_set, FIRST, ANY, 0},
    {"1 zero", zeros_1, LAST, ANY, R(TRAILING_GARBAGE)},
    {"7 zeros", zeros_7, LAST, ANY, R(TRAILING_GARBAGE)},
    {"8 zeros", zeros_8, LAST, ANY, R(TRAILING_GARBAGE)},
    {"9000 zeros", zeros_9000, LAST, ANY, R(TRAILING_GARBAGE)},
    {"part of a header", part_of_a_header, LAST, ANY, R(TRAILING_GARBAGE)},
    {"text behind", text_garbage, LAST, ANY, R(TRAILING_GARBAGE)},
    {"an item behind", item_garbage, LAST, ANY, R(TRAILING_GARBAGE)},
    {"a deep sequence behind", deep_garbage, LAST, LE | BE, R(TRAILING_GARBAGE)},
};

static void make_case(struct made *m, const struct oddity *row) {
    if (row->where == FIRST) row->make(m);
    made_text(m, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7");
    made_text(m, 0x00080018, "UI", "1.2.3.4.5");
    if (row->where == MIDDLE) row->make(m);
    made_text(m, 0x00100020, "LO", "ID1");
    if (row->where == INSTEAD) {
        row->make(m);
        return;
    }
    made_bytes(m, 0x7FE00010, "OW", "\1\2\3\4\5\6\7\10", 8);
    if (row->where == LAST) row->make(m);
}

static void check_case(const struct oddity *row, enum scan_encoding encoding, bool undefined) {
    static struct scanned whole, other;
    struct made m;
    char text[256], words[1024];
    made_init(&m, encoding, undefined);
    make_case(&m, row);
    scanned_in_steps(&whole, encoding, m.bytes, m.length, 0);
    if (whole.status != SCAN_DONE) fail_msg("%s, encoding %d: %s", row->name, encoding, whole.fault.text);
    if (whole.remarks != row->remarks) {
        fail_msg("%s, encoding %d: %s", row->name, encoding, scanned_remarks(whole.remarks ^ row->remarks, words));
    }
    assert_string_equal(scanned_text(&whole, 0x00100020, text), "ID1");
    assert_string_equal(scanned_text(&whole, 0x00080018, text), "1.2.3.4.5");
    assert_int_equal(whole.pixel_data_tag, 0x7FE00010);
    assert_int_equal(whole.offset, m.length);
    size_t step = m.length > 4000 ? 997 : 1;
    for (size_t at = 0; at <= m.length; at += step) {
        scanned_in_two(&other, encoding, m.bytes, m.length, at);
        const char *difference = scanned_difference(&whole, &other);
        if (difference) fail_msg("%s, encoding %d, split at %zu: %s differs", row->name, encoding, at, difference);
    }
    for (step = 1; step < 14; step++) {
        scanned_in_steps(&other, encoding, m.bytes, m.length, step);
        const char *difference = scanned_difference(&whole, &other);
        if (difference) fail_msg("%s, encoding %d, in pieces of %zu: %s differs", row->name, encoding, step, difference);
    }
    made_release(&m);
}

static void oddities_are_tolerated(void **state) {
    for (size_t i = 0; i < sizeof oddities / sizeof oddities[0]; i++) {
        for (int encoding = 0; encoding <= SCAN_EXPLICIT_BE; encoding++) {
            if (!(oddities[i].encodings & 1u << encoding)) continue;
            check_case(&oddities[i], (enum scan_encoding)encoding, false);
            check_case(&oddities[i], (enum scan_encoding)encoding, true);
        }
    }
}

/* Announced as one encoding, written as another. */
static void other_encodings_are_recognised(void **state) {
    static const struct oddity plain = {"announced otherwise", digital_signature, LAST, ANY, 0};
    static struct scanned s;
    char text[256];
    for (int announced = 0; announced <= SCAN_EXPLICIT_BE; announced++) {
        for (int written = 0; written <= SCAN_EXPLICIT_BE; written++) {
            struct made m;
            made_init(&m, (enum scan_encoding)written, true);
            make_case(&m, &plain);
            scanned_in_steps(&s, (enum scan_encoding)announced, m.bytes, m.length, 5);
            if (s.status != SCAN_DONE) fail_msg("%d announced, %d written: %s", announced, written, s.fault.text);
            assert_int_equal(s.remarks, announced == written ? 0 : SCAN_REMARK_OTHER_ENCODING);
            assert_string_equal(scanned_text(&s, 0x00100020, text), "ID1");
            assert_int_equal(s.pixel_data_length, 8);
            made_release(&m);
        }
    }
}

static void an_explicit_element_in_a_wrongly_announced_data_set(void **state) {
    static struct scanned s;
    struct made m;
    char text[256];
    made_init(&m, SCAN_IMPLICIT_LE, true);
    made_text(&m, 0x00080016, "UI", "1.2.3");
    m.encoding = SCAN_EXPLICIT_LE;
    made_text(&m, 0x00100020, "LO", "ID1");
    scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 0);
    assert_int_equal(s.status, SCAN_DONE);
    assert_int_equal(s.remarks, SCAN_REMARK_OTHER_ENCODING | SCAN_REMARK_IMPLICIT_INSIDE);
    assert_string_equal(scanned_text(&s, 0x00100020, text), "ID1");
    made_release(&m);
}

/* A DICOMDIR is known whose last item claims more than its sequence and its file have. */
static void the_last_item_claims_too_much(void **state) {
    static struct scanned s;
    struct made m;
    made_init(&m, SCAN_EXPLICIT_LE, false);
    made_text(&m, 0x00080016, "UI", "1.2.3");
    made_header(&m, SEQUENCE_TAG, "SQ", 24);
    made_tag(&m, MADE_ITEM, 40);
    made_fill(&m, 1, 16);
    scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 3);
    assert_int_equal(s.status, SCAN_DONE);
    assert_int_equal(s.remarks, SCAN_REMARK_SEQUENCE_OVERRUN);
    made_fill(&m, 1, 1); /* one byte more and the sequence's length was wrong, too */
    scanned_in_steps(&s, SCAN_EXPLICIT_LE, m.bytes, m.length, 3);
    assert_int_equal(s.status, SCAN_FAULT);
    made_release(&m);
}

static void a_full_block_is_a_remark(void **state) {
    uint8_t buffer[48];
    struct attributes a;
    struct scan scan;
    struct made m;
    struct slice value;
    attributes_init(&a, buffer, sizeof buffer);
    made_init(&m, SCAN_EXPLICIT_LE, false);
    made_text(&m, 0x00080018, "UI", "1.2.3");
    made_text(&m, 0x00081030, "LO", "longer than what is left");
    made_text(&m, 0x00100020, "LO", "ID1");
    scan_init(&scan, SCAN_EXPLICIT_LE, &a);
    assert_int_equal(scan_feed(&scan, m.bytes, m.length, NULL), SCAN_MORE);
    assert_int_equal(scan_finish(&scan, NULL), SCAN_DONE);
    assert_int_equal(scan.remarks, SCAN_REMARK_VALUE_DROPPED);
    assert_int_equal(a.dropped, 1);
    assert_true(attributes_find(attributes_block(&a), 0x00100020, &value));
    scan_release(&scan);
    made_release(&m);
}

static void remarks_have_words(void **state) {
    char words[1024];
    for (unsigned bit = 0; bit < 32; bit++) assert_int_equal(scan_remark_text(1u << bit)[0] != 0, bit <= 24);
    assert_string_equal(scan_remark_text(0), "");
    scanned_remarks(SCAN_REMARK_ODD_LENGTH | SCAN_REMARK_GROUP_LENGTH, words);
    assert_string_equal(words, "a value of odd length; a group length");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oddities_are_tolerated),
        cmocka_unit_test(other_encodings_are_recognised),
        cmocka_unit_test(an_explicit_element_in_a_wrongly_announced_data_set),
        cmocka_unit_test(the_last_item_claims_too_much),
        cmocka_unit_test(a_full_block_is_a_remark),
        cmocka_unit_test(remarks_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
