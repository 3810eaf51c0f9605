/* SPDX-License-Identifier: Apache-2.0 */
/* row_counts: how much lies under a row. Sums are kept by adding what a child counts now and taking away what it counted before,
 * both modulo 2^64, so that the order does not matter. Pure; any thread. */
#ifndef LEAT_INDEX_ROW_COUNTS_H
#define LEAT_INDEX_ROW_COUNTS_H

#include "index/packed.h"

struct catalog_counts {
    uint64_t studies, series, instances;
    uint64_t bytes;                        /* data sets of current versions */
    uint64_t superseded, superseded_bytes; /* earlier versions */
};

static inline void row_counts_add(struct catalog_counts *to, const struct catalog_counts *add,
                                  const struct catalog_counts *take) {
    to->studies += add->studies - take->studies;
    to->series += add->series - take->series;
    to->instances += add->instances - take->instances;
    to->bytes += add->bytes - take->bytes;
    to->superseded += add->superseded - take->superseded;
    to->superseded_bytes += add->superseded_bytes - take->superseded_bytes;
}

static inline void row_counts_write(struct writer *w, const struct catalog_counts *counts) {
    packed_number(w, counts->studies);
    packed_number(w, counts->series);
    packed_number(w, counts->instances);
    packed_number(w, counts->bytes);
    packed_number(w, counts->superseded);
    packed_number(w, counts->superseded_bytes);
}

static inline void row_counts_read(struct reader *r, struct catalog_counts *counts) {
    counts->studies = packed_read_number(r);
    counts->series = packed_read_number(r);
    counts->instances = packed_read_number(r);
    counts->bytes = packed_read_number(r);
    counts->superseded = packed_read_number(r);
    counts->superseded_bytes = packed_read_number(r);
}

static inline bool row_counts_same(const struct catalog_counts *a, const struct catalog_counts *b) {
    return a->studies == b->studies && a->series == b->series && a->instances == b->instances && a->bytes == b->bytes &&
           a->superseded == b->superseded && a->superseded_bytes == b->superseded_bytes;
}

#endif
