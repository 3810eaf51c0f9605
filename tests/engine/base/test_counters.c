/* SPDX-License-Identifier: Apache-2.0 */
/* test_counters: names are unique and found again; threads add while a reader sums (clean under ThreadSanitizer), nothing is
 * lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include "engine/base/check.h"
#include "engine/base/counters.h"

static void test_names(void **state) {
    (void)state;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        const struct counters_row *row = counters_row((enum counter)i);
        assert_int_equal(counters_find(row->name, strlen(row->name)), i);
    }
    assert_int_equal(counters_find("nonsense", 8), COUNTER_COUNT);
    assert_int_equal(counters_find("store", 5), COUNTER_COUNT);
    uint64_t sums[COUNTER_COUNT] = {0};
    sums[COUNTER_REFUSED_NO_SPACE] = 3;
    sums[COUNTER_REFUSED_COMMAND] = 4;
    sums[COUNTER_STORED] = 100;
    assert_int_equal(counters_group_sum(sums, "refused"), 7);
    assert_int_equal(counters_group_sum(sums, "rejected"), 0);
}

#define THREADS 4
#define ROUNDS 200000

static void *add_many(void *cell) {
    for (int i = 0; i < ROUNDS; i++) {
        counters_add(cell, COUNTER_STORED, 1);
        counters_add(cell, COUNTER_STORED_BYTES, 7);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    struct counters counters;
    assert_true(counters_init(&counters, THREADS));
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, counters_cell(&counters, i)), 0);
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++) { /* a sum never falls */
        uint64_t now = counters_sum(&counters, COUNTER_STORED);
        assert_true(now >= last && now <= (uint64_t)THREADS * ROUNDS);
        last = now;
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(counters_sum(&counters, COUNTER_STORED), THREADS * ROUNDS);
    assert_int_equal(counters_sum(&counters, COUNTER_STORED_BYTES), THREADS * ROUNDS * 7);
    assert_int_equal(counters_sum(&counters, COUNTER_LOST), 0);
    counters_release(&counters);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
