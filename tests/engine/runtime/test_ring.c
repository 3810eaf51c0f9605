/* SPDX-License-Identifier: Apache-2.0 */
/* test_ring: the two rings: order, full and empty, wrap-around, and with real threads: nothing lost, nothing twice, each
 * producer's items in order. Run it under ThreadSanitizer too. */
#include "tests/engine/runtime/stress.h"

#include <sched.h>

#include "engine/runtime/ring_mpsc.h"
#include "engine/runtime/ring_spsc.h"

static void *number(uint64_t n) { return (void *)(uintptr_t)(n + 1); } /* never NULL */

static void test_spsc_full_and_empty(void **state) {
    struct ring_spsc ring;
    void *items[8];
    assert_true(ring_spsc_init(&ring, 4, NULL));
    assert_int_equal(ring_spsc_pop(&ring, items, 8), 0);
    for (uint64_t round = 0; round < 10; round++) { /* wraps round, from each position */
        for (uint64_t i = 0; i < 4; i++) assert_true(ring_spsc_push(&ring, number(i)));
        assert_false(ring_spsc_push(&ring, number(99)));
        assert_int_equal(ring_spsc_count(&ring), 4);
        assert_int_equal(ring_spsc_pop(&ring, items, 3), 3);
        for (uint64_t i = 0; i < 3; i++) assert_ptr_equal(items[i], number(i));
        assert_int_equal(ring_spsc_pop(&ring, items, 8), 1);
        assert_ptr_equal(items[0], number(3));
    }
    ring_spsc_release(&ring);
}

static void test_mpsc_full_and_empty(void **state) {
    struct ring_mpsc ring;
    void *items[8];
    assert_true(ring_mpsc_init(&ring, 4, NULL));
    assert_true(ring_mpsc_is_empty(&ring));
    for (uint64_t round = 0; round < 10; round++) {
        for (uint64_t i = 0; i < 4; i++) assert_true(ring_mpsc_push(&ring, number(i)));
        assert_false(ring_mpsc_push(&ring, number(99)));
        assert_false(ring_mpsc_is_empty(&ring));
        assert_int_equal(ring_mpsc_pop(&ring, items, 3), 3);
        for (uint64_t i = 0; i < 3; i++) assert_ptr_equal(items[i], number(i));
        assert_int_equal(ring_mpsc_pop(&ring, items, 8), 1);
        assert_ptr_equal(items[0], number(3));
        assert_int_equal(ring_mpsc_count(&ring), 0);
    }
    ring_mpsc_release(&ring);
}

struct spsc_run {
    struct ring_spsc ring;
    uint64_t count;
};

static void *spsc_produce(void *context) {
    struct spsc_run *run = context;
    for (uint64_t i = 0; i < run->count; i++) {
        while (!ring_spsc_push(&run->ring, number(i))) sched_yield();
    }
    return NULL;
}

static void test_spsc_threads(void **state) {
    struct spsc_run run = {.count = STRESS_SCALE(5000000u)};
    assert_true(ring_spsc_init(&run.ring, 256, NULL));
    pthread_t producer;
    uint64_t begin_ns = clock_monotonic_ns();
    pthread_create(&producer, NULL, spsc_produce, &run);
    for (uint64_t expected = 0; expected < run.count;) {
        void *items[64];
        size_t count = ring_spsc_pop(&run.ring, items, 64);
        if (count == 0) sched_yield();
        for (size_t i = 0; i < count; i++) assert_ptr_equal(items[i], number(expected++));
    }
    pthread_join(producer, NULL);
    print_message("spsc: %.1f million items/s\n", (double)run.count * 1e3 / (double)(clock_monotonic_ns() - begin_ns));
    ring_spsc_release(&run.ring);
}

#define PRODUCERS 4u

struct mpsc_run {
    struct ring_mpsc ring;
    uint64_t count; /* of each producer */
};

struct mpsc_producer {
    struct mpsc_run *run;
    uint64_t index;
};

static void *mpsc_produce(void *context) {
    struct mpsc_producer *producer = context;
    for (uint64_t i = 0; i < producer->run->count; i++) {
        while (!ring_mpsc_push(&producer->run->ring, number(producer->index << 32 | i))) sched_yield();
    }
    return NULL;
}

static void test_mpsc_threads(void **state) {
    struct mpsc_run run = {.count = STRESS_SCALE(1000000u)};
    struct mpsc_producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    uint64_t expected[PRODUCERS] = {0}, total = 0;
    assert_true(ring_mpsc_init(&run.ring, 64, NULL)); /* small, so that full and wrap-around happen all the time */
    uint64_t begin_ns = clock_monotonic_ns();
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct mpsc_producer){&run, i};
        pthread_create(&threads[i], NULL, mpsc_produce, &producers[i]);
    }
    while (total < run.count * PRODUCERS) {
        void *items[16];
        size_t count = ring_mpsc_pop(&run.ring, items, 16);
        if (count == 0) sched_yield();
        for (size_t i = 0; i < count; i++) {
            uint64_t value = (uint64_t)(uintptr_t)items[i] - 1;
            assert_int_equal((uint32_t)value, expected[value >> 32]++);
        }
        total += count;
    }
    for (uint64_t i = 0; i < PRODUCERS; i++) pthread_join(threads[i], NULL);
    assert_true(ring_mpsc_is_empty(&run.ring));
    double elapsed_ns = (double)(clock_monotonic_ns() - begin_ns);
    print_message("mpsc, %u producers: %.1f million items/s\n", PRODUCERS, (double)total * 1e3 / elapsed_ns);
    ring_mpsc_release(&run.ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spsc_full_and_empty),
        cmocka_unit_test(test_mpsc_full_and_empty),
        cmocka_unit_test(test_spsc_threads),
        cmocka_unit_test(test_mpsc_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
