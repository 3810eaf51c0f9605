/* SPDX-License-Identifier: Apache-2.0 */
/* test_chunk: the pool: alignment, exhaustion as an ordinary state, caches and counters, memory untouched until used; with
 * threads: no chunk is with two users at once (each writes its mark and finds it again), and what one thread wrote the next one
 * sees. */
#include "tests/engine/runtime/stress.h"

#include <sched.h>
#include <sys/mman.h>

#include "engine/base/check.h"
#include "engine/runtime/chunk.h"

static void test_take_until_none(void **state) {
    struct chunk_options options = {.budget_bytes = 10 * CHUNK_BYTES + 5};
    struct chunk_pool *pool = chunk_pool_create(&options, NULL);
    void *chunks[10];
    assert_int_equal(chunk_pool_total(pool), 10);
    for (int i = 0; i < 10; i++) {
        chunks[i] = chunk_take_shared(pool);
        assert_non_null(chunks[i]);
        assert_int_equal((uintptr_t)chunks[i] % CHUNK_ALIGNMENT, 0);
        assert_true(chunk_pool_holds(pool, chunks[i]));
        assert_int_equal(chunk_pool_free(pool), 9 - i);
    }
    assert_false(chunk_pool_holds(pool, &pool));
    assert_null(chunk_take_shared(pool));
    assert_int_equal(chunk_pool_lowest(pool), 0);
    for (int i = 0; i < 10; i++) chunk_give(pool, chunks[i]);
    assert_int_equal(chunk_pool_free(pool), 10);
    assert_ptr_equal(chunk_take_shared(pool), chunks[9]); /* the last one given is warm, so it is the first one taken */
    chunk_give(pool, chunks[9]);
    chunk_pool_destroy(pool);
}

static void test_cache(void **state) {
    struct chunk_options options = {.budget_bytes = 8 * CHUNK_BYTES};
    struct chunk_pool *pool = chunk_pool_create(&options, NULL);
    struct chunk_cache cache;
    void *chunks[8];
    chunk_cache_init(&cache, pool, 3);
    for (int i = 0; i < 8; i++) assert_non_null(chunks[i] = chunk_take(&cache));
    assert_null(chunk_take(&cache));
    for (int i = 0; i < 5; i++) chunk_cache_give(&cache, chunks[i]);
    assert_int_equal(cache.count, 3);
    assert_int_equal(chunk_pool_free(pool), 5); /* those in the cache are free as well */
    assert_non_null(chunks[0] = chunk_take_shared(pool));
    assert_non_null(chunks[1] = chunk_take_shared(pool));
    assert_null(chunk_take_shared(pool)); /* the rest is the cache's */
    assert_non_null(chunks[2] = chunk_take(&cache));
    for (int i = 5; i < 8; i++) chunk_give(pool, chunks[i]);
    for (int i = 0; i < 3; i++) chunk_give(pool, chunks[i]);
    chunk_cache_release(&cache);
    assert_int_equal(chunk_pool_free(pool), 8);
    chunk_pool_destroy(pool);
}

static void test_untouched_until_used(void **state) {
    struct chunk_options options = {.budget_bytes = 64 * CHUNK_BYTES};
    struct chunk_pool *pool = chunk_pool_create(&options, NULL);
    uint8_t *chunk = chunk_take_shared(pool);
    unsigned char resident[CHUNK_BYTES / 4096];
    assert_int_equal(mincore(chunk, CHUNK_BYTES, resident), 0);
    for (size_t i = 0; i < sizeof(resident); i++) assert_int_equal(resident[i] & 1, 0);
    chunk[0] = 1;
    assert_int_equal(mincore(chunk, CHUNK_BYTES, resident), 0);
    assert_int_equal(resident[0] & 1, 1);
    chunk_give(pool, chunk);
    chunk_pool_destroy(pool);
}

#define THREADS 4u

struct stress {
    struct chunk_pool *pool;
    uint64_t seed, mark, rounds, misses;
};

static void *stress_run(void *context) {
    struct stress *stress = context;
    struct chunk_cache cache;
    uint64_t *held[8] = {0};
    chunk_cache_init(&cache, stress->pool, 4);
    for (uint64_t i = 0; i < stress->rounds; i++) {
        uint64_t random = stress_next(&stress->seed);
        uint64_t **slot = &held[random % array_count(held)];
        bool shared = random >> 32 & 1;
        if (*slot) {
            if ((*slot)[0] != stress->mark || (*slot)[100] != stress->mark) abort(); /* somebody else has it too */
            if (shared) chunk_give(stress->pool, *slot);
            else chunk_cache_give(&cache, *slot);
            *slot = NULL;
        } else if ((*slot = shared ? chunk_take_shared(stress->pool) : chunk_take(&cache)) != NULL) {
            (*slot)[0] = (*slot)[100] = stress->mark;
        } else {
            stress->misses++;
            sched_yield();
        }
    }
    for (size_t i = 0; i < array_count(held); i++) {
        if (held[i]) chunk_give(stress->pool, held[i]);
    }
    chunk_cache_release(&cache);
    return NULL;
}

static void test_threads(void **state) {
    struct chunk_options options = {.budget_bytes = 12 * CHUNK_BYTES}; /* fewer than the threads want */
    struct chunk_pool *pool = chunk_pool_create(&options, NULL);
    struct stress stresses[THREADS];
    pthread_t threads[THREADS];
    uint64_t seed = stress_seed(), misses = 0, begin_ns = clock_monotonic_ns(), rounds = STRESS_SCALE(2000000u);
    for (uint64_t i = 0; i < THREADS; i++) {
        stresses[i] = (struct stress){.pool = pool, .seed = stress_next(&seed), .mark = i + 1, .rounds = rounds};
        pthread_create(&threads[i], NULL, stress_run, &stresses[i]);
    }
    for (uint64_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        misses += stresses[i].misses;
    }
    assert_true(misses > 0);
    assert_int_equal(chunk_pool_free(pool), 12);
    print_message("take or give: %.0f ns\n", (double)(clock_monotonic_ns() - begin_ns) / (double)(rounds * THREADS));
    chunk_pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take_until_none),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_untouched_until_used),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
