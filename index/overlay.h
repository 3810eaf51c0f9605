/* SPDX-License-Identifier: Apache-2.0 */
/* overlay: the rows that the committer has in hand, decoded, above those in the database. What a batch changes is changed here
 * and written at its commit; rows stay for the next batches (only the committer writes, so they can't go stale) until the arena
 * is full, or a batch fails.
 *
 * A row is loaded once (overlay_patient, _study, _series, _raw), then changed through its entry and marked dirty. Its `counted`
 * part is what the row above already counts of it; `lookups` are those that stand in the database. Owner: the committer. */
#ifndef LEAT_INDEX_OVERLAY_H
#define LEAT_INDEX_OVERLAY_H

#include "index/contribution.h"
#include "index/database.h"
#include "index/lookups.h"
#include "index/row_arena.h"
#include "index/row_patient.h"
#include "index/row_series.h"
#include "index/row_study.h"

enum overlay_kind { OVERLAY_RAW, OVERLAY_PATIENT, OVERLAY_STUDY, OVERLAY_SERIES, OVERLAY_KINDS };

struct overlay_entry {
    struct overlay_entry *next;       /* in its bucket */
    struct overlay_entry *next_dirty; /* in the list of its kind */
    struct slice key;
    uint64_t hash;
    enum overlay_kind kind;
    bool dirty;
    struct lookups lookups; /* those in the database */
};

/* A row kept as bytes: instances, versions, claims, counters. */
struct overlay_raw {
    struct overlay_entry entry;
    bool present;
    struct slice value;
};

struct overlay_patient {
    struct overlay_entry entry;
    bool present;
    struct short_name name;
    struct row_patient row;
    struct catalog_counts counted; /* in the totals */
};

struct overlay_series;

struct overlay_study {
    struct overlay_entry entry;
    bool present;
    bool claims_moved; /* a series was quarantined or set free: whose study it is has to be found anew */
    struct short_name name;
    struct row_study row;
    struct catalog_counts counted; /* in its patient: */
    struct short_name counted_in;
    struct overlay_series *series; /* those in the overlay */
};

struct overlay_series {
    struct overlay_entry entry;
    bool present;
    struct short_name name;
    struct overlay_study *study;
    struct overlay_series *next_in_study;
    struct row_series row;
    struct contribution counted;
};

struct overlay {
    struct database *database;
    struct row_arena arena;
    struct overlay_entry **buckets;
    uint32_t bucket_count, count;
    struct overlay_entry *dirty[OVERLAY_KINDS];
    struct database_value value; /* of the read at hand */
};

/* bucket_count: a power of two. */
bool overlay_init(struct overlay *overlay, struct database *database, uint32_t bucket_count, struct fault *fault);
void overlay_release(struct overlay *overlay);
/* Forgets every row, changed or not. */
void overlay_reset(struct overlay *overlay);

/* Each returns the row, loaded if need be, `present` saying whether it exists; NULL when the read failed or it is malformed. */
struct overlay_raw *overlay_raw(struct overlay *overlay, const struct key *key, struct fault *fault);
struct overlay_patient *overlay_patient(struct overlay *overlay, const struct short_name *name, struct fault *fault);
struct overlay_study *overlay_study(struct overlay *overlay, const struct short_name *name, struct fault *fault);
struct overlay_series *overlay_series(struct overlay *overlay, struct overlay_study *study, const struct short_name *name,
                                      struct fault *fault);

void overlay_mark(struct overlay *overlay, struct overlay_entry *entry);
/* The row when it is in the overlay, else NULL. */
struct overlay_entry *overlay_peek(struct overlay *overlay, struct slice key);
/* A raw row's new value, copied; or that it is no more. */
void overlay_put(struct overlay *overlay, struct overlay_raw *raw, struct slice value);
void overlay_remove(struct overlay *overlay, struct overlay_raw *raw);

#endif
