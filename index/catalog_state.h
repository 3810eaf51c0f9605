/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_state: what a catalog and its batch are made of; for the files of this folder only. */
#ifndef LEAT_INDEX_CATALOG_STATE_H
#define LEAT_INDEX_CATALOG_STATE_H

#include <stdatomic.h>

#include "index/catalog.h"
#include "index/catalog_batch.h"
#include "index/overlay.h"

#define CATALOG_FORMAT_VERSION 1u

/* What the batch and the rows 't' and 'l' hold. */
struct catalog_summary {
    struct catalog_totals totals;
    uint64_t highest_sequence;
    struct catalog_position positions[CATALOG_LOGS_MAX];
    uint32_t position_count;
};

struct catalog_batch {
    struct catalog *catalog;
    struct overlay overlay;
    struct database_batch *rows;
    struct catalog_summary now;       /* with this batch's changes */
    struct catalog_summary committed; /* before them */
    uint32_t records;
    bool open;
    size_t arena_limit;
    struct values_source source;      /* of the record at hand */
    uint8_t values[VALUES_BYTES_MAX]; /* scratch */
    uint8_t row[VALUES_BYTES_MAX + 4096];
};

struct catalog {
    struct database *database;
    struct catalog_options options;
    struct keys keys;
    _Atomic uint64_t highest_sequence; /* stored by commit (release), loaded by catalog_highest_sequence (acquire) */
    uint64_t unflushed_records;        /* the committer's from here on */
    uint64_t flushed_ms;
    struct catalog_batch batch;
};

/* Reads 't' and 'l'; absent: zeros. persisted: as a crash would leave them. */
bool catalog_read_summary(struct database *database, bool persisted, struct catalog_summary *summary, struct fault *fault);
bool catalog_decode_totals(struct slice bytes, struct catalog_summary *summary);
void catalog_write_summary(struct database_batch *batch, const struct catalog_summary *summary);

#endif
