/* SPDX-License-Identifier: Apache-2.0 */
/* test_inbox: posts into a worker and into a reactor from several threads, with pauses so that the owner falls asleep at every
 * possible moment: a lost wake-up hangs the test (its time limit then fails it). Also: wake-up latency, full inboxes, the end of
 * a worker. */
#include "tests/engine/runtime/stress.h"

#include <poll.h>
#include <sched.h>

#include "engine/base/check.h"
#include "engine/runtime/reactor.h"
#include "engine/runtime/worker.h"

#define PRODUCERS 3u

struct run {
    struct inbox inbox;
    uint64_t expected[PRODUCERS]; /* owner only */
    uint64_t count;               /* of each producer */
    _Atomic uint64_t received;    /* the owner's count: released by it, acquired by those that wait for an answer */
};

static void run_drain(void *context, void **items, size_t count) {
    struct run *run = context;
    for (size_t i = 0; i < count; i++) {
        uint64_t value = (uint64_t)(uintptr_t)items[i] - 1;
        if ((uint32_t)value != run->expected[value >> 32]++) abort(); /* out of order, lost or twice */
    }
    atomic_fetch_add_explicit(&run->received, count, memory_order_release);
}

struct producer {
    struct run *run;
    uint64_t index, seed;
    bool ping_pong; /* waits for each answer: the owner sleeps before each post */
};

static void *produce(void *context) {
    struct producer *producer = context;
    struct run *run = producer->run;
    for (uint64_t i = 0; i < run->count; i++) {
        while (!inbox_post(&run->inbox, (void *)(uintptr_t)((producer->index << 32 | i) + 1))) sched_yield();
        if (producer->ping_pong) {
            while (atomic_load_explicit(&run->received, memory_order_acquire) <= i) sched_yield();
            continue;
        }
        uint64_t random = stress_next(&producer->seed);
        if (random % 64 == 0) {
            for (volatile uint64_t spin = random >> 32 & 0x3fff; spin; spin--) {
            }
        }
        if (random % 4096 == 0) usleep(random >> 40 & 0xff);
    }
    return NULL;
}

static void wait_for(struct run *run, uint64_t total) {
    while (atomic_load_explicit(&run->received, memory_order_acquire) < total) usleep(100);
}

static void run_producers(struct run *run, uint64_t producers_count, bool ping_pong, const char *what) {
    pthread_t threads[PRODUCERS];
    struct producer producers[PRODUCERS];
    uint64_t seed = stress_seed(), begin_ns = clock_monotonic_ns();
    for (uint64_t i = 0; i < producers_count; i++) {
        producers[i] = (struct producer){.run = run, .index = i, .seed = stress_next(&seed), .ping_pong = ping_pong};
        pthread_create(&threads[i], NULL, produce, &producers[i]);
    }
    for (uint64_t i = 0; i < producers_count; i++) pthread_join(threads[i], NULL);
    wait_for(run, run->count * producers_count);
    double elapsed_ns = (double)(clock_monotonic_ns() - begin_ns);
    print_message("%s: %.2f million posts/s, %.0f ns a post\n", what, (double)(run->count * producers_count) * 1e3 / elapsed_ns,
                  elapsed_ns / (double)(run->count * producers_count));
}

static void worker_case(uint64_t count, uint64_t producers, bool ping_pong, const char *what) {
    struct worker_options options = {.name = "test", .cpu = -1};
    struct worker *worker = worker_create(&options, NULL);
    struct run run = {.count = count};
    assert_true(inbox_init(&run.inbox, worker_waker(worker), 256, run_drain, &run, NULL));
    assert_true(worker_start(worker, NULL));
    run_producers(&run, producers, ping_pong, what);
    worker_stop(worker);
    worker_join(worker);
    inbox_release(&run.inbox);
    worker_destroy(worker);
}

static void reactor_case(uint64_t count, uint64_t producers, bool ping_pong, const char *what) {
    struct reactor_options options = {.name = "test", .cpu = -1};
    struct reactor *reactor = reactor_create(&options, NULL);
    struct run run = {.count = count};
    assert_non_null(reactor);
    assert_true(inbox_init(&run.inbox, reactor_waker(reactor), 256, run_drain, &run, NULL));
    assert_true(reactor_start(reactor, NULL));
    run_producers(&run, producers, ping_pong, what);
    reactor_stop(reactor);
    reactor_join(reactor);
    inbox_release(&run.inbox);
    reactor_destroy(reactor);
}

static void test_worker_no_wake_lost(void **state) { worker_case(STRESS_SCALE(3000000u), PRODUCERS, false, "worker, bursts"); }
static void test_worker_ping_pong(void **state) { worker_case(STRESS_SCALE(20000u), 1, true, "worker, ping-pong"); }
static void test_reactor_no_wake_lost(void **state) { reactor_case(STRESS_SCALE(3000000u), PRODUCERS, false, "reactor, bursts"); }
static void test_reactor_ping_pong(void **state) { reactor_case(STRESS_SCALE(20000u), 1, true, "reactor, ping-pong"); }

static void count_drain(void *context, void **items, size_t count) { *(size_t *)context += count; }

static void test_full_is_a_state(void **state) {
    struct waker waker;
    struct inbox inbox;
    size_t drained = 0;
    assert_true(waker_init(&waker, NULL));
    assert_true(inbox_init(&inbox, &waker, 4, count_drain, &drained, NULL));
    for (int i = 0; i < 4; i++) assert_true(inbox_post(&inbox, &inbox));
    assert_false(inbox_post(&inbox, &inbox));
    assert_int_equal(inbox_count(&inbox), 4);
    assert_false(waker_may_sleep(&waker));
    assert_int_equal(waker_drain(&waker), 4);
    assert_int_equal(drained, 4);
    assert_true(waker_may_sleep(&waker));
    assert_true(inbox_post(&inbox, &inbox));
    assert_false(waker_may_sleep(&waker));
    waker_drain(&waker);
    waker_wake(&waker);
    assert_false(waker_may_sleep(&waker)); /* asked for one more round */
    assert_true(waker_may_sleep(&waker));
    inbox_release(&inbox);
    waker_release(&waker);
}

/* One post against one falling asleep, at the same moment, over and over: the owner sees the item, or the event is written. */
struct duel {
    struct waker waker;
    struct inbox inbox;
    uint64_t rounds;
    _Atomic uint64_t begun, posted; /* the round that the owner began / the producer ended: release and acquire, both ways */
    _Atomic bool over;              /* as above */
};

/* Spins, because the other one is nanoseconds away; yields when it is not (fewer cores than threads). False: the duel is over. */
static bool duel_await(struct duel *duel, _Atomic uint64_t *at, uint64_t round) {
    for (uint32_t spins = 0; atomic_load_explicit(at, memory_order_acquire) < round; spins++) {
        if (atomic_load_explicit(&duel->over, memory_order_acquire)) return false;
        if (spins > 500) sched_yield();
    }
    return true;
}

static void *duel_produce(void *context) {
    struct duel *duel = context;
    for (uint64_t round = 1; round <= duel->rounds; round++) {
        if (!duel_await(duel, &duel->begun, round)) return NULL;
        for (volatile uint64_t spin = round % 32; spin; spin--) {
        }
        if (!inbox_post(&duel->inbox, duel)) abort();
        atomic_store_explicit(&duel->posted, round, memory_order_release);
    }
    return NULL;
}

static void test_post_against_falling_asleep(void **state) {
    struct duel duel = {.rounds = STRESS_SCALE(400000u)};
    size_t drained = 0, sleeps = 0, lost = 0;
    uint64_t rounds = 0, limit_ns = clock_monotonic_ns() + 3000000000u; /* on a machine that others use, fewer rounds will do */
    pthread_t producer;
    assert_true(waker_init(&duel.waker, NULL));
    assert_true(inbox_init(&duel.inbox, &duel.waker, 4, count_drain, &drained, NULL));
    pthread_create(&producer, NULL, duel_produce, &duel);
    for (uint64_t round = 1; round <= duel.rounds && !lost; round++, rounds++) {
        if (round % 256 == 0 && clock_monotonic_ns() > limit_ns) break;
        atomic_store_explicit(&duel.begun, round, memory_order_release);
        for (volatile uint64_t spin = round * 7919 % 200; spin; spin--) {
        }
        bool sleep = waker_may_sleep(&duel.waker);
        duel_await(&duel, &duel.posted, round);
        struct pollfd event = {.fd = duel.waker.event_fd, .events = POLLIN};
        uint64_t count;
        if (sleep) {
            sleeps++;
            if (poll(&event, 1, 0) == 1) assert_int_equal(read(duel.waker.event_fd, &count, sizeof(count)), sizeof(count));
            else lost++;
        } else if (atomic_load_explicit(&duel.waker.sleeping, memory_order_relaxed) == 0 && poll(&event, 1, 0) == 1) {
            assert_int_equal(read(duel.waker.event_fd, &count, sizeof(count)), sizeof(count)); /* one too many: harmless */
        }
        waker_awake(&duel.waker);
        assert_int_equal(waker_drain(&duel.waker), 1);
    }
    atomic_store_explicit(&duel.over, true, memory_order_release);
    pthread_join(producer, NULL);
    print_message("slept in %zu of %llu rounds\n", sleeps, (unsigned long long)rounds);
    assert_int_equal(lost, 0);
    assert_true(sleeps > 0);
    inbox_release(&duel.inbox);
    waker_release(&duel.waker);
}

struct turns {
    uint32_t count;
    size_t posted;
};

static int32_t turn_five_times(void *context, size_t posted) {
    struct turns *turns = context;
    turns->posted += posted;
    return ++turns->count < 5 ? 1 : -1;
}

static void test_worker_turns(void **state) {
    struct turns turns = {0};
    size_t drained = 0;
    struct worker_options options = {.name = "test", .cpu = -1, .turn = turn_five_times, .context = &turns};
    struct worker *worker = worker_create(&options, NULL);
    struct inbox inbox;
    assert_true(inbox_init(&inbox, worker_waker(worker), 64, count_drain, &drained, NULL));
    assert_true(worker_start(worker, NULL));
    usleep(50000);
    for (int i = 0; i < 50; i++) assert_true(inbox_post(&inbox, &inbox));
    worker_stop(worker); /* what was posted before is still handed out */
    worker_join(worker);
    assert_int_equal(drained, 50);
    assert_int_equal(turns.posted, 50);
    assert_true(turns.count >= 5 && turns.count < 60);
    inbox_release(&inbox);
    worker_destroy(worker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_is_a_state),      cmocka_unit_test(test_worker_turns),
        cmocka_unit_test(test_post_against_falling_asleep),
        cmocka_unit_test(test_worker_no_wake_lost),  cmocka_unit_test(test_worker_ping_pong),
        cmocka_unit_test(test_reactor_no_wake_lost), cmocka_unit_test(test_reactor_ping_pong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
