/* SPDX-License-Identifier: Apache-2.0 */
/* apply: one record into the rows of a batch, by its type. Each first loads every row that it will touch and checks that each is
 * whom the record means, and only then changes any: a collision leaves the tree as it was. After a failed read the batch has to
 * be aborted. The committer's thread. */
#ifndef LEAT_INDEX_APPLY_H
#define LEAT_INDEX_APPLY_H

#include "index/catalog_state.h"

/* apply_object.c */
enum catalog_applied apply_object(struct catalog_batch *batch, const struct record *record, struct place place,
                                  struct fault *fault);
/* apply_change.c */
enum catalog_applied apply_change(struct catalog_batch *batch, const struct record *record, struct fault *fault);
/* apply_note.c */
enum catalog_applied apply_note(struct catalog_batch *batch, const struct record *record, struct fault *fault);

/* A record that no row can follow: kept in a row of its own, by its sequence, with its place and the reason. */
enum catalog_applied apply_unfiled(struct catalog_batch *batch, const struct record *record, struct place place, const char *why,
                                   struct fault *fault);

/* Whether `moved` replaces `place` for the same record: the higher one does (compaction copies records to later segments). */
static inline bool apply_place_is_later(const struct place *moved, const struct place *place) {
    return moved->segment != place->segment ? moved->segment > place->segment : moved->offset > place->offset;
}

/* Makes a new row's entry known as present, with texts copied; nothing when it is present. */
void apply_create_study(struct catalog_batch *batch, struct overlay_study *study, struct slice uid);
void apply_create_series(struct catalog_batch *batch, struct overlay_series *series, struct slice uid);
void apply_create_patient(struct catalog_batch *batch, struct overlay_patient *patient, struct slice id, struct slice issuer,
                          struct slice study_uid);
/* Whether a present row is the one meant; an absent one is. */
bool apply_is_patient(const struct overlay_patient *patient, struct slice id, struct slice issuer, struct slice study_uid);

#endif
