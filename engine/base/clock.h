/* SPDX-License-Identifier: Apache-2.0 */
/* clock: the two clocks that leat uses, each with its unit in the name. Any thread. */
#ifndef LEAT_BASE_CLOCK_H
#define LEAT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Monotonic, for durations and time-outs. */
static inline uint64_t clock_monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static inline uint64_t clock_monotonic_ms(void) { return clock_monotonic_ns() / 1000000u; }

/* Microseconds since 1970 UTC, for what is written down. May step backwards: sequences never use it alone. */
static inline uint64_t clock_wall_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

#endif
