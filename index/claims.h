/* SPDX-License-Identifier: Apache-2.0 */
/* claims: what spans more than one study: a Series UID that several studies claim (the study whose records of it began first owns
 * it, in the others it is quarantined), and a study that several patients claim (it stands under the patient claimed last). The
 * committer's thread. */
#ifndef LEAT_INDEX_CLAIMS_H
#define LEAT_INDEX_CLAIMS_H

#include "index/catalog_state.h"

/* Who owns a Series UID: to be loaded before anything is changed. */
struct claims_series {
    struct overlay_raw *head;     /* the row of the owner's claim */
    struct overlay_raw *mine;     /* the row of this study's claim, when another one owns the series */
    struct overlay_raw *other;    /* where the owner's claim goes when it is dethroned */
    struct overlay_series *owner; /* of another study; NULL: nobody yet, or this study */
    uint64_t owner_first;
};

/* False: a read failed. *collision: the owner's series only shares the digest. */
bool claims_load(struct catalog_batch *batch, const struct overlay_series *series, struct slice series_uid,
                 struct claims_series *claims, bool *collision, struct fault *fault);

/* series->row.first_sequence was set or became lower: who owns the UID now? */
void claims_settle(struct catalog_batch *batch, struct overlay_series *series, const struct claims_series *claims);

/* A record with this sequence names `patient` in the study; to be called before the study's first_sequence takes it in. */
bool claims_patient(struct catalog_batch *batch, struct overlay_study *study, const struct short_name *patient, uint64_t sequence,
                    struct fault *fault);

/* Finds a study's patient anew among its series that are not quarantined. */
bool claims_recount(struct catalog_batch *batch, struct overlay_study *study, struct fault *fault);

#endif
