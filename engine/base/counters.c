/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/counters.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"

static const struct counters_row rows[COUNTER_COUNT] = {
#define COUNTERS_ROW(symbol, row_name, row_group, row_meaning) \
    [COUNTER_##symbol] = {.name = row_name, .group = row_group, .meaning = row_meaning},
    COUNTERS_TABLE(COUNTERS_ROW)
#undef COUNTERS_ROW
};

const struct counters_row *counters_row(enum counter counter) {
    invariant(counter < COUNTER_COUNT);
    return &rows[counter];
}

enum counter counters_find(const char *name, size_t length) {
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0) return (enum counter)i;
    return COUNTER_COUNT;
}

bool counters_init(struct counters *counters, size_t cell_count) {
    invariant(cell_count > 0);
    counters->cells = aligned_alloc(_Alignof(struct counters_cell), cell_count * sizeof(struct counters_cell));
    if (!counters->cells) return false;
    counters->cell_count = cell_count;
    for (size_t i = 0; i < cell_count; i++)
        for (unsigned c = 0; c < COUNTER_COUNT; c++) atomic_init(&counters->cells[i].values[c], 0);
    return true;
}

void counters_release(struct counters *counters) {
    free(counters->cells);
    *counters = (struct counters){0};
}

uint64_t counters_sum(const struct counters *counters, enum counter counter) {
    uint64_t sum = 0;
    for (size_t i = 0; i < counters->cell_count; i++)
        sum += atomic_load_explicit(&counters->cells[i].values[counter], memory_order_relaxed);
    return sum;
}

uint64_t counters_group_sum(const uint64_t sums[COUNTER_COUNT], const char *group) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        if (strcmp(rows[i].group, group) == 0) sum += sums[i];
    return sum;
}
