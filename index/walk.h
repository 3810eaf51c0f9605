/* SPDX-License-Identifier: Apache-2.0 */
/* walk: rows in key order, decoded for a visitor: what the files that walk the catalog share. A struct walk lives for one call of
 * the catalog, holds its buffers, and remembers the study and series last read, since instances come series by series. One
 * thread. */
#ifndef LEAT_INDEX_WALK_H
#define LEAT_INDEX_WALK_H

#include "index/catalog_state.h"
#include "index/row_instance.h"

struct walk {
    struct catalog *catalog;
    const struct database_snapshot *snapshot;
    struct fault seen;               /* why it can't go on */
    bool hidden;                     /* quarantined and empty rows too */
    struct database_value value;     /* of point reads */
    /* the study and series last read */
    bool has_study, has_series, study_present, series_present, series_quarantined;
    struct short_name study, series;
    struct slice study_uid, series_uid;
    uint8_t study_text[PACKED_UID_BYTES_MAX], series_text[PACKED_UID_BYTES_MAX], text[PACKED_UID_BYTES_MAX];
    struct row_instance_texts texts;
    char modalities[1024];
    uint8_t values[VALUES_BYTES_MAX];
};

/* NULL and *fault when memory ends. */
struct walk *walk_begin(struct catalog *catalog, struct fault *fault);
/* Frees it; true when nothing went wrong. */
bool walk_end(struct walk *walk, struct fault *fault);

/* Every row whose key begins with `prefix`, until `row` returns false. */
typedef bool walk_row(struct walk *walk, struct slice key, struct slice value, void *context);
void walk_prefix(struct walk *walk, const struct key *prefix, walk_row *row, void *context);
void walk_range(struct walk *walk, const struct key *first, const struct key *limit, walk_row *row, void *context);

/* A row of the snapshot. */
enum database_found walk_get(struct walk *walk, const struct key *key, struct database_value *value);

/* Notes that a row can't be read. Returns false, which ends the walk. */
bool walk_malformed(struct walk *walk, const char *what);

/* Reads the study (and series) into the walk: *_uid and *_present. False: failed. */
bool walk_study(struct walk *walk, const struct short_name *study);
bool walk_series(struct walk *walk, const struct short_name *study, const struct short_name *series);

/* Decode a row and visit it, unless it is hidden. They return what the visitor does; true when nobody was visited. */
bool walk_visit_patient(struct walk *walk, const struct short_name *name, struct slice value, catalog_patient_visitor *visit,
                        void *context);
bool walk_visit_study(struct walk *walk, const struct short_name *name, struct slice value, catalog_study_visitor *visit,
                      void *context);
bool walk_visit_series(struct walk *walk, struct slice key, struct slice value, catalog_series_visitor *visit, void *context);
bool walk_visit_instance(struct walk *walk, struct slice key, struct slice value, catalog_instance_visitor *visit, void *context);

/* The same for a row that is only named: read and visited, if it is there. */
bool walk_read_patient(struct walk *walk, const struct short_name *name, catalog_patient_visitor *visit, void *context);
bool walk_read_study(struct walk *walk, const struct short_name *name, catalog_study_visitor *visit, void *context);
bool walk_read_series(struct walk *walk, const struct short_name *study, const struct short_name *series,
                      catalog_series_visitor *visit, void *context);

#endif
