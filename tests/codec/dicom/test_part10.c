/* SPDX-License-Identifier: Apache-2.0 */
/* test_part10: heads as the field has them, made here byte by byte; what is written is read back; truncation at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "codec/dicom/part10.h"
#include "codec/dicom/uids.h"
#include "engine/base/check.h"
#include "engine/base/cursor.h"
#include "engine/base/identity.h"

#define CT "1.2.840.10008.5.1.4.1.1.2"

/* ---- files made by hand ---- */

enum form { EXPLICIT, IMPLICIT, BIG };

static void add(struct writer *w, enum form form, uint16_t group, uint16_t number, const char *vr, const void *value,
                size_t length) {
    if (form == BIG) {
        writer_be16(w, group);
        writer_be16(w, number);
    } else {
        writer_le16(w, group);
        writer_le16(w, number);
    }
    bool is_long = strcmp(vr, "OB") == 0 || strcmp(vr, "SQ") == 0;
    if (form != IMPLICIT) writer_bytes(w, vr, 2);
    if (form != IMPLICIT && is_long) writer_zeros(w, 2);
    if (form == IMPLICIT || is_long)
        (form == BIG ? writer_be32 : writer_le32)(w, (uint32_t)length);
    else
        (form == BIG ? writer_be16 : writer_le16)(w, (uint16_t)length);
    writer_bytes(w, value, length);
}

static void add_uid(struct writer *w, enum form form, uint16_t group, uint16_t number, const char *uid) {
    char padded[70] = {0};
    snprintf(padded, sizeof padded, "%s", uid);
    add(w, form, group, number, "UI", padded, (strlen(uid) + 1) & ~(size_t)1);
}

static void add_data_set(struct writer *w, enum form form) {
    add(w, form, 0x0008, 0x0005, "CS", "ISO_IR 100", 10);
    add_uid(w, form, 0x0008, 0x0016, CT);
    add(w, form, 0x0010, 0x0010, "PN", "A^B ", 4);
}

/* Group 2 with a group length that is `delta` off; transfer_syntax NULL: without one. */
static void add_meta(struct writer *w, enum form form, const char *transfer_syntax, int delta) {
    uint8_t buffer[512];
    struct writer group = writer_over(buffer, sizeof buffer);
    add(&group, form, 2, 1, "OB", "\0\1", 2);
    add_uid(&group, form, 2, 2, CT);
    add_uid(&group, form, 2, 3, "1.2.3");
    if (transfer_syntax) add_uid(&group, form, 2, 0x10, transfer_syntax);
    add_uid(&group, form, 2, 0x12, "1.9.9");
    add(&group, form, 2, 0x13, "SH", "OTHER ", 6);
    add(&group, form, 2, 0x16, "AE", "SOURCE", 6);
    uint8_t length[4];
    store_le32(length, (uint32_t)((int)writer_length(&group) + delta));
    add(w, form, 2, 0, "UL", length, 4);
    writer_bytes(w, buffer, writer_length(&group));
}

static void add_preamble(struct writer *w) {
    writer_zeros(w, 128);
    writer_bytes(w, "DICM", 4);
}

/* ---- reading ---- */

struct file {
    uint8_t bytes[2048];
    struct writer w;
    size_t data_set;
};
static void file_init(struct file *f) { f->w = writer_over(f->bytes, sizeof f->bytes); }
static struct slice file_slice(const struct file *f) { return slice_of(f->bytes, writer_length(&f->w)); }

static void check(const struct file *f, const char *transfer_syntax, enum scan_encoding encoding, uint32_t remarks) {
    struct part10 out;
    struct fault fault = {0};
    if (!part10_parse(file_slice(f), &out, &fault)) fail_msg("%s", fault.text);
    assert_true(slice_equal(out.transfer_syntax, slice_text(transfer_syntax)));
    assert_int_equal(out.encoding, encoding);
    assert_int_equal(out.remarks, remarks);
    assert_int_equal(out.data_set_offset, f->data_set);
    if (remarks & PART10_REMARK_NO_META) return;
    assert_true(slice_equal(out.sop_class, slice_text(CT)));
    assert_true(slice_equal(out.sop_instance, slice_text("1.2.3")));
    assert_true(slice_equal(out.implementation_class, slice_text("1.9.9")));
    assert_true(slice_equal(out.implementation_version, slice_text("OTHER")));
    assert_true(slice_equal(out.source_aet, slice_text("SOURCE")));
}

/* parts: 'p' preamble and prefix, 'P' prefix alone, '0' preamble alone, 'm' meta, 'M' implicit meta. */
static void check_file(const char *parts, const char *transfer_syntax, int delta, enum form data, const char *want_syntax,
                       uint32_t remarks) {
    static const enum scan_encoding encodings[] = {
        [EXPLICIT] = SCAN_EXPLICIT_LE, [IMPLICIT] = SCAN_IMPLICIT_LE, [BIG] = SCAN_EXPLICIT_BE};
    struct file f;
    file_init(&f);
    for (; *parts; parts++) {
        if (*parts == 'p') add_preamble(&f.w);
        if (*parts == '0') writer_zeros(&f.w, 128);
        if (*parts == 'P') writer_bytes(&f.w, "DICM", 4);
        if (*parts == 'm') add_meta(&f.w, EXPLICIT, transfer_syntax, delta);
        if (*parts == 'M') add_meta(&f.w, IMPLICIT, transfer_syntax, delta);
    }
    f.data_set = writer_length(&f.w);
    add_data_set(&f.w, data);
    enum scan_encoding encoding =
        remarks & PART10_REMARK_OTHER_ENCODING ? uids_encoding(slice_text(want_syntax)) : encodings[data];
    check(&f, want_syntax, encoding, remarks);
    if (remarks & PART10_REMARK_OTHER_ENCODING) {
        struct part10 out;
        assert_true(part10_parse(file_slice(&f), &out, NULL));
        assert_int_equal(out.encoding_seen, encodings[data]);
    }
}

static void heads_of_the_field(void **state) {
    enum { NP = PART10_REMARK_NO_PREAMBLE, NX = PART10_REMARK_NO_PREFIX, NM = PART10_REMARK_NO_META };
    check_file("pm", UIDS_EXPLICIT_LE, 0, EXPLICIT, UIDS_EXPLICIT_LE, 0);
    check_file("pm", UIDS_IMPLICIT_LE, 0, IMPLICIT, UIDS_IMPLICIT_LE, 0);
    check_file("pm", UIDS_EXPLICIT_BE, 0, BIG, UIDS_EXPLICIT_BE, 0);
    check_file("pm", "1.2.840.10008.1.2.4.90", 0, EXPLICIT, "1.2.840.10008.1.2.4.90", 0);
    check_file("pm", "1.3.46.670589.33.1.4.1", 0, EXPLICIT, "1.3.46.670589.33.1.4.1", 0); /* private */
    check_file("Pm", UIDS_EXPLICIT_LE, 0, EXPLICIT, UIDS_EXPLICIT_LE, NP);
    check_file("m", UIDS_EXPLICIT_LE, 0, EXPLICIT, UIDS_EXPLICIT_LE, NP | NX);
    check_file("0m", UIDS_EXPLICIT_LE, 0, EXPLICIT, UIDS_EXPLICIT_LE, NX);
    check_file("pM", UIDS_IMPLICIT_LE, 0, IMPLICIT, UIDS_IMPLICIT_LE, PART10_REMARK_IMPLICIT_META);
    check_file("pm", UIDS_EXPLICIT_LE, -20, EXPLICIT, UIDS_EXPLICIT_LE, PART10_REMARK_WRONG_GROUP_LENGTH);
    check_file("pm", UIDS_EXPLICIT_LE, 1000, EXPLICIT, UIDS_EXPLICIT_LE, PART10_REMARK_WRONG_GROUP_LENGTH);
    check_file("pm", NULL, 0, IMPLICIT, UIDS_IMPLICIT_LE, PART10_REMARK_NO_TRANSFER_SYNTAX);
    check_file("pm", NULL, 0, BIG, UIDS_EXPLICIT_BE, PART10_REMARK_NO_TRANSFER_SYNTAX);
    check_file("p", NULL, 0, EXPLICIT, UIDS_EXPLICIT_LE, NM);
    check_file("", NULL, 0, EXPLICIT, UIDS_EXPLICIT_LE, NP | NX | NM);
    check_file("", NULL, 0, IMPLICIT, UIDS_IMPLICIT_LE, NP | NX | NM);
    check_file("", NULL, 0, BIG, UIDS_EXPLICIT_BE, NP | NX | NM);
    check_file("pm", UIDS_EXPLICIT_LE, 0, IMPLICIT, UIDS_EXPLICIT_LE, PART10_REMARK_OTHER_ENCODING);
    check_file("pm", UIDS_IMPLICIT_LE, 0, EXPLICIT, UIDS_IMPLICIT_LE, PART10_REMARK_OTHER_ENCODING);
}

static void no_group_length(void **state) {
    struct file f;
    file_init(&f);
    add_preamble(&f.w);
    add_uid(&f.w, EXPLICIT, 2, 2, CT);
    add_uid(&f.w, EXPLICIT, 2, 3, "1.2.3");
    add_uid(&f.w, EXPLICIT, 2, 0x10, UIDS_EXPLICIT_LE);
    add_uid(&f.w, EXPLICIT, 2, 0x12, "1.9.9");
    add(&f.w, EXPLICIT, 2, 0x13, "SH", "OTHER ", 6);
    add(&f.w, EXPLICIT, 2, 0x16, "AE", "SOURCE", 6);
    f.data_set = writer_length(&f.w);
    add_data_set(&f.w, EXPLICIT);
    check(&f, UIDS_EXPLICIT_LE, SCAN_EXPLICIT_LE, PART10_REMARK_NO_GROUP_LENGTH);
}

/* Deflated bytes may look like anything, here like another element of group 2: the group length decides. */
static void deflated_data_sets(void **state) {
    struct file f;
    file_init(&f);
    add_preamble(&f.w);
    add_meta(&f.w, EXPLICIT, UIDS_DEFLATED, 0);
    f.data_set = writer_length(&f.w);
    writer_bytes(&f.w, "\2\0\0\1UI\4\0abcdefgh", 16);
    check(&f, UIDS_DEFLATED, SCAN_DEFLATED, 0);
}

static void a_data_set_that_is_empty(void **state) {
    struct file f;
    file_init(&f);
    add_preamble(&f.w);
    add_meta(&f.w, EXPLICIT, UIDS_EXPLICIT_LE, 0);
    f.data_set = writer_length(&f.w);
    check(&f, UIDS_EXPLICIT_LE, SCAN_EXPLICIT_LE, 0);
}

static void not_dicom(void **state) {
    static const char *const texts[] = {
        "", "DICM", "<!DOCTYPE html><html><head></head></html>", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "\xff\xd8\xff\xe0\0\x10JFIF",
        "PK\3\4\24\0\0\0\10\0", "#!/bin/sh\necho hello world\n", "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0",
    };
    struct part10 out;
    struct fault fault;
    for (size_t i = 0; i < array_count(texts); i++) {
        if (part10_parse(slice_of(texts[i], 40 < strlen(texts[i]) ? 40 : strlen(texts[i])), &out, &fault))
            fail_msg("'%s' passed", texts[i]);
        assert_int_equal(fault.code, FAULT_MALFORMED);
    }
    static const uint8_t zeros[512];
    assert_false(part10_parse(slice_of(zeros, sizeof zeros), &out, &fault));
}

/* Meta information says that it is a DICOM file; what follows may be odd, and is then read as PS3.5 10.1's default. */
static void no_transfer_syntax_and_an_odd_data_set(void **state) {
    struct file f;
    struct part10 out;
    file_init(&f);
    add_preamble(&f.w);
    add_meta(&f.w, EXPLICIT, NULL, 0);
    f.data_set = writer_length(&f.w);
    add(&f.w, IMPLICIT, 0x7001, 0x0010, "LO", "PRIVATE ", 8);
    check(&f, UIDS_IMPLICIT_LE, SCAN_IMPLICIT_LE, PART10_REMARK_NO_TRANSFER_SYNTAX);
    f.w.at = f.bytes + f.data_set;
    add(&f.w, EXPLICIT, 0x7001, 0x0010, "LO", "PRIVATE ", 8);
    assert_true(part10_parse(file_slice(&f), &out, NULL));
    assert_int_equal(out.encoding, SCAN_EXPLICIT_LE);
    f.w.at = f.bytes + f.data_set;
    assert_true(part10_parse(file_slice(&f), &out, NULL));
    assert_int_equal(out.encoding, SCAN_IMPLICIT_LE);
}

/* Cut anywhere inside the meta information it asks for more; behind it, it is content. */
static void truncated_anywhere(void **state) {
    struct file f;
    file_init(&f);
    add_preamble(&f.w);
    add_meta(&f.w, EXPLICIT, UIDS_EXPLICIT_LE, 0);
    size_t meta_end = writer_length(&f.w);
    add_data_set(&f.w, EXPLICIT);
    for (size_t n = 0; n <= writer_length(&f.w); n++) {
        uint8_t *copy = malloc(n ? n : 1); /* so that a read beyond it is seen */
        memcpy(copy, f.bytes, n);
        struct part10 out;
        struct fault fault = {0};
        bool ok = part10_parse(slice_of(copy, n), &out, &fault);
        if (n >= meta_end) assert_true(ok && out.data_set_offset == meta_end);
        free(copy);
    }
}

/* ---- writing ---- */

static void writes_what_it_reads(void **state) {
    struct part10_meta meta = {.sop_class = slice_text(CT),
                               .sop_instance = slice_text("1.2.3.4"),
                               .transfer_syntax = slice_text(UIDS_EXPLICIT_LE),
                               .source_aet = slice_text("SRC"),
                               .sending_aet = slice_text("SENDER"),
                               .receiving_aet = slice_text("LEAT")};
    uint8_t bytes[1024];
    size_t n = part10_write_header(bytes, sizeof bytes, &meta);
    assert_true(n > 132 && n % 2 == 0 && n <= PART10_HEADER_BYTES);
    assert_int_equal(part10_write_header(bytes, n - 1, &meta), 0);
    assert_int_equal(part10_write_header(bytes, n, &meta), n);
    assert_memory_equal(bytes + 128, "DICM\2\0\0\0UL\4\0", 12);
    assert_int_equal(load_le32(bytes + 140), n - 144);
    assert_memory_equal(bytes + 144, "\2\0\1\0OB\0\0\2\0\0\0\0\1", 14);
    struct part10 out;
    assert_true(part10_parse(slice_of(bytes, n), &out, NULL));
    assert_int_equal(out.remarks, 0);
    assert_int_equal(out.data_set_offset, n);
    assert_true(slice_equal(out.sop_class, meta.sop_class));
    assert_true(slice_equal(out.sop_instance, meta.sop_instance));
    assert_true(slice_equal(out.transfer_syntax, meta.transfer_syntax));
    assert_true(slice_equal(out.source_aet, meta.source_aet));
    assert_true(slice_equal(out.sending_aet, meta.sending_aet));
    assert_true(slice_equal(out.receiving_aet, meta.receiving_aet));
    assert_true(slice_equal(out.implementation_class, slice_text(IDENTITY_CLASS_UID)));
    assert_true(slice_equal(out.implementation_version, slice_text(IDENTITY_VERSION)));
}

static void largest_and_smallest(void **state) {
    static const char uid[] = "1.2.840.113619.2.55.3.604688119.868.1234567890.123.1234567890123";
    _Static_assert(sizeof uid - 1 == 64, "the longest UID");
    struct slice title = slice_text("SIXTEEN CHARS AE"), u = slice_text(uid);
    struct part10_meta largest = {u, u, u, title, title, title};
    struct part10_meta smallest = {.transfer_syntax = slice_text(UIDS_IMPLICIT_LE)};
    uint8_t bytes[PART10_HEADER_BYTES];
    assert_true(part10_write_header(bytes, sizeof bytes, &largest) > 0);
    size_t n = part10_write_header(bytes, sizeof bytes, &smallest);
    struct part10 out;
    assert_true(n > 0 && part10_parse(slice_of(bytes, n), &out, NULL));
    assert_int_equal(out.sop_class.length, 0);
    assert_int_equal(out.source_aet.length, 0);
    uint8_t *big = calloc(1, 200000);
    struct part10_meta too_long = {.transfer_syntax = slice_text(UIDS_IMPLICIT_LE), .source_aet = slice_of(big, 65535)};
    uint8_t *room = malloc(200000);
    assert_int_equal(part10_write_header(room, 200000, &too_long), 0);
    free(room);
    free(big);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_the_field), cmocka_unit_test(no_group_length), cmocka_unit_test(deflated_data_sets),
        cmocka_unit_test(a_data_set_that_is_empty), cmocka_unit_test(no_transfer_syntax_and_an_odd_data_set),
        cmocka_unit_test(not_dicom), cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(writes_what_it_reads), cmocka_unit_test(largest_and_smallest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
