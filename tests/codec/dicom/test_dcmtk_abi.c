/* SPDX-License-Identifier: Apache-2.0 */
/* test_dcmtk_abi: what part10 writes is a file that dcmdata reads, prints and converts; garbage is refused with a reason;
 * buffers are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/dicom/dcmtk_abi.h"
#include "codec/dicom/part10.h"
#include "codec/dicom/uids.h"

static size_t make_file(uint8_t *bytes, size_t capacity) {
    static const char data_set[] = "\x08\0\x05\0CS\x0a\0ISO_IR 100"
                                   "\x08\0\x16\0UI\x1a\0" "1.2.840.10008.5.1.4.1.1.2\0"
                                   "\x08\0\x18\0UI\6\0" "1.2.3\0"
                                   "\x10\0\x10\0PN\6\0M\xfcller"
                                   "\xe0\x7f\x10\0OW\0\0\4\0\0\0\1\2\3\4";
    struct part10_meta meta = {.sop_class = slice_text("1.2.840.10008.5.1.4.1.1.2"), .sop_instance = slice_text("1.2.3"),
                               .transfer_syntax = slice_text(UIDS_EXPLICIT_LE), .source_aet = slice_text("CT1")};
    size_t n = part10_write_header(bytes, capacity, &meta);
    assert_true(n > 0 && n + sizeof data_set - 1 <= capacity);
    memcpy(bytes + n, data_set, sizeof data_set - 1);
    return n + sizeof data_set - 1;
}

static void dumps(void **state) {
    uint8_t file[1024];
    char text[16384];
    size_t n = make_file(file, sizeof file), length;
    if (!dcmtk_abi_dump(file, n, DCMTK_ABI_TEXT, text, sizeof text, &length)) fail_msg("%s", text);
    assert_int_equal(length, strlen(text));
    assert_non_null(strstr(text, "SOPInstanceUID"));
    assert_non_null(strstr(text, "[CT1]"));
    if (!dcmtk_abi_dump(file, n, DCMTK_ABI_JSON, text, sizeof text, &length)) fail_msg("%s", text);
    assert_non_null(strstr(text, "M\xc3\xbcller"));
    assert_null(strstr(text, "InlineBinary"));
    if (!dcmtk_abi_dump(file, n, DCMTK_ABI_XML, text, sizeof text, &length)) fail_msg("%s", text);
    assert_non_null(strstr(text, "1.2.3"));
    /* cut, but never beyond the buffer */
    size_t whole = length;
    text[8] = '#';
    assert_true(dcmtk_abi_dump(file, n, DCMTK_ABI_XML, text, 8, &length));
    assert_int_equal(length, whole);
    assert_int_equal(strlen(text), 7);
    assert_int_equal(text[8], '#');
    assert_true(dcmtk_abi_dump(file, n, DCMTK_ABI_XML, NULL, 0, &length));
    assert_int_equal(length, whole);
}

static void converts(void **state) {
    static const char *const syntaxes[] = {UIDS_IMPLICIT_LE, UIDS_EXPLICIT_BE, UIDS_DEFLATED, UIDS_EXPLICIT_LE};
    uint8_t file[1024];
    char out[4096], text[16384];
    size_t n = make_file(file, sizeof file), length, text_length;
    for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++) {
        if (!dcmtk_abi_convert(file, n, syntaxes[i], out, sizeof out, &length)) fail_msg("%s: %s", syntaxes[i], out);
        assert_true(length < sizeof out);
        struct part10 head;
        struct fault fault;
        if (!part10_parse(slice_of(out, length), &head, &fault)) fail_msg("%s: %s", syntaxes[i], fault.text);
        assert_true(slice_equal(head.transfer_syntax, slice_text(syntaxes[i])));
        assert_int_equal(head.encoding, uids_encoding(slice_text(syntaxes[i])));
        assert_int_equal(head.remarks, 0);
        assert_true(dcmtk_abi_dump(out, length, DCMTK_ABI_TEXT, text, sizeof text, &text_length));
        assert_non_null(strstr(text, "0201"));
    }
    assert_false(dcmtk_abi_convert(file, n, "1.2.3.4", out, sizeof out, &length));
    assert_false(dcmtk_abi_convert(file, n, "1.2.840.10008.1.2.4.90", out, sizeof out, &length));
}

static void garbage_has_a_reason(void **state) {
    static const char garbage[] = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    char out[256];
    size_t length;
    assert_false(dcmtk_abi_dump(garbage, sizeof garbage, DCMTK_ABI_TEXT, out, sizeof out, &length));
    assert_true(length > 0);
    assert_int_equal(strlen(out), length);
    assert_false(dcmtk_abi_dump("", 0, DCMTK_ABI_TEXT, out, sizeof out, &length));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dumps), cmocka_unit_test(converts), cmocka_unit_test(garbage_has_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
