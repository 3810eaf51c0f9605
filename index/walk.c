/* SPDX-License-Identifier: Apache-2.0 */
/* walk: see walk.h. */
#include "index/walk.h"

#include <stdlib.h>

#include "index/contribution.h"
#include "index/tally.h"

struct walk *walk_begin(struct catalog *catalog, struct fault *fault) {
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory to walk the index");
        return NULL;
    }
    walk->catalog = catalog;
    walk->snapshot = database_snapshot_take(catalog->database);
    return walk;
}

bool walk_end(struct walk *walk, struct fault *fault) {
    bool good = walk->seen.code == FAULT_NONE;
    if (!good && fault) *fault = walk->seen;
    database_value_release(&walk->value);
    database_snapshot_give(walk->catalog->database, walk->snapshot);
    free(walk);
    return good;
}

bool walk_malformed(struct walk *walk, const char *what) {
    return fault_set(&walk->seen, FAULT_CORRUPT, 0, "a row of the index (%s) can't be read: leat rebuild makes it anew", what);
}

void walk_range(struct walk *walk, const struct key *first, const struct key *limit, walk_row *row, void *context) {
    struct slice key, value;
    bool long_scan = first->length == 1; /* a whole table */
    struct database_walk *rows =
        database_walk_begin(walk->catalog->database, walk->snapshot, keys_slice(first), keys_slice(limit), long_scan);
    if (!rows) {
        fault_set(&walk->seen, FAULT_MEMORY, 0, "no memory to walk the index");
        return;
    }
    while (database_walk_next(rows, &key, &value, &walk->seen) && row(walk, key, value, context)) {
    }
    database_walk_end(rows);
}

void walk_prefix(struct walk *walk, const struct key *prefix, walk_row *row, void *context) {
    struct key limit = keys_after(prefix);
    walk_range(walk, prefix, &limit, row, context);
}

enum database_found walk_get(struct walk *walk, const struct key *key, struct database_value *value) {
    return database_get_at(walk->catalog->database, walk->snapshot, keys_slice(key), value, &walk->seen);
}

static enum database_found read_row(struct walk *walk, const struct key *key) { return walk_get(walk, key, &walk->value); }

bool walk_study(struct walk *walk, const struct short_name *study) {
    if (walk->has_study && keys_same(&walk->study, study)) return true;
    struct row_study row;
    struct key key = keys_study(study);
    enum database_found found = read_row(walk, &key);
    walk->has_study = false;
    if (found == DATABASE_FAILED) return false;
    walk->study_present = found == DATABASE_PRESENT;
    if (walk->study_present && !row_study_read(walk->value.bytes, &row, walk->study_text)) return walk_malformed(walk, "a study");
    walk->study_uid = walk->study_present ? row.uid : slice_of("", 0);
    walk->study = *study;
    walk->has_study = true;
    walk->has_series = false;
    return true;
}

bool walk_series(struct walk *walk, const struct short_name *study, const struct short_name *series) {
    if (!walk_study(walk, study)) return false;
    if (walk->has_series && memcmp(walk->series.bytes, series->bytes, KEYS_SHORT_BYTES) == 0) return true;
    struct row_series row;
    struct key key = keys_series(study, series);
    enum database_found found = read_row(walk, &key);
    walk->has_series = false;
    if (found == DATABASE_FAILED) return false;
    walk->series_present = found == DATABASE_PRESENT;
    if (walk->series_present && !row_series_read(walk->value.bytes, &row, walk->series_text))
        return walk_malformed(walk, "a series");
    walk->series_uid = walk->series_present ? row.uid : slice_of("", 0);
    walk->series_quarantined = walk->series_present && row.quarantined;
    walk->series = *series;
    walk->has_series = true;
    return true;
}

static struct catalog_key public_key(const struct short_name *name) {
    struct catalog_key key;
    memcpy(key.bytes, name->bytes, sizeof key.bytes);
    return key;
}

bool walk_visit_patient(struct walk *walk, const struct short_name *name, struct slice value, catalog_patient_visitor *visit,
                        void *context) {
    struct row_patient row;
    if (!row_patient_read(value, &row)) return walk_malformed(walk, "a patient");
    if (!walk->hidden && !contribution_patient_is_visible(&row)) return true;
    struct catalog_patient patient = {
        .key = public_key(name),
        .id = row.id,
        .issuer = row.issuer,
        .sequence = row.sequence,
        .values = values_effective(row.values, row.changes, walk->values),
        .counts = row.counts,
    };
    return visit(context, &patient);
}

bool walk_visit_study(struct walk *walk, const struct short_name *name, struct slice value, catalog_study_visitor *visit,
                      void *context) {
    struct row_study row;
    if (!row_study_read(value, &row, walk->text)) return walk_malformed(walk, "a study");
    if (!walk->hidden && !contribution_study_is_visible(&row)) return true;
    struct catalog_study study = {
        .key = public_key(name),
        .patient = public_key(&row.patient),
        .uid = row.uid,
        .sequence = row.sequence,
        .first_sequence = row.first_sequence,
        .values = values_effective(row.values, row.changes, walk->values),
        .modalities = slice_of(walk->modalities, tally_join(row.modalities, walk->modalities, sizeof walk->modalities)),
        .patient_conflict = row.conflict,
        .counts = row.counts,
    };
    return visit(context, &study);
}

bool walk_visit_series(struct walk *walk, struct slice key, struct slice value, catalog_series_visitor *visit, void *context) {
    struct row_series row;
    struct short_name study;
    if (!keys_read_long(key, 1, &study) || !row_series_read(value, &row, walk->text)) return walk_malformed(walk, "a series");
    if (!walk->hidden && (row.quarantined || row.counts.instances == 0)) return true;
    if (!walk_study(walk, &study)) return false;
    struct catalog_series series = {
        .study = public_key(&study),
        .study_uid = walk->study_uid,
        .uid = row.uid,
        .sequence = row.sequence,
        .first_sequence = row.first_sequence,
        .values = values_effective(row.values, row.changes, walk->values),
        .quarantined = row.quarantined,
        .counts = row.counts,
    };
    return visit(context, &series);
}

bool walk_visit_instance(struct walk *walk, struct slice key, struct slice value, catalog_instance_visitor *visit,
                         void *context) {
    struct row_instance row;
    struct short_name study, series;
    if (!keys_read_long(key, 1, &study) || !keys_read_short(key, 1 + KEYS_LONG_BYTES, &series))
        return walk_malformed(walk, "an instance");
    if (!walk_series(walk, &study, &series)) return false;
    if (!walk->series_present || !row_instance_read(value, walk->series_uid, &row, &walk->texts))
        return walk_malformed(walk, "an instance");
    if (!walk->hidden && walk->series_quarantined) return true;
    struct catalog_instance instance = {
        .study_uid = walk->study_uid,
        .series_uid = walk->series_uid,
        .uid = row.sop_uid,
        .sop_class_uid = row.sop_class_uid,
        .transfer_syntax_uid = row.transfer_syntax_uid,
        .place = row.place,
        .payload_length = row.payload_length,
        .sequence = row.sequence,
        .quarantined = walk->series_quarantined,
        .superseded = key.bytes[0] == KEYS_VERSION,
        .remarks = row.remarks,
        .values = row.values,
    };
    memcpy(instance.digest, row.digest, sizeof instance.digest);
    return visit(context, &instance);
}

bool walk_read_patient(struct walk *walk, const struct short_name *name, catalog_patient_visitor *visit, void *context) {
    struct key key = keys_patient(name);
    enum database_found found = read_row(walk, &key);
    if (found == DATABASE_FAILED) return false;
    return found == DATABASE_ABSENT || walk_visit_patient(walk, name, walk->value.bytes, visit, context);
}

bool walk_read_study(struct walk *walk, const struct short_name *name, catalog_study_visitor *visit, void *context) {
    struct key key = keys_study(name);
    enum database_found found = read_row(walk, &key);
    if (found == DATABASE_FAILED) return false;
    return found == DATABASE_ABSENT || walk_visit_study(walk, name, walk->value.bytes, visit, context);
}

bool walk_read_series(struct walk *walk, const struct short_name *study, const struct short_name *series,
                      catalog_series_visitor *visit, void *context) {
    if (!walk_study(walk, study)) return false; /* before the row is read: both use the same buffer */
    struct key key = keys_series(study, series);
    enum database_found found = read_row(walk, &key);
    if (found == DATABASE_FAILED) return false;
    return found == DATABASE_ABSENT || walk_visit_series(walk, keys_slice(&key), walk->value.bytes, visit, context);
}
