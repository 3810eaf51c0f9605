/* SPDX-License-Identifier: Apache-2.0 */
/* row_series: the value of a series' row: what it is called, whom its last record named as patient, its counts. Pure. */
#ifndef LEAT_INDEX_ROW_SERIES_H
#define LEAT_INDEX_ROW_SERIES_H

#include "index/keys.h"
#include "index/row_counts.h"

struct row_series {
    struct slice uid;
    uint64_t first_sequence;   /* lowest of its records; 0: none yet, only a change named it */
    uint64_t sequence;         /* of the record that `patient` and `values` came with: the highest */
    struct short_name patient; /* whom that record named */
    bool quarantined;          /* another study's claim to this Series UID is older */
    struct catalog_counts counts; /* instances, bytes, superseded: its own, quarantined or not */
    struct slice classes;      /* index/tally.h: current instances by SOP class */
    struct slice values, changes;
};

void row_series_write(struct writer *w, const struct row_series *row);
/* The slices point into `bytes`, the UID into text[PACKED_UID_BYTES_MAX]. False: malformed. */
bool row_series_read(struct slice bytes, struct row_series *row, uint8_t *text);

#endif
