/* SPDX-License-Identifier: Apache-2.0 */
/* stress: what the runtime's tests share: cmocka's includes, a seeded generator, the clock. A failing property test prints its
 * seed; LEAT_TEST_SEED replays it. */
#ifndef LEAT_TESTS_RUNTIME_STRESS_H
#define LEAT_TESTS_RUNTIME_STRESS_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/clock.h"

#if defined(__SANITIZE_THREAD__)
#define STRESS_SCALE(n) ((n) / 4 + 1)
#elif defined(__SANITIZE_ADDRESS__)
#define STRESS_SCALE(n) ((n) / 2 + 1)
#else
#define STRESS_SCALE(n) (n)
#endif

static inline uint64_t stress_seed(void) {
    const char *text = getenv("LEAT_TEST_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : clock_monotonic_ns();
    print_message("LEAT_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* splitmix64 */
static inline uint64_t stress_next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#endif
