/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_each: the walks of catalog.h along the tree: patients, studies, series, instances, and what stands aside of it. The
 * lookups that begin elsewhere are in catalog_find.c. Any thread. */
#include "index/walk.h"

/* What a row function needs to visit: one of the visitors, and its context. */
struct visit {
    catalog_patient_visitor *patient;
    catalog_study_visitor *study;
    catalog_series_visitor *series;
    catalog_instance_visitor *instance;
    void *context;
};

static bool patient_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct visit *visit = context;
    struct short_name name;
    if (!keys_read_long(key, 1, &name)) return walk_malformed(walk, "a patient");
    return walk_visit_patient(walk, &name, value, visit->patient, visit->context);
}

static bool study_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct visit *visit = context;
    struct short_name name;
    if (!keys_read_long(key, 1, &name)) return walk_malformed(walk, "a study");
    return walk_visit_study(walk, &name, value, visit->study, visit->context);
}

static bool patient_study_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct visit *visit = context;
    struct short_name name;
    if (!keys_read_long(key, 1 + KEYS_LONG_BYTES, &name)) return walk_malformed(walk, "a patient's study");
    return walk_read_study(walk, &name, visit->study, visit->context);
}

static bool series_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct visit *visit = context;
    return walk_visit_series(walk, key, value, visit->series, visit->context);
}

static bool instance_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct visit *visit = context;
    return walk_visit_instance(walk, key, value, visit->instance, visit->context);
}

static bool run(struct catalog *catalog, const struct key *prefix, bool hidden, walk_row *row, struct visit *visit,
                struct fault *fault) {
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    walk->hidden = hidden;
    walk_prefix(walk, prefix, row, visit);
    return walk_end(walk, fault);
}

/* Notes that a visitor was called. */
struct found {
    struct visit visit;
    bool found;
};

static bool note_patient(void *context, const struct catalog_patient *patient) {
    struct found *found = context;
    found->found = true;
    return found->visit.patient(found->visit.context, patient);
}

static bool note_study(void *context, const struct catalog_study *study) {
    struct found *found = context;
    found->found = true;
    return found->visit.study(found->visit.context, study);
}

bool catalog_get_patient(struct catalog *catalog, const struct catalog_key *key, catalog_patient_visitor *visit, void *context,
                         bool *found, struct fault *fault) {
    struct short_name name;
    struct found note = {.visit = {.patient = visit, .context = context}};
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    memcpy(name.bytes, key->bytes, sizeof name.bytes);
    walk_read_patient(walk, &name, note_patient, &note);
    *found = note.found;
    return walk_end(walk, fault);
}

bool catalog_get_study(struct catalog *catalog, struct slice study_uid, catalog_study_visitor *visit, void *context, bool *found,
                       struct fault *fault) {
    struct short_name name = keys_shorten(&catalog->keys, study_uid);
    struct found note = {.visit = {.study = visit, .context = context}};
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    if (walk_study(walk, &name) && slice_equal(walk->study_uid, study_uid)) walk_read_study(walk, &name, note_study, &note);
    *found = note.found;
    return walk_end(walk, fault);
}

bool catalog_each_patient(struct catalog *catalog, catalog_patient_visitor *visit, void *context, struct fault *fault) {
    struct visit each = {.patient = visit, .context = context};
    struct key prefix = keys_begin(KEYS_PATIENT);
    return run(catalog, &prefix, false, patient_row, &each, fault);
}

bool catalog_each_study(struct catalog *catalog, const struct catalog_key *patient, catalog_study_visitor *visit, void *context,
                        struct fault *fault) {
    struct visit each = {.study = visit, .context = context};
    struct key prefix = keys_begin(patient ? KEYS_PATIENT_STUDY : KEYS_STUDY);
    if (patient) keys_add(&prefix, patient->bytes, sizeof patient->bytes);
    return run(catalog, &prefix, false, patient ? patient_study_row : study_row, &each, fault);
}

/* A table whose keys begin with study and series, narrowed to those that are named. */
static struct key narrowed(struct catalog *catalog, enum keys_table table, struct slice study_uid, struct slice series_uid) {
    struct key prefix = keys_begin(table);
    struct short_name name;
    if (study_uid.length == 0) return prefix;
    name = keys_shorten(&catalog->keys, study_uid);
    keys_add_long(&prefix, &name);
    if (series_uid.length == 0) return prefix;
    name = keys_shorten(&catalog->keys, series_uid);
    keys_add_short(&prefix, &name);
    return prefix;
}

bool catalog_each_series(struct catalog *catalog, struct slice study_uid, catalog_series_visitor *visit, void *context,
                         struct fault *fault) {
    struct visit each = {.series = visit, .context = context};
    struct key prefix = narrowed(catalog, KEYS_SERIES, study_uid, slice_of("", 0));
    return run(catalog, &prefix, false, series_row, &each, fault);
}

bool catalog_each_instance(struct catalog *catalog, struct slice study_uid, struct slice series_uid,
                           catalog_instance_visitor *visit, void *context, struct fault *fault) {
    struct visit each = {.instance = visit, .context = context};
    struct key prefix = narrowed(catalog, KEYS_INSTANCE, study_uid, series_uid);
    return run(catalog, &prefix, false, instance_row, &each, fault);
}

bool catalog_each_version(struct catalog *catalog, struct slice study_uid, struct slice series_uid,
                          catalog_instance_visitor *visit, void *context, struct fault *fault) {
    struct visit each = {.instance = visit, .context = context};
    struct key prefix = narrowed(catalog, KEYS_VERSION, study_uid, series_uid);
    return run(catalog, &prefix, true, instance_row, &each, fault);
}

/* ---- what stands aside ---- */

static bool quarantined_series_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct visit *visit = context;
    struct short_name study, series;
    if (!keys_read_long(key, 1, &study) || !keys_read_short(key, 1 + KEYS_LONG_BYTES, &series))
        return walk_malformed(walk, "a quarantine");
    return walk_read_series(walk, &study, &series, visit->series, visit->context);
}

bool catalog_each_quarantined_series(struct catalog *catalog, catalog_series_visitor *visit, void *context, struct fault *fault) {
    struct visit each = {.series = visit, .context = context};
    struct key prefix = keys_begin(KEYS_QUARANTINE);
    return run(catalog, &prefix, true, quarantined_series_row, &each, fault);
}

struct quarantined {
    struct visit visit;
    bool stopped;
};

static bool quarantined_instance(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct quarantined *q = context;
    q->stopped = !walk_visit_instance(walk, key, value, q->visit.instance, q->visit.context);
    return !q->stopped;
}

static bool quarantined_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct quarantined *q = context;
    struct key prefix = keys_begin(KEYS_INSTANCE);
    if (key.length != 1 + KEYS_LONG_BYTES + KEYS_SHORT_BYTES) return walk_malformed(walk, "a quarantine");
    keys_add(&prefix, key.bytes + 1, key.length - 1);
    walk_prefix(walk, &prefix, quarantined_instance, q);
    return !q->stopped && walk->seen.code == FAULT_NONE;
}

bool catalog_each_quarantined(struct catalog *catalog, catalog_instance_visitor *visit, void *context, struct fault *fault) {
    struct quarantined each = {.visit = {.instance = visit, .context = context}};
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    struct key prefix = keys_begin(KEYS_QUARANTINE);
    walk->hidden = true;
    walk_prefix(walk, &prefix, quarantined_row, &each);
    return walk_end(walk, fault);
}
