/* SPDX-License-Identifier: Apache-2.0 */
/* row_patient: the value of a patient's row: identity, what records last said of the patient, counts. Pure; any thread. */
#ifndef LEAT_INDEX_ROW_PATIENT_H
#define LEAT_INDEX_ROW_PATIENT_H

#include "index/keys.h"
#include "index/row_counts.h"

#define ROW_PATIENT_ID_BYTES 256 /* of an ID or an issuer in UTF-8; what is longer is cut before it names anybody */

struct row_patient {
    struct slice id, issuer;   /* UTF-8, trimmed */
    struct slice study_uid;    /* set when id is empty: the one study whose patient this is */
    uint64_t sequence;         /* of the record that `values` came with: the highest; 0: only a change named the patient */
    struct catalog_counts counts; /* of the studies that point here */
    struct slice values, changes;
};

/* The name in keys: ID and issuer, or, without an ID, the study. */
struct short_name row_patient_name(const struct keys *keys, struct slice id, struct slice issuer, struct slice study_uid);

void row_patient_write(struct writer *w, const struct row_patient *row);
/* The slices point into `bytes`. False: malformed. */
bool row_patient_read(struct slice bytes, struct row_patient *row);

#endif
