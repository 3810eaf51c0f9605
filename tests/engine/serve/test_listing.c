/* SPDX-License-Identifier: Apache-2.0 */
/* test_listing: the same rows as a table and as JSON; columns of one form only; empty values, empty lists, times. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/serve/listing.h"

struct heard {
    char text[4096];
    size_t used;
};

static bool hear(void *context, enum output_stream stream, const void *bytes, size_t length) {
    struct heard *heard = context;
    (void)stream;
    assert_true(heard->used + length < sizeof heard->text);
    memcpy(heard->text + heard->used, bytes, length);
    heard->used += length;
    heard->text[heard->used] = 0;
    return true;
}

static const struct listing_column columns[] = {
    {"NAME", "name", OUTPUT_LEFT},   {NULL, "hidden", OUTPUT_LEFT}, {"COUNT", "count", OUTPUT_RIGHT},
    {"WHEN", "when", OUTPUT_LEFT},   {"ONLY HERE", NULL, OUTPUT_LEFT}, {NULL, "flag", OUTPUT_LEFT},
    {NULL, NULL, OUTPUT_LEFT},
};

static void fill(struct heard *heard, bool json, int rows) {
    struct output output;
    struct listing listing;
    *heard = (struct heard){.used = 0};
    output_init(&output, hear, heard);
    assert_true(listing_init(&listing, &output, json, columns));
    for (int i = 0; i < rows; i++) {
        listing_text(&listing, slice_text(i ? "" : "A\"B"));
        listing_text(&listing, slice_text("h"));
        listing_number(&listing, (uint64_t)i * 1000);
        listing_time(&listing, 1772366400123456u);
        listing_text(&listing, slice_text("t"));
        listing_bool(&listing, i == 0);
        listing_row_end(&listing);
    }
    listing_release(&listing);
    output_flush(&output);
}

static void test_json(void **state) {
    (void)state;
    struct heard heard;
    fill(&heard, true, 2);
    assert_string_equal(
        heard.text,
        "[\n{\"name\": \"A\\\"B\", \"hidden\": \"h\", \"count\": 0, \"when\": \"2026-03-01T12:00:00.123Z\", \"flag\": true},"
        "\n{\"name\": null, \"hidden\": \"h\", \"count\": 1000, \"when\": \"2026-03-01T12:00:00.123Z\", \"flag\": false}\n]\n");
    fill(&heard, true, 0);
    assert_string_equal(heard.text, "[]\n");
}

static void test_table(void **state) {
    (void)state;
    struct heard heard;
    fill(&heard, false, 2);
    assert_string_equal(heard.text, "NAME  COUNT  WHEN                  ONLY HERE\n"
                                    "A\"B       0  2026-03-01T12:00:00Z  t\n"
                                    "       1000  2026-03-01T12:00:00Z  t\n");
    fill(&heard, false, 0);
    assert_string_equal(heard.text, "NAME  COUNT  WHEN  ONLY HERE\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_json), cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
