/* SPDX-License-Identifier: Apache-2.0 */
/* test_size: sizes and durations as people write them, and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/base/size.h"

static void test_bytes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {
        {"0", 0},           {"65536", 65536},       {"64KiB", 65536},         {"64k", 65536},
        {"1 MiB", 1048576}, {"10MB", 10000000},     {"1.5GiB", 1610612736},   {"0.001KB", 1},
        {"4TiB", 1ull << 42}, {"16383PiB", 16383ull << 50}, {"18446744073709551615", UINT64_MAX}, {"7 bytes", 7},
    };
    static const char *const bad[] = {"",
                                      " ",
                                      "x",
                                      "1x",
                                      "-1",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "1..5",
                                      "1 MiBB",
                                      "16384PiB",
                                      "18446744073709551616",
                                      "1,000",
                                      "0x10",
                                      "1e3",
                                      "99999999999999999999999",
                                      "1.0000000001GiB"};
    for (size_t i = 0; i < array_count(rows); i++) {
        uint64_t bytes = 77;
        assert_true(size_parse_bytes(rows[i].text, &bytes));
        assert_int_equal(bytes, rows[i].bytes);
    }
    for (size_t i = 0; i < array_count(bad); i++) {
        uint64_t bytes;
        if (size_parse_bytes(bad[i], &bytes)) fail_msg("'%s' was taken as %llu", bad[i], (unsigned long long)bytes);
    }
}

static void test_ms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } rows[] = {{"60", 60000},  {"60s", 60000},  {"250ms", 250},    {"5min", 300000},
                {"5m", 300000}, {"1h", 3600000}, {"2d", 172800000}, {"1.5s", 1500}};
    for (size_t i = 0; i < array_count(rows); i++) {
        uint64_t ms;
        assert_true(size_parse_ms(rows[i].text, &ms));
        assert_int_equal(ms, rows[i].ms);
    }
    uint64_t ms;
    assert_false(size_parse_ms("1MiB", &ms));
    assert_false(size_parse_ms("soon", &ms));
}

static void test_formats(void **state) {
    (void)state;
    char out[SIZE_TEXT_BYTES];
    assert_string_equal(size_format_bytes(0, out), "0 bytes");
    assert_string_equal(size_format_bytes(1023, out), "1023 bytes");
    assert_string_equal(size_format_bytes(1536, out), "1.5 KiB");
    assert_string_equal(size_format_bytes(256 << 20, out), "256 MiB");
    assert_string_equal(size_format_bytes(UINT64_MAX, out), "15.9 EiB");
    assert_string_equal(size_format_ms(250, out), "250ms");
    assert_string_equal(size_format_ms(0, out), "0s");
    assert_string_equal(size_format_ms(130000, out), "2min 10s");
    assert_string_equal(size_format_ms(3900000, out), "1h 05min");
    assert_string_equal(size_format_count(0, out), "0");
    assert_string_equal(size_format_count(999, out), "999");
    assert_string_equal(size_format_count(1234567, out), "1,234,567");
    assert_string_equal(size_format_count(UINT64_MAX, out), "18,446,744,073,709,551,615");
}

static void test_random(void **state) {
    (void)state;
    uint8_t a[300] = {0}, b[300] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(random_u64() != random_u64());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bytes), cmocka_unit_test(test_ms), cmocka_unit_test(test_formats),
                                       cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
