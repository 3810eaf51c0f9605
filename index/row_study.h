/* SPDX-License-Identifier: Apache-2.0 */
/* row_study: the value of a study's row: what it is called, whose it is, its counts. Pure; any thread. */
#ifndef LEAT_INDEX_ROW_STUDY_H
#define LEAT_INDEX_ROW_STUDY_H

#include "index/keys.h"
#include "index/row_counts.h"

struct row_study {
    struct slice uid;
    uint64_t first_sequence;     /* lowest of its records; 0: none yet, only a change named it */
    uint64_t sequence;           /* of the record that `values` came with: the highest */
    uint64_t claim_sequence; /* of the record that made `patient` its patient; 0: all its series are quarantined, it has none */
    struct short_name patient;   /* of the series, not quarantined, with the highest sequence */
    bool conflict;               /* its records name several patients; if not, they name: */
    struct short_name only_patient;
    struct catalog_counts counts; /* of its series that are not quarantined */
    struct slice modalities;     /* index/tally.h: those series by modality */
    struct slice values, changes;
};

void row_study_write(struct writer *w, const struct row_study *row);
/* The slices point into `bytes`, the UID into text[PACKED_UID_BYTES_MAX]. False: malformed. */
bool row_study_read(struct slice bytes, struct row_study *row, uint8_t *text);

#endif
