/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_batch: how records become rows: begin, apply any number of records and positions, commit: all of it or nothing becomes
 * visible, at once. One batch at a time, one thread: the committer's. The batch and its memory belong to the catalog and are used
 * again. */
#ifndef LEAT_INDEX_CATALOG_BATCH_H
#define LEAT_INDEX_CATALOG_BATCH_H

#include "index/catalog.h"

struct catalog_batch;

/* What a record did. Everything but ERROR leaves the batch good. */
enum catalog_applied {
    CATALOG_APPLIED,          /* rows follow it now */
    CATALOG_APPLIED_QUARANTINED, /* the same, but another study owns its Series UID: kept and listed, not in the tree */
    CATALOG_APPLIED_BEFORE,   /* its sequence was there: at most its place moved */
    CATALOG_APPLIED_UNFILED,  /* a collision of hashes, or not fit to be filed: kept in a row of its own and counted */
    CATALOG_APPLIED_ERROR,    /* a read failed or a row is corrupt: *fault; abort the batch */
};

struct catalog_batch *catalog_batch_begin(struct catalog *catalog);

/* Applies an OBJECT, CHANGE or NOTE record that is durable at `place`. The record is read during the call only. */
enum catalog_applied catalog_batch_apply(struct catalog_batch *batch, const struct record *record, struct place place,
                                         struct fault *fault);

/* All records of `log` before (segment, offset) are in this batch or in earlier ones. */
void catalog_batch_position(struct catalog_batch *batch, uint32_t log, uint32_t segment, uint64_t offset);

/* Writes the batch; it is over either way. After false nothing of it is visible, and it may be built anew later
 * (catalog_healthy). */
bool catalog_batch_commit(struct catalog_batch *batch, struct fault *fault);
void catalog_batch_abort(struct catalog_batch *batch);

#endif
