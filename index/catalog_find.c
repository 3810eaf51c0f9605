/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_find: the walks of catalog.h that begin at a lookup (SOP and Series UIDs, names, IDs, dates, modalities), and the lists
 * of problems, conflicts, counters and unfiled records. Any thread. */
#include "index/lookups.h"
#include "index/walk.h"

/* ---- by UID ---- */

struct by_sop {
    struct slice sop_uid;
    struct short_name sop;
    catalog_instance_visitor *visit;
    void *context;
    bool stopped;
};

static bool same_sop(void *context, const struct catalog_instance *instance) {
    struct by_sop *by = context;
    if (!slice_equal(instance->uid, by->sop_uid)) return true;
    by->stopped = !by->visit(by->context, instance);
    return !by->stopped;
}

static bool read_in(struct walk *walk, struct by_sop *by, const struct short_name *study, const struct short_name *series) {
    struct database_value value = {0};
    struct key key = keys_instance(&(struct identity){.study = *study, .series = *series, .sop = by->sop});
    enum database_found found = walk_get(walk, &key, &value);
    bool more = found != DATABASE_FAILED;
    if (found == DATABASE_PRESENT) more = walk_visit_instance(walk, keys_slice(&key), value.bytes, same_sop, by);
    database_value_release(&value);
    return more;
}

/* A claim to the series: the owner's has the study in its value, another one in its key. */
static bool claim_study(struct slice key, struct slice value, struct short_name *study) {
    if (key.length == 1 + KEYS_LONG_BYTES) return keys_read_long(value, 0, study);
    return keys_read_long(key, 1 + KEYS_LONG_BYTES, study);
}

static bool sop_claim_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct short_name study, series;
    if (!claim_study(key, value, &study) || !keys_read_long(key, 1, &series)) return walk_malformed(walk, "a claim");
    return read_in(walk, context, &study, &series);
}

static bool sop_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct by_sop *by = context;
    struct key prefix = keys_begin(KEYS_CLAIM);
    struct short_name series;
    if (!keys_read_short(key, 1 + KEYS_SHORT_BYTES, &series)) return walk_malformed(walk, "a SOP Instance UID");
    keys_add_short(&prefix, &series);
    walk_prefix(walk, &prefix, sop_claim_row, by);
    return !by->stopped && walk->seen.code == FAULT_NONE;
}

bool catalog_find_sop(struct catalog *catalog, struct slice sop_uid, catalog_instance_visitor *visit, void *context,
                      struct fault *fault) {
    struct by_sop by = {.sop_uid = sop_uid, .sop = keys_shorten(&catalog->keys, sop_uid), .visit = visit, .context = context};
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    struct key prefix = keys_begin(KEYS_SOP);
    keys_add_short(&prefix, &by.sop);
    walk->hidden = true;
    walk_prefix(walk, &prefix, sop_row, &by);
    return walk_end(walk, fault);
}

struct by_series {
    struct slice series_uid;
    catalog_series_visitor *visit;
    void *context;
};

static bool same_series(void *context, const struct catalog_series *series) {
    struct by_series *by = context;
    return !slice_equal(series->uid, by->series_uid) || by->visit(by->context, series);
}

static bool claim_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct short_name study, series;
    if (!claim_study(key, value, &study) || !keys_read_long(key, 1, &series)) return walk_malformed(walk, "a claim");
    return walk_read_series(walk, &study, &series, same_series, context);
}

bool catalog_find_series(struct catalog *catalog, struct slice series_uid, catalog_series_visitor *visit, void *context,
                         struct fault *fault) {
    struct by_series by = {.series_uid = series_uid, .visit = visit, .context = context};
    struct short_name series = keys_shorten(&catalog->keys, series_uid);
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    struct key prefix = keys_begin(KEYS_CLAIM);
    keys_add_long(&prefix, &series);
    walk->hidden = true;
    walk_prefix(walk, &prefix, claim_row, &by);
    return walk_end(walk, fault);
}

/* ---- by text or day ---- */

struct by_lookup {
    catalog_patient_visitor *patient;
    catalog_study_visitor *study;
    void *context;
};

/* The owner's name is the last KEYS_LONG_BYTES of every lookup. */
static bool lookup_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct by_lookup *by = context;
    struct short_name name;
    if (key.length < KEYS_LONG_BYTES || !keys_read_long(key, key.length - KEYS_LONG_BYTES, &name))
        return walk_malformed(walk, "a lookup");
    return by->patient ? walk_read_patient(walk, &name, by->patient, by->context)
                       : walk_read_study(walk, &name, by->study, by->context);
}

static bool find(struct catalog *catalog, const struct key *first, const struct key *limit, struct by_lookup by,
                 struct fault *fault) {
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    walk_range(walk, first, limit, lookup_row, &by);
    return walk_end(walk, fault);
}

static bool find_prefix(struct catalog *catalog, struct key prefix, struct by_lookup by, struct fault *fault) {
    struct key limit = keys_after(&prefix);
    return find(catalog, &prefix, &limit, by, fault);
}

bool catalog_find_name(struct catalog *catalog, struct slice prefix, catalog_patient_visitor *visit, void *context,
                       struct fault *fault) {
    return find_prefix(catalog, lookups_name_prefix(prefix), (struct by_lookup){.patient = visit, .context = context}, fault);
}

bool catalog_find_patient_id(struct catalog *catalog, struct slice prefix, catalog_patient_visitor *visit, void *context,
                             struct fault *fault) {
    return find_prefix(catalog, lookups_patient_id_prefix(prefix), (struct by_lookup){.patient = visit, .context = context},
                       fault);
}

bool catalog_find_accession(struct catalog *catalog, struct slice prefix, catalog_study_visitor *visit, void *context,
                            struct fault *fault) {
    return find_prefix(catalog, lookups_accession_prefix(prefix), (struct by_lookup){.study = visit, .context = context}, fault);
}

/* Days from `first_day` to `last_day` (0: open) behind the prefix. */
static bool find_days(struct catalog *catalog, struct key prefix, uint32_t first_day, uint32_t last_day, struct by_lookup by,
                      struct fault *fault) {
    struct key first = prefix, last = prefix;
    keys_add_u32(&first, first_day);
    keys_add_u32(&last, last_day ? last_day : UINT32_MAX);
    struct key limit = keys_after(&last);
    if (!last_day) limit = keys_after(&prefix);
    return find(catalog, &first, &limit, by, fault);
}

bool catalog_find_date(struct catalog *catalog, uint32_t first_day, uint32_t last_day, catalog_study_visitor *visit,
                       void *context, struct fault *fault) {
    struct key prefix = keys_begin(KEYS_DATE);
    return find_days(catalog, prefix, first_day, last_day, (struct by_lookup){.study = visit, .context = context}, fault);
}

bool catalog_find_modality(struct catalog *catalog, struct slice modality, uint32_t first_day, uint32_t last_day,
                           catalog_study_visitor *visit, void *context, struct fault *fault) {
    struct key prefix = lookups_modality_prefix(modality);
    return find_days(catalog, prefix, first_day, last_day, (struct by_lookup){.study = visit, .context = context}, fault);
}

/* ---- problems, conflicts, counters, unfiled records ---- */

struct by_problem {
    catalog_problem_visitor *visit;
    void *context;
};

static bool problem_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct by_problem *by = context;
    struct reader r = reader_over(value), sequence = reader_over(slice_of(key.bytes + 1, key.length - 1));
    struct catalog_problem problem;
    problem.sequence = reader_be64(&sequence);
    problem.kind = (uint32_t)packed_read_number(&r);
    problem.time_us = packed_read_number(&r);
    problem.study_uid = packed_read_slice(&r);
    problem.series_uid = packed_read_slice(&r);
    problem.sop_uid = packed_read_slice(&r);
    problem.calling_aet = packed_read_slice(&r);
    problem.text = packed_read_slice(&r);
    if (r.failed || sequence.failed) return walk_malformed(walk, "a problem");
    return by->visit(by->context, &problem);
}

bool catalog_each_problem(struct catalog *catalog, uint64_t first_sequence, catalog_problem_visitor *visit, void *context,
                          struct fault *fault) {
    struct by_problem by = {.visit = visit, .context = context};
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    struct key first = keys_begin(KEYS_PROBLEM), limit = keys_after(&first);
    keys_add_u64(&first, first_sequence);
    walk_range(walk, &first, &limit, problem_row, &by);
    return walk_end(walk, fault);
}

struct by_conflict {
    bool (*visit)(void *context, struct slice study_uid, struct slice patient_id, struct slice issuer, uint64_t first_sequence);
    void *context;
};

static bool conflict_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct by_conflict *by = context;
    struct short_name study, patient;
    struct row_patient row = {0};
    if (value.length != 8 || !keys_read_long(key, 1, &study) || !keys_read_long(key, 1 + KEYS_LONG_BYTES, &patient))
        return walk_malformed(walk, "a claim of a patient");
    if (!walk_study(walk, &study)) return false;
    struct database_value read = {0};
    struct key patient_key = keys_patient(&patient);
    enum database_found found = walk_get(walk, &patient_key, &read);
    bool more = found != DATABASE_FAILED;
    if (found == DATABASE_PRESENT && !row_patient_read(read.bytes, &row)) more = walk_malformed(walk, "a patient");
    if (more) more = by->visit(by->context, walk->study_uid, row.id, row.issuer, load_be64(value.bytes));
    database_value_release(&read);
    return more;
}

bool catalog_each_patient_conflict(struct catalog *catalog,
                                   bool (*visit)(void *context, struct slice study_uid, struct slice patient_id,
                                                 struct slice issuer, uint64_t first_sequence),
                                   void *context, struct fault *fault) {
    struct by_conflict by = {.visit = visit, .context = context};
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    struct key prefix = keys_begin(KEYS_CONFLICT);
    walk_prefix(walk, &prefix, conflict_row, &by);
    return walk_end(walk, fault);
}

/* Rows of one name follow each other: their totals are summed until the name changes. */
struct by_counter {
    catalog_counter_visitor *visit;
    void *context;
    uint8_t name[KEYS_BYTES_MAX];
    size_t name_length;
    uint64_t total;
    bool any, stopped;
};

static bool give_counter(struct by_counter *by) {
    if (by->any && !by->stopped) by->stopped = !by->visit(by->context, slice_of(by->name, by->name_length), by->total);
    return !by->stopped;
}

static bool counter_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct by_counter *by = context;
    if (key.length < 10 || key.length > KEYS_BYTES_MAX || value.length != 8) return walk_malformed(walk, "a counter");
    struct slice name = slice_of(key.bytes + 1, key.length - 10);
    if (!by->any || !slice_equal(name, slice_of(by->name, by->name_length))) {
        if (!give_counter(by)) return false;
        memcpy(by->name, name.bytes, name.length);
        by->name_length = name.length;
        by->total = 0;
        by->any = true;
    }
    by->total += load_be64(value.bytes);
    return true;
}

static bool each_counter(struct catalog *catalog, const struct key *prefix, struct by_counter *by, struct fault *fault) {
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    walk_prefix(walk, prefix, counter_row, by);
    if (walk->seen.code == FAULT_NONE) give_counter(by);
    return walk_end(walk, fault);
}

bool catalog_each_counter(struct catalog *catalog, catalog_counter_visitor *visit, void *context, struct fault *fault) {
    struct by_counter by = {.visit = visit, .context = context};
    struct key prefix = keys_begin(KEYS_COUNTER);
    return each_counter(catalog, &prefix, &by, fault);
}

static bool take_total(void *context, struct slice name, uint64_t total) {
    *(uint64_t *)context = total;
    return true;
}

bool catalog_counter(struct catalog *catalog, struct slice name, uint64_t *total, struct fault *fault) {
    struct by_counter by = {.visit = take_total, .context = total};
    struct key prefix = keys_begin(KEYS_COUNTER);
    keys_add_text(&prefix, name, true);
    *total = 0;
    return each_counter(catalog, &prefix, &by, fault);
}

struct by_unfiled {
    bool (*visit)(void *context, uint64_t sequence, struct place place, struct slice why);
    void *context;
};

static bool unfiled_row(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct by_unfiled *by = context;
    struct reader r = reader_over(value), sequence = reader_over(slice_of(key.bytes + 1, key.length - 1));
    struct place place;
    place.segment = (uint32_t)packed_read_number(&r);
    place.offset = packed_read_number(&r);
    place.header_bytes = (uint32_t)packed_read_number(&r);
    place.payload_bytes = packed_read_number(&r);
    struct slice why = packed_read_slice(&r);
    if (r.failed) return walk_malformed(walk, "an unfiled record");
    return by->visit(by->context, reader_be64(&sequence), place, why);
}

bool catalog_each_unfiled(struct catalog *catalog,
                          bool (*visit)(void *context, uint64_t sequence, struct place place, struct slice why), void *context,
                          struct fault *fault) {
    struct by_unfiled by = {.visit = visit, .context = context};
    struct walk *walk = walk_begin(catalog, fault);
    if (!walk) return false;
    struct key prefix = keys_begin(KEYS_UNFILED);
    walk_prefix(walk, &prefix, unfiled_row, &by);
    return walk_end(walk, fault);
}
