/* SPDX-License-Identifier: Apache-2.0 */
/* test_timer: the heap against a plain list as its model: random arms, re-arms (earlier and later), disarms and runs; timers fire
 * in the order of their deadlines, never early, never twice, and those armed while firing wait for the next run. */
#include "tests/engine/runtime/stress.h"

#include "engine/base/check.h"
#include "engine/runtime/timer.h"

#define TIMERS 200u

struct probe {
    struct timer timer;
    uint64_t expected_ns; /* 0: not armed */
    struct model *model;
};

struct model {
    struct timer_heap heap;
    struct probe probes[TIMERS];
    uint64_t now_ns, last_ns, seed;
    uint32_t fired;
};

static void probe_fire(struct timer *timer) {
    struct probe *probe = container_of(timer, struct probe, timer);
    struct model *model = probe->model;
    assert_false(timer_is_armed(timer));
    assert_int_not_equal(probe->expected_ns, 0);
    assert_true(probe->expected_ns <= model->now_ns);
    assert_true(probe->expected_ns >= model->last_ns);
    model->last_ns = probe->expected_ns;
    probe->expected_ns = 0;
    model->fired++;
    if (stress_next(&model->seed) % 4 == 0) { /* re-arms itself, perhaps for a time that has passed */
        uint64_t deadline = model->now_ns - 50 + stress_next(&model->seed) % 100;
        timer_heap_arm(&model->heap, timer, deadline, probe_fire);
        probe->expected_ns = deadline > model->now_ns ? deadline : model->now_ns + 1;
    }
    if (stress_next(&model->seed) % 4 == 0) { /* and disarms another one, perhaps one that is due now */
        struct probe *other = &model->probes[stress_next(&model->seed) % TIMERS];
        timer_heap_disarm(&model->heap, &other->timer);
        other->expected_ns = 0;
    }
}

static void model_check(struct model *model) {
    uint64_t earliest = TIMER_NEVER;
    for (uint32_t i = 0; i < TIMERS; i++) {
        struct probe *probe = &model->probes[i];
        assert_int_equal(timer_is_armed(&probe->timer), probe->expected_ns != 0);
        if (probe->expected_ns && probe->expected_ns < earliest) earliest = probe->expected_ns;
        if (probe->expected_ns) assert_true(probe->expected_ns > model->now_ns); /* what was due has fired */
    }
    assert_true(timer_heap_next_ns(&model->heap) <= earliest);
}

static void test_against_model(void **state) {
    uint64_t seed = stress_seed();
    for (int round = 0; round < 20; round++) {
        struct model model = {.seed = stress_next(&seed), .now_ns = 1000};
        for (uint32_t i = 0; i < TIMERS; i++) model.probes[i].model = &model;
        for (int step = 0; step < 2000; step++) {
            struct probe *probe = &model.probes[stress_next(&model.seed) % TIMERS];
            switch (stress_next(&model.seed) % 8) {
            case 0:
                timer_heap_disarm(&model.heap, &probe->timer);
                probe->expected_ns = 0;
                break;
            case 1:
                model.now_ns += stress_next(&model.seed) % 100;
                model.last_ns = 0;
                timer_heap_run(&model.heap, model.now_ns);
                model_check(&model);
                break;
            default:
                probe->expected_ns = model.now_ns + 1 + stress_next(&model.seed) % 500;
                timer_heap_arm(&model.heap, &probe->timer, probe->expected_ns, probe_fire);
            }
        }
        model.now_ns += 1000000;
        model.last_ns = 0;
        timer_heap_run(&model.heap, model.now_ns);
        model_check(&model);
        assert_true(model.fired > 100);
        for (uint32_t i = 0; i < TIMERS; i++) timer_heap_disarm(&model.heap, &model.probes[i].timer);
        assert_true(timer_heap_next_ns(&model.heap) == TIMER_NEVER);
    }
}

static void never_fire(struct timer *timer) { fail(); }

static void test_ten_thousand_pushed_ahead(void **state) {
    struct timer *timers = calloc(10000, sizeof(*timers));
    struct timer_heap heap = {0};
    uint64_t begin_ns = clock_monotonic_ns();
    for (uint64_t now = 1; now <= 100; now++) {
        for (uint64_t i = 0; i < 10000; i++) timer_heap_arm(&heap, &timers[i], now * 1000 + i + 100000, never_fire);
        assert_int_equal(timer_heap_run(&heap, now * 1000), 0);
    }
    print_message("re-arm: %.1f ns\n", (double)(clock_monotonic_ns() - begin_ns) / 1e6);
    for (uint64_t i = 0; i < 10000; i++) timer_heap_disarm(&heap, &timers[i]);
    assert_true(timer_heap_next_ns(&heap) == TIMER_NEVER);
    free(timers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_ten_thousand_pushed_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
