/* SPDX-License-Identifier: Apache-2.0 */
/* sequence: whatever the wall clock does, numbers only rise, and two deciders never give the same one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/ingest/sequence.h"

static void rises_while_the_clock_stands_or_steps_back(void **state) {
    (void)state;
    static const uint64_t clock_us[] = {1000, 1000, 1000, 2000, 1500, 0, 2000, 2001, UINT64_C(1) << 50, 5};
    struct sequence s;
    sequence_init(&s, 3, 0);
    uint64_t last = 0;
    for (size_t i = 0; i < array_count(clock_us); i++) {
        uint64_t next = sequence_next(&s, clock_us[i]);
        assert_true(next > last);
        assert_int_equal(next & (SEQUENCE_DECIDERS - 1), 3);
        last = next;
    }
}

static void starts_above_what_the_archive_holds(void **state) {
    (void)state;
    struct sequence s;
    uint64_t highest = (UINT64_C(5000000) << SEQUENCE_DECIDER_BITS) | 255;
    sequence_init(&s, 0, highest);
    assert_true(sequence_next(&s, 17) > highest); /* a clock far behind the archive's */
}

static void deciders_never_meet(void **state) {
    (void)state;
    struct sequence a, b;
    sequence_init(&a, 0, 0);
    sequence_init(&b, 1, 0);
    uint64_t from_a[64];
    for (int i = 0; i < 64; i++) from_a[i] = sequence_next(&a, 42);
    for (int i = 0; i < 64; i++) {
        uint64_t n = sequence_next(&b, 42);
        for (int j = 0; j < 64; j++) assert_int_not_equal(n, from_a[j]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rises_while_the_clock_stands_or_steps_back),
        cmocka_unit_test(starts_above_what_the_archive_holds),
        cmocka_unit_test(deciders_never_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
