/* SPDX-License-Identifier: Apache-2.0 */
/* test_output: order of streams, JSON strings that any parser takes, tables that line up, a reader that goes away. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/base/check.h"
#include "engine/base/output_table.h"
#include "engine/base/progress.h"

struct heard {
    char text[200000];
    size_t used, most; /* most: gone after so many bytes */
};

static bool hear(void *context, enum output_stream stream, const void *bytes, size_t length) {
    struct heard *heard = context;
    if (heard->used + length > heard->most) return false;
    if (stream != OUTPUT_RESULT) heard->text[heard->used++] = stream == OUTPUT_MESSAGE ? '!' : '%';
    memcpy(heard->text + heard->used, bytes, length);
    heard->used += length;
    heard->text[heard->used] = 0;
    return true;
}

static struct heard heard;
static struct output output;

static int fresh(void **state) {
    (void)state;
    heard = (struct heard){.most = sizeof heard.text - 2};
    output_init(&output, hear, &heard);
    return 0;
}

static void test_order(void **state) {
    (void)state;
    output_print(&output, "a%d\n", 1);
    output_message(&output, "wrong \x1b[2J%s", "thing");
    output_print(&output, "b\n");
    assert_true(output_flush(&output));
    assert_string_equal(heard.text, "a1\n!wrong ?[2Jthing\nb\n");
}

static void test_long(void **state) {
    (void)state;
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    for (int i = 0; i < 10; i++) output_print(&output, "%s", big);
    output_message(&output, "%s", big);
    output_flush(&output);
    assert_int_equal(heard.used, 10 * 4999 + 5001);
}

static void test_gone(void **state) {
    (void)state;
    heard.most = 10;
    for (int i = 0; i < 100000 && !output_stopped(&output); i++) output_print(&output, "many words ");
    assert_true(output.gone);
    assert_false(output_flush(&output));
    assert_int_equal(heard.used, 0);
}

static void test_cancel(void **state) {
    (void)state;
    atomic_bool cancel = false;
    output.cancel = &cancel;
    assert_false(output_stopped(&output));
    cancel = true;
    assert_true(output_stopped(&output));
}

static void test_json(void **state) {
    (void)state;
    static const struct {
        const char *raw, *json;
    } rows[] = {
        {"", "\"\""},
        {"1.2.3", "\"1.2.3\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\x01\x7f", "\"\\u000a\\u0001\\u007f\""},
        {"M\xc3\xbcller", "\"M\xc3\xbcller\""},
        {"M\xfcller", "\"M\\ufffdller\""},
        {"\xe2\x82", "\"\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xf0\x9f\xa6\xb4", "\"\xf0\x9f\xa6\xb4\""},
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        fresh(NULL);
        output_json_string(&output, slice_text(rows[i].raw));
        output_flush(&output);
        assert_string_equal(heard.text, rows[i].json);
    }
}

static const struct output_column columns[] = {{"NAME", OUTPUT_LEFT}, {"OBJECTS", OUTPUT_RIGHT}, {"LAST", OUTPUT_LEFT}};

static void test_table(void **state) {
    (void)state;
    struct output_table *table = output_table_create(&output, columns, 3);
    output_table_cell(table, slice_text("M\xc3\xbcller"));
    output_table_count(table, 12);
    output_table_cell(table, slice_text("z\n"));
    output_table_row_end(table);
    output_table_cell(table, slice_text("A longer name"));
    output_table_row_end(table);
    output_table_destroy(table);
    output_flush(&output);
    assert_string_equal(heard.text, "NAME           OBJECTS  LAST\n"
                                    "M\xc3\xbcller              12  z?\n"
                                    "A longer name" "           " "\n");
}

static void test_table_streams(void **state) {
    (void)state;
    struct output_table *table = output_table_create(&output, columns, 3);
    for (unsigned i = 0; i < OUTPUT_TABLE_ROWS + 3; i++) {
        output_table_cell(table, slice_text("n"));
        output_table_count(table, i);
        output_table_cell(table, slice_text("x"));
        output_table_row_end(table);
        assert_true(i + 1 < OUTPUT_TABLE_ROWS ? output.used == 0 : output.used > 0);
    }
    output_table_destroy(table);
    output_flush(&output);
    size_t lines = 0;
    for (size_t i = 0; i < heard.used; i++) lines += heard.text[i] == '\n';
    assert_int_equal(lines, OUTPUT_TABLE_ROWS + 4);
    assert_non_null(strstr(heard.text, "n         502  x\n"));
}

static void test_progress(void **state) {
    (void)state;
    struct progress progress;
    progress_init(&progress, &output, "verified", 1000);
    progress.last_ns = 0; /* due */
    progress_add(&progress, 1500, 500);
    progress_add(&progress, 1, 1); /* not due: not said */
    progress_finish(&progress);
    assert_true(heard.text[0] == '%');
    assert_non_null(strstr(heard.text, "1,500 objects verified, 500 bytes, "));
    assert_non_null(strstr(heard.text, " left"));
    assert_non_null(strstr(heard.text, "!1,501 objects verified, 501 bytes, "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, fresh),  cmocka_unit_test_setup(test_long, fresh),
        cmocka_unit_test_setup(test_gone, fresh),   cmocka_unit_test_setup(test_json, fresh),
        cmocka_unit_test_setup(test_table, fresh),  cmocka_unit_test_setup(test_table_streams, fresh),
        cmocka_unit_test_setup(test_cancel, fresh), cmocka_unit_test_setup(test_progress, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
