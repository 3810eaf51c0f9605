/* SPDX-License-Identifier: Apache-2.0 */
/* test_uids: the UID tables are ordered, whole and consistent; the syntax of PS3.5 9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "codec/dicom/uid.h"
#include "codec/dicom/uids.h"
#include "engine/base/check.h"

static void tables_are_ordered_and_valid(void **state) {
    size_t count;
    const struct transfer_syntax *syntaxes = uids_transfer_syntaxes(&count);
    assert_true(count >= 60);
    for (size_t i = 0; i < count; i++) {
        assert_true(uid_is_valid(slice_text(syntaxes[i].uid)));
        assert_true(syntaxes[i].name[0] != 0);
        if (i) assert_true(uid_compare(slice_text(syntaxes[i - 1].uid), slice_text(syntaxes[i].uid)) < 0);
    }
    const struct known_uid *known = uids_table(&count);
    assert_true(count >= 390);
    for (size_t i = 0; i < count; i++) {
        assert_true(uid_is_valid(slice_text(known[i].uid)));
        assert_true(known[i].name[0] != 0);
        if (i) assert_true(uid_compare(slice_text(known[i - 1].uid), slice_text(known[i].uid)) < 0);
        assert_null(uids_transfer_syntax(slice_text(known[i].uid)));
    }
}

static void every_row_is_found(void **state) {
    size_t count;
    const struct transfer_syntax *syntaxes = uids_transfer_syntaxes(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(uids_transfer_syntax(slice_text(syntaxes[i].uid)), &syntaxes[i]);
        assert_string_equal(uids_name(slice_text(syntaxes[i].uid)), syntaxes[i].name);
        assert_true(uids_is_known_non_storage(slice_text(syntaxes[i].uid)));
    }
    const struct known_uid *known = uids_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(uids_find(slice_text(known[i].uid)), &known[i]);
        assert_true(uids_is_storage(slice_text(known[i].uid)) == !uids_is_known_non_storage(slice_text(known[i].uid)));
    }
}

static void every_transfer_syntax_of_the_standard(void **state) {
    /* PS3.6 Table A-1, by what the negotiation has to know; the letter is the compression: Uncompressed, Lossless, lossY,
     * Video, Reference. */
    static const struct {
        const char *suffix;
        enum scan_encoding encoding;
        char compression;
    } rows[] = {
        {"", SCAN_IMPLICIT_LE, 'U'},         {".1", SCAN_EXPLICIT_LE, 'U'},
        {".1.98", SCAN_EXPLICIT_LE, 'U'},    {".1.99", SCAN_DEFLATED, 'U'},
        {".2", SCAN_EXPLICIT_BE, 'U'},       {".4.50", SCAN_EXPLICIT_LE, 'Y'},
        {".4.51", SCAN_EXPLICIT_LE, 'Y'},    {".4.52", SCAN_EXPLICIT_LE, 'Y'},
        {".4.53", SCAN_EXPLICIT_LE, 'Y'},    {".4.54", SCAN_EXPLICIT_LE, 'Y'},
        {".4.55", SCAN_EXPLICIT_LE, 'Y'},    {".4.56", SCAN_EXPLICIT_LE, 'Y'},
        {".4.57", SCAN_EXPLICIT_LE, 'L'},    {".4.58", SCAN_EXPLICIT_LE, 'L'},
        {".4.59", SCAN_EXPLICIT_LE, 'Y'},    {".4.60", SCAN_EXPLICIT_LE, 'Y'},
        {".4.61", SCAN_EXPLICIT_LE, 'Y'},    {".4.62", SCAN_EXPLICIT_LE, 'Y'},
        {".4.63", SCAN_EXPLICIT_LE, 'Y'},    {".4.64", SCAN_EXPLICIT_LE, 'Y'},
        {".4.65", SCAN_EXPLICIT_LE, 'L'},    {".4.66", SCAN_EXPLICIT_LE, 'L'},
        {".4.70", SCAN_EXPLICIT_LE, 'L'},    {".4.80", SCAN_EXPLICIT_LE, 'L'},
        {".4.81", SCAN_EXPLICIT_LE, 'Y'},    {".4.90", SCAN_EXPLICIT_LE, 'L'},
        {".4.91", SCAN_EXPLICIT_LE, 'Y'},    {".4.92", SCAN_EXPLICIT_LE, 'L'},
        {".4.93", SCAN_EXPLICIT_LE, 'Y'},    {".4.94", SCAN_EXPLICIT_LE, 'R'},
        {".4.95", SCAN_DEFLATED, 'R'},       {".4.100", SCAN_EXPLICIT_LE, 'V'},
        {".4.100.1", SCAN_EXPLICIT_LE, 'V'}, {".4.101", SCAN_EXPLICIT_LE, 'V'},
        {".4.101.1", SCAN_EXPLICIT_LE, 'V'}, {".4.102", SCAN_EXPLICIT_LE, 'V'},
        {".4.102.1", SCAN_EXPLICIT_LE, 'V'}, {".4.103", SCAN_EXPLICIT_LE, 'V'},
        {".4.103.1", SCAN_EXPLICIT_LE, 'V'}, {".4.104", SCAN_EXPLICIT_LE, 'V'},
        {".4.104.1", SCAN_EXPLICIT_LE, 'V'}, {".4.105", SCAN_EXPLICIT_LE, 'V'},
        {".4.105.1", SCAN_EXPLICIT_LE, 'V'}, {".4.106", SCAN_EXPLICIT_LE, 'V'},
        {".4.106.1", SCAN_EXPLICIT_LE, 'V'}, {".4.107", SCAN_EXPLICIT_LE, 'V'},
        {".4.108", SCAN_EXPLICIT_LE, 'V'},   {".4.110", SCAN_EXPLICIT_LE, 'L'},
        {".4.111", SCAN_EXPLICIT_LE, 'Y'},   {".4.112", SCAN_EXPLICIT_LE, 'Y'},
        {".4.201", SCAN_EXPLICIT_LE, 'L'},   {".4.202", SCAN_EXPLICIT_LE, 'L'},
        {".4.203", SCAN_EXPLICIT_LE, 'Y'},   {".4.204", SCAN_EXPLICIT_LE, 'R'},
        {".4.205", SCAN_DEFLATED, 'R'},      {".5", SCAN_EXPLICIT_LE, 'L'},
        {".6.1", SCAN_EXPLICIT_LE, 'U'},     {".6.2", SCAN_EXPLICIT_LE, 'U'},
        {".7.1", SCAN_EXPLICIT_LE, 'V'},     {".7.2", SCAN_EXPLICIT_LE, 'V'},
        {".7.3", SCAN_EXPLICIT_LE, 'V'},     {".8.1", SCAN_EXPLICIT_LE, 'L'},
        {"0", SCAN_IMPLICIT_LE, 'U'}, /* 1.2.840.10008.1.20: Papyrus 3 */
    };
    static const char letters[] = {
        [UIDS_UNCOMPRESSED] = 'U', [UIDS_LOSSLESS] = 'L', [UIDS_LOSSY] = 'Y', [UIDS_VIDEO] = 'V', [UIDS_REFERENCE] = 'R'};
    size_t count;
    uids_transfer_syntaxes(&count);
    assert_int_equal(count, array_count(rows));
    for (size_t i = 0; i < array_count(rows); i++) {
        char uid[80];
        int length = snprintf(uid, sizeof uid, "1.2.840.10008.1.2%s", rows[i].suffix);
        const struct transfer_syntax *found = uids_transfer_syntax(slice_of(uid, (size_t)length));
        if (!found) fail_msg("%s is not in the table", uid);
        assert_int_equal(found->encoding, rows[i].encoding);
        assert_int_equal(uids_encoding(slice_of(uid, (size_t)length)), rows[i].encoding);
        assert_int_equal(letters[found->compression], rows[i].compression);
        bool whole = found->compression == UIDS_UNCOMPRESSED || found->compression == UIDS_REFERENCE || strstr(uid, ".1.2.7.");
        assert_true(found->encapsulated == (!whole || strcmp(uid, "1.2.840.10008.1.2.1.98") == 0));
    }
    assert_null(uids_transfer_syntax(slice_text("1.2.840.10008.1.2.4.99")));
    assert_null(uids_transfer_syntax(slice_text("")));
    assert_int_equal(uids_encoding(slice_text("1.2.840.113619.5.2")), SCAN_IMPLICIT_LE);
    assert_int_equal(uids_encoding(slice_text("1.3.46.670589.33.1.4.1")), SCAN_EXPLICIT_LE);
}

static void padding_does_not_matter(void **state) {
    assert_non_null(uids_transfer_syntax(slice_of("1.2.840.10008.1.2\0", 18)));
    assert_non_null(uids_transfer_syntax(slice_of(" 1.2.840.10008.1.2  ", 20)));
    assert_string_equal(uids_name(slice_of("1.2.840.10008.5.1.4.1.1.2\0", 26)), "CT Image Storage");
    assert_null(uids_name(slice_text("1.2.840.10008.5.1.4.1.1.2.9")));
}

static void storage_or_not(void **state) {
    static const char *const storage[] = {
        "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1.1.1", /* current */
        "1.2.840.10008.5.1.1.27", "1.2.840.10008.5.1.1.29",
        "1.2.840.10008.5.1.4.1.1.3", "1.2.840.10008.5.1.4.1.1.129", /* retired */
        "1.2.840.10008.5.1.4.1.1.88.1", "1.2.840.10008.5.1.4.34.1", "1.2.840.10008.5.1.4.1.1.9.1", /* draft */
        "1.2.840.10008.5.1.4.1.1.501.6", "1.2.840.10008.5.1.4.1.1.601.1", "1.2.840.10008.5.1.4.34.7", "1.2.840.10008.5.1.4.34.10",
        "1.2.840.10008.51.4.1.1.3.1", "1.2.840.10008.5.1.5.1.1.12.1", "1.2.840.10008.5.1.4.1.1.7.6", /* misprints */
        "1.2.840.10008.5.1.4.38.1", "1.2.840.10008.5.1.4.1.1.201.1", "1.2.840.10008.5.1.4.1.1.66.7",
    };
    static const char *const others[] = {
        "1.2.840.10008.1.1",          "1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.3.3",
        "1.2.840.10008.5.1.4.31",     "1.2.840.10008.5.1.1.9",       "1.2.840.10008.1.20.1",        "1.2.840.10008.3.1.2.3.3",
        "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.33",      "1.2.840.10008.1.3.10",        "1.2.840.10008.3.1.1.1",
        "1.2.840.10008.5.1.1.17",     "1.2.840.10008.5.1.4.37.1",    "1.2.840.10008.5.1.4.38.2",    "1.2.840.10008.5.1.20.1",
        "1.2.840.10008.4.2",          "1.2.840.10008.1.2.1",
    };
    for (size_t i = 0; i < array_count(storage); i++)
        if (!uids_is_storage(slice_text(storage[i]))) fail_msg("%s is storage", storage[i]);
    for (size_t i = 0; i < array_count(others); i++)
        if (!uids_is_known_non_storage(slice_text(others[i]))) fail_msg("%s is not storage", others[i]);
    const char *private_class = "1.3.12.2.1107.5.9.1.1";
    assert_false(uids_is_storage(slice_text(private_class)));
    assert_false(uids_is_known_non_storage(slice_text(private_class)));
    assert_true(uids_find(slice_text("1.2.840.10008.5.1.4.38.1"))->flags & UIDS_NON_PATIENT);
    assert_true(uids_find(slice_text("1.2.840.10008.5.1.4.1.1.200.2"))->flags == 0);
}

static void syntax_of_uids(void **state) {
    static const char *const good[] = {"1.2", "0", "1.2.840.10008.1.2", "2.25.0", "1.0.3",
                                       "1234567890.1234567890.1234567890.1234567890.1234567890.123456789"};
    static const char *const bad[] = {"", ".", "1.", ".1", "1..2", "1.02", "00", "1.2 ", "1.2a", "1,2", "-1.2",
                                      "1234567890.1234567890.1234567890.1234567890.1234567890.1234567890"};
    for (size_t i = 0; i < array_count(good); i++) assert_true(uid_is_valid(slice_text(good[i])));
    for (size_t i = 0; i < array_count(bad); i++)
        if (uid_is_valid(slice_text(bad[i]))) fail_msg("'%s' is not valid", bad[i]);
    assert_int_equal(uid_trim(slice_of(" 1.2\0 \0", 7)).length, 3);
    assert_int_equal(uid_trim(slice_of("\0\0", 2)).length, 0);
    assert_true(uid_equal(slice_of("1.2\0", 4), slice_text("1.2")));
    assert_true(uid_compare(slice_text("1.2"), slice_text("1.2.1")) < 0);
    assert_true(uid_compare(slice_text("1.3"), slice_text("1.2.1")) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_ordered_and_valid), cmocka_unit_test(every_row_is_found),
        cmocka_unit_test(every_transfer_syntax_of_the_standard), cmocka_unit_test(padding_does_not_matter),
        cmocka_unit_test(storage_or_not), cmocka_unit_test(syntax_of_uids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
