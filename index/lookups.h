/* SPDX-License-Identifier: Apache-2.0 */
/* lookups: the keys under which a patient or a study is found without its UID. They follow from the row alone, so a changed row's
 * are found by making the list anew and comparing it with the one that stands. Rows that nobody sees have none. Pure. */
#ifndef LEAT_INDEX_LOOKUPS_H
#define LEAT_INDEX_LOOKUPS_H

#include "index/row_arena.h"
#include "index/row_patient.h"
#include "index/row_study.h"

struct database_batch;

/* Sorted, each once; in the arena they were made in. */
struct lookups {
    struct slice *keys;
    uint32_t count;
};

struct lookups lookups_of_patient(const struct short_name *name, const struct row_patient *row, struct row_arena *arena);
struct lookups lookups_of_study(const struct short_name *name, const struct row_study *row, struct row_arena *arena);

/* Writes the difference: keys of `before` that aren't in `after` go, the others come. */
void lookups_write(const struct lookups *before, const struct lookups *after, struct database_batch *batch);

/* The key prefixes that find them again. */
struct key lookups_name_prefix(struct slice name);
struct key lookups_patient_id_prefix(struct slice id);
struct key lookups_accession_prefix(struct slice accession);
struct key lookups_modality_prefix(struct slice modality); /* whole: the day follows */

#endif
