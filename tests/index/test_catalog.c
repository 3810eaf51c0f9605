/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog as its users see it: lookups, batches that are aborted or crash, quarantine, conflicts, versions, changes, walks,
 * lookups by text, problems, counters, collisions, checkpoints. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/change.h"
#include "tests/index/catalog_fixture.h"

static void apply_one(struct fixture *fixture, struct spec spec) {
    const struct spec *specs[] = {&spec};
    fixture_apply(fixture, specs, 1);
}

static struct spec object(uint64_t sequence, uint32_t study, uint32_t series, uint32_t sop, uint32_t patient) {
    return (struct spec){
        .type = RECORD_OBJECT, .sequence = sequence, .study = study, .series = series, .sop = sop, .patient = patient,
        .length = 100, .place = (uint32_t)sequence,
    };
}

static struct catalog_totals totals_of(struct fixture *fixture) {
    struct catalog_totals totals;
    assert_true(catalog_totals(fixture->catalog, &totals, NULL));
    return totals;
}

static enum catalog_found look(struct fixture *fixture, const struct spec *spec, struct catalog_hit *hit) {
    struct made made;
    struct fault fault = {0};
    fixture_make(spec, &made);
    return catalog_lookup(fixture->catalog, made.record.study_uid, made.record.series_uid, made.record.sop_uid, hit, &fault);
}

/* ---- visitors that count, and keep the last one ---- */
struct seen {
    uint32_t count, stop_at;
    char text[256];
    struct catalog_counts counts;
    struct catalog_key patient;
    bool flag;
};

static bool see_patient(void *context, const struct catalog_patient *patient) {
    struct seen *seen = context;
    struct slice name;
    values_find(patient->values, 0x00100010, &name);
    snprintf(seen->text, sizeof seen->text, "%.*s/%.*s", SLICE_ARGS(patient->id), SLICE_ARGS(name));
    seen->counts = patient->counts;
    seen->patient = patient->key;
    return ++seen->count != seen->stop_at;
}

static bool see_study(void *context, const struct catalog_study *study) {
    struct seen *seen = context;
    struct slice accession;
    values_find(study->values, 0x00080050, &accession);
    snprintf(seen->text, sizeof seen->text, "%.*s/%.*s", SLICE_ARGS(accession), SLICE_ARGS(study->modalities));
    seen->counts = study->counts;
    seen->patient = study->patient;
    seen->flag = study->patient_conflict;
    return ++seen->count != seen->stop_at;
}

static bool see_series(void *context, const struct catalog_series *series) {
    struct seen *seen = context;
    snprintf(seen->text, sizeof seen->text, "%.*s/%.*s", SLICE_ARGS(series->study_uid), SLICE_ARGS(series->uid));
    seen->counts = series->counts;
    seen->flag = series->quarantined;
    return ++seen->count != seen->stop_at;
}

static bool see_instance(void *context, const struct catalog_instance *instance) {
    struct seen *seen = context;
    snprintf(seen->text, sizeof seen->text, "%.*s", SLICE_ARGS(instance->uid));
    assert_true(instance->place.offset % 4096 == 0 && instance->transfer_syntax_uid.length == 19);
    seen->flag = instance->quarantined;
    return ++seen->count != seen->stop_at;
}

/* ---- tests ---- */

static void test_lookup(void **unused) {
    struct fixture fixture = {0};
    struct catalog_hit hit;
    struct spec spec = object(7, 0, 1, 2, 1), other = spec;
    fixture_init(&fixture);
    assert_int_equal(look(&fixture, &spec, &hit), CATALOG_NONE);
    apply_one(&fixture, spec);
    assert_int_equal(look(&fixture, &spec, &hit), CATALOG_FOUND);
    assert_int_equal(hit.sequence, 7);
    assert_int_equal(hit.payload_length, 100);
    assert_int_equal(hit.place.offset, 7 * 4096);
    assert_int_equal(hit.digest[0], 7);
    assert_false(hit.quarantined);
    other.study = 1;
    assert_int_equal(look(&fixture, &other, &hit), CATALOG_NONE);
    assert_int_equal(catalog_highest_sequence(fixture.catalog), 7);
    fixture_release(&fixture);
}

static void test_version(void **unused) {
    struct fixture fixture = {0};
    struct catalog_hit hit;
    struct seen seen = {0};
    struct spec first = object(5, 0, 0, 0, 1), second = object(6, 0, 0, 0, 1);
    second.length = 300;
    fixture_init(&fixture);
    apply_one(&fixture, second);
    apply_one(&fixture, first);
    assert_int_equal(look(&fixture, &first, &hit), CATALOG_FOUND);
    assert_int_equal(hit.sequence, 6);
    struct catalog_totals totals = totals_of(&fixture);
    assert_int_equal(totals.instances, 1);
    assert_int_equal(totals.bytes, 300);
    assert_int_equal(totals.superseded, 1);
    assert_int_equal(totals.superseded_bytes, 100);
    assert_int_equal(totals.records, 2);
    assert_true(catalog_each_version(fixture.catalog, slice_of("", 0), slice_of("", 0), see_instance, &seen, NULL));
    assert_int_equal(seen.count, 1);
    fixture_check(&fixture);
    fixture_release(&fixture);
}

/* A Series UID in two studies: the one that began earlier owns it, even when that is found out late. */
static void test_series_in_two_studies(void **unused) {
    struct fixture fixture = {0};
    struct catalog_hit hit;
    struct seen seen = {0};
    struct spec a = object(10, 0, 1, 0, 1), b = object(11, 1, 1, 0, 2), c = object(9, 1, 1, 1, 2);
    fixture_init(&fixture);
    apply_one(&fixture, a);
    apply_one(&fixture, b);
    struct catalog_totals totals = totals_of(&fixture);
    assert_int_equal(totals.studies, 1);
    assert_int_equal(totals.patients, 1);
    assert_int_equal(totals.quarantined, 1);
    assert_int_equal(totals.quarantined_series, 1);
    assert_int_equal(look(&fixture, &b, &hit), CATALOG_FOUND);
    assert_true(hit.quarantined);
    assert_true(catalog_each_quarantined(fixture.catalog, see_instance, &seen, NULL));
    assert_int_equal(seen.count, 1);
    apply_one(&fixture, c);
    totals = totals_of(&fixture);
    assert_int_equal(totals.studies, 1);
    assert_int_equal(totals.instances, 2);
    assert_int_equal(totals.quarantined, 1);
    look(&fixture, &a, &hit);
    assert_true(hit.quarantined);
    seen = (struct seen){0};
    assert_true(catalog_each_quarantined_series(fixture.catalog, see_series, &seen, NULL));
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.text, "1.2.840.113619.2.55.3.604688119.100/1.2.840.113619.2.55.3.604688119.7.201");
    seen = (struct seen){0};
    assert_true(
        catalog_find_series(fixture.catalog, slice_text("1.2.840.113619.2.55.3.604688119.7.201"), see_series, &seen, NULL));
    assert_int_equal(seen.count, 2);
    fixture_check(&fixture);
    fixture_release(&fixture);
}

static bool see_conflict(void *context, struct slice study, struct slice id, struct slice issuer, uint64_t first) {
    struct seen *seen = context;
    seen->count++;
    seen->counts.instances += first;
    return true;
}

static void test_study_of_two_patients(void **unused) {
    struct fixture fixture = {0};
    struct seen seen = {0};
    fixture_init(&fixture);
    apply_one(&fixture, object(10, 0, 0, 0, 1));
    assert_true(catalog_each_patient_conflict(fixture.catalog, see_conflict, &seen, NULL));
    assert_int_equal(seen.count, 0);
    apply_one(&fixture, object(11, 0, 1, 0, 2));
    assert_true(catalog_each_patient_conflict(fixture.catalog, see_conflict, &seen, NULL));
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.counts.instances, 21);
    seen = (struct seen){0};
    assert_true(catalog_each_patient(fixture.catalog, see_patient, &seen, NULL));
    assert_int_equal(seen.count, 1);
    assert_memory_equal(seen.text, "PID2/", 5);
    assert_int_equal(seen.counts.instances, 2);
    assert_true(catalog_each_study(fixture.catalog, &seen.patient, see_study, &seen, NULL));
    assert_int_equal(seen.count, 2);
    assert_true(seen.flag);
    fixture_check(&fixture);
    fixture_release(&fixture);
}

/* Without a Patient ID every study has a patient of its own. */
static void test_no_patient_id(void **unused) {
    struct fixture fixture = {0};
    fixture_init(&fixture);
    apply_one(&fixture, object(1, 0, 0, 0, 0));
    apply_one(&fixture, object(2, 1, 1, 0, 0));
    apply_one(&fixture, object(3, 1, 2, 0, 0));
    assert_int_equal(totals_of(&fixture).patients, 2);
    fixture_check(&fixture);
    fixture_release(&fixture);
}

static void test_same_sop_in_two_series(void **unused) {
    struct fixture fixture = {0};
    struct seen seen = {0};
    struct made made;
    struct spec a = object(1, 0, 0, 0, 1), b = object(2, 0, 2, 0, 1);
    fixture_init(&fixture);
    apply_one(&fixture, a);
    apply_one(&fixture, b);
    fixture_make(&a, &made);
    assert_true(catalog_find_sop(fixture.catalog, made.record.sop_uid, see_instance, &seen, NULL));
    assert_int_equal(seen.count, 2);
    assert_int_equal(totals_of(&fixture).instances, 2);
    fixture_release(&fixture);
}

/* One record renames a patient; lookups follow; a withdrawal gives the objects' name back. */
static void test_change(void **unused) {
    struct fixture fixture = {0};
    struct seen seen = {0};
    struct spec change = {.type = RECORD_CHANGE, .sequence = 5, .patient = 1, .look = 3, .change_kind = CHANGE_PATIENT_VALUES};
    fixture_init(&fixture);
    apply_one(&fixture, change); /* before the object: stands nowhere yet, and nobody sees it */
    assert_int_equal(totals_of(&fixture).patients, 0);
    apply_one(&fixture, object(9, 0, 0, 0, 1));
    assert_true(catalog_each_patient(fixture.catalog, see_patient, &seen, NULL));
    assert_string_equal(seen.text, "PID1/CHANGED^3");
    seen = (struct seen){0};
    assert_true(catalog_find_name(fixture.catalog, slice_text("changed"), see_patient, &seen, NULL));
    assert_int_equal(seen.count, 1);
    assert_true(catalog_find_name(fixture.catalog, slice_text("muller"), see_patient, &seen, NULL));
    assert_int_equal(seen.count, 1);
    change.sequence = 20;
    change.look = 0;
    apply_one(&fixture, change);
    assert_true(catalog_find_name(fixture.catalog, slice_text("Mu"), see_patient, &seen, NULL));
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.text, "PID1/M\xc3\xbcller^Look0");
    fixture_check(&fixture);
    fixture_release(&fixture);
}

static void test_finds(void **unused) {
    struct fixture fixture = {0};
    struct seen seen = {0};
    fixture_init(&fixture);
    for (uint32_t i = 0; i < 5; i++) { /* look i: date 2024010(1+i), accession ACC(i%3), modality CT MR US CR CT */
        struct spec spec = object(10 + i, i, i, 0, 1 + i % 2);
        spec.look = i;
        apply_one(&fixture, spec);
    }
    struct catalog *c = fixture.catalog;
    assert_true(catalog_find_patient_id(c, slice_text("pid"), see_patient, &seen, NULL) && seen.count == 2);
    seen.count = 0;
    assert_true(catalog_find_accession(c, slice_text("ACC1"), see_study, &seen, NULL) && seen.count == 2);
    seen.count = 0;
    assert_true(catalog_find_date(c, 20240102, 20240103, see_study, &seen, NULL) && seen.count == 2);
    seen.count = 0;
    assert_true(catalog_find_date(c, 0, 20240101, see_study, &seen, NULL) && seen.count == 1);
    seen.count = 0;
    assert_true(catalog_find_date(c, 20240104, 0, see_study, &seen, NULL) && seen.count == 2);
    seen.count = 0;
    assert_true(catalog_find_modality(c, slice_text("CT"), 0, 0, see_study, &seen, NULL) && seen.count == 2);
    seen.count = 0;
    assert_true(catalog_find_modality(c, slice_text("CT"), 20240102, 0, see_study, &seen, NULL) && seen.count == 1);
    assert_string_equal(seen.text, "ACC1/CT");
    seen = (struct seen){.stop_at = 3};
    assert_true(catalog_each_instance(c, slice_of("", 0), slice_of("", 0), see_instance, &seen, NULL) && seen.count == 3);
    seen = (struct seen){0};
    assert_true(catalog_each_series(c, slice_text("1.2.840.113619.2.55.3.604688119.102"), see_series, &seen, NULL) &&
                seen.count == 1);
    bool found;
    seen = (struct seen){0};
    assert_true(catalog_get_study(c, slice_text("1.2.840.113619.2.55.3.604688119.102"), see_study, &seen, &found, NULL) && found);
    struct seen patient = {0};
    assert_true(catalog_get_patient(c, &seen.patient, see_patient, &patient, &found, NULL) && found && patient.count == 1);
    assert_true(catalog_get_study(c, slice_text("1.2"), see_study, &seen, &found, NULL) && !found);
    fixture_release(&fixture);
}

static bool see_problem(void *context, const struct catalog_problem *problem) {
    struct seen *seen = context;
    snprintf(seen->text, sizeof seen->text, "%llu %u %.*s", (unsigned long long)problem->sequence, problem->kind,
             SLICE_ARGS(problem->text));
    return ++seen->count != seen->stop_at;
}

static bool see_counter(void *context, struct slice name, uint64_t total) {
    struct seen *seen = context;
    seen->counts.instances = total;
    return ++seen->count != seen->stop_at;
}

static void test_notes(void **unused) {
    struct fixture fixture = {0};
    struct seen seen = {0};
    struct spec note = {.type = RECORD_NOTE, .sequence = 4, .run = 1, .length = 10, .look = 2};
    uint64_t total;
    fixture_init(&fixture);
    apply_one(&fixture, note);
    apply_one(&fixture, note);
    note.sequence = 8, note.length = 25;
    apply_one(&fixture, note);
    note.sequence = 6, note.length = 17;
    apply_one(&fixture, note); /* late: the run had reached 25 */
    note.sequence = 9, note.length = 3, note.run = 2;
    apply_one(&fixture, note);
    assert_true(catalog_counter(fixture.catalog, slice_text("duplicates"), &total, NULL));
    assert_int_equal(total, 28);
    assert_true(catalog_counter(fixture.catalog, slice_text("dup"), &total, NULL));
    assert_int_equal(total, 0);
    assert_true(catalog_each_counter(fixture.catalog, see_counter, &seen, NULL));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.counts.instances, 28);
    seen = (struct seen){0};
    assert_true(catalog_each_problem(fixture.catalog, 5, see_problem, &seen, NULL));
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.text, "9 2 refused");
    fixture_release(&fixture);
}

static void test_abort(void **unused) {
    struct fixture fixture = {0};
    struct fault fault;
    struct made made;
    struct catalog_hit hit;
    struct spec one = object(1, 0, 0, 0, 1), two = object(2, 0, 0, 1, 1);
    fixture_init(&fixture);
    apply_one(&fixture, one);
    char *before = fixture_dump(&fixture);
    struct catalog_batch *batch = catalog_batch_begin(fixture.catalog);
    fixture_make(&two, &made);
    assert_int_equal(catalog_batch_apply(batch, &made.record, made.place, &fault), CATALOG_APPLIED);
    catalog_batch_abort(batch);
    char *after = fixture_dump(&fixture);
    assert_string_equal(before, after);
    assert_int_equal(look(&fixture, &two, &hit), CATALOG_NONE);
    apply_one(&fixture, two);
    assert_int_equal(totals_of(&fixture).instances, 2);
    fixture_check(&fixture);
    free(before);
    free(after);
    fixture_release(&fixture);
}

/* With a hash of a few bits names collide: what collides is kept aside, never merged, and the rest is right. */
static void test_collisions(void **unused) {
    struct fixture fixture = {.options = {.test_key_bits = 3}};
    struct catalog_hit hit;
    uint32_t unfiled = 0, found = 0;
    fixture_init(&fixture);
    for (uint32_t i = 0; i < 40; i++) {
        struct spec spec = object(100 + i, i, i, i, 1 + i);
        struct made made;
        struct fault fault;
        fixture_make(&spec, &made);
        struct catalog_batch *batch = catalog_batch_begin(fixture.catalog);
        enum catalog_applied applied = catalog_batch_apply(batch, &made.record, made.place, &fault);
        assert_true(catalog_batch_commit(batch, &fault));
        unfiled += applied == CATALOG_APPLIED_UNFILED;
        enum catalog_found after = look(&fixture, &spec, &hit);
        found += after == CATALOG_FOUND;
        assert_true(after == CATALOG_FOUND || after == CATALOG_COLLISION || after == CATALOG_NONE);
        if (after == CATALOG_FOUND) assert_int_equal(hit.sequence, spec.sequence);
        assert_true((applied == CATALOG_APPLIED) == (after == CATALOG_FOUND));
    }
    struct catalog_totals totals = totals_of(&fixture);
    assert_true(unfiled > 0 && found > 0 && unfiled + found == 40);
    assert_int_equal(totals.unfiled, unfiled);
    assert_int_equal(totals.instances, found);
    assert_int_equal(totals.quarantined, 0);
    fixture_check(&fixture);
    fixture_release(&fixture);
}

static bool keep_unfiled(void *context, uint64_t sequence, struct place place, struct slice why) {
    *(uint64_t *)context = sequence;
    assert_true(why.length > 0 && place.offset == 7 * 4096);
    return true;
}

static void test_unfit_record(void **unused) {
    struct fixture fixture = {0};
    struct made made;
    struct fault fault;
    uint64_t sequence = 0;
    struct spec spec = object(7, 0, 0, 0, 1);
    fixture_init(&fixture);
    fixture_make(&spec, &made);
    made.record.series_uid = slice_of("", 0);
    struct catalog_batch *batch = catalog_batch_begin(fixture.catalog);
    assert_int_equal(catalog_batch_apply(batch, &made.record, made.place, &fault), CATALOG_APPLIED_UNFILED);
    assert_int_equal(catalog_batch_apply(batch, &made.record, made.place, &fault), CATALOG_APPLIED_BEFORE);
    assert_true(catalog_batch_commit(batch, &fault));
    assert_int_equal(totals_of(&fixture).unfiled, 1);
    assert_true(catalog_each_unfiled(fixture.catalog, keep_unfiled, &sequence, NULL));
    assert_int_equal(sequence, 7);
    fixture_release(&fixture);
}

/* A crash leaves the rows and the position of some earlier batch; replay from there gives the rows of the whole. */
static void test_crash_and_replay(void **unused) {
    enum { COUNT = 3000 };
    static struct spec specs[COUNT];
    static const struct spec *order[COUNT];
    struct catalog_position positions[CATALOG_LOGS_MAX];
    struct fixture fixture = {.options = {.flush_records = 700}}, whole = {0};
    struct fault fault;
    uint64_t state = 42;
    uint32_t crash_at = 700;
    for (uint32_t i = 0; i < COUNT; i++) {
        specs[i] = object(i + 1, (uint32_t)(fixture_random(&state) % 20), (uint32_t)(fixture_random(&state) % 50),
                          (uint32_t)(fixture_random(&state) % 60), (uint32_t)(fixture_random(&state) % 8));
        specs[i].look = (uint32_t)(fixture_random(&state) % 9);
        order[i] = &specs[i];
    }
    fixture_init(&fixture);
    fixture_init(&whole);
    fixture_apply(&whole, order, COUNT);
    for (uint32_t at = 0; at < COUNT;) {
        uint32_t n = COUNT - at < 64 ? COUNT - at : 64;
        struct catalog_batch *batch = catalog_batch_begin(fixture.catalog);
        for (uint32_t i = at; i < at + n; i++) {
            struct made made;
            fixture_make(&specs[i], &made);
            assert_true(catalog_batch_apply(batch, &made.record, made.place, &fault) != CATALOG_APPLIED_ERROR);
        }
        at += n;
        catalog_batch_position(batch, 3, 1, at);
        assert_true(catalog_batch_commit(batch, &fault));
        if (at >= crash_at) { /* the process dies here */
            crash_at += 700;
            fixture_reopen(&fixture, false);
            int count = catalog_positions(fixture.catalog, true, positions, &fault);
            assert_true(count == 0 || (count == 1 && positions[0].log == 3 && positions[0].offset <= at));
            at = count ? (uint32_t)positions[0].offset : 0;
            fixture_check(&fixture);
        }
        if (at % 640 == 0) assert_true(catalog_flush(fixture.catalog, &fault));
    }
    assert_int_equal(catalog_positions(fixture.catalog, false, positions, &fault), 1);
    assert_int_equal(positions[0].offset, COUNT);
    char *a = fixture_dump(&fixture), *b = fixture_dump(&whole);
    assert_string_equal(a, b);
    free(a);
    free(b);
    fixture_reopen(&fixture, true);
    assert_int_equal(catalog_positions(fixture.catalog, true, positions, &fault), 1);
    assert_int_equal(positions[0].offset, COUNT);
    fixture_check(&fixture);
    fixture_release(&fixture);
    fixture_release(&whole);
}

static void test_positions_of_several_logs(void **unused) {
    struct fixture fixture = {0};
    struct fault fault;
    struct catalog_position positions[CATALOG_LOGS_MAX];
    fixture_init(&fixture);
    struct catalog_batch *batch = catalog_batch_begin(fixture.catalog);
    catalog_batch_position(batch, 7, 1, 10);
    catalog_batch_position(batch, 2, 5, 20);
    catalog_batch_position(batch, 7, 2, 30);
    assert_true(catalog_batch_commit(batch, &fault));
    assert_int_equal(catalog_positions(fixture.catalog, false, positions, &fault), 2);
    assert_int_equal(positions[0].log, 2);
    assert_int_equal(positions[1].log, 7);
    assert_int_equal(positions[1].segment, 2);
    assert_int_equal(catalog_positions(fixture.catalog, true, positions, &fault), 0);
    assert_true(catalog_flush(fixture.catalog, &fault));
    assert_int_equal(catalog_positions(fixture.catalog, true, positions, &fault), 2);
    fixture_release(&fixture);
}

static void test_open(void **unused) {
    struct fixture fixture = {0};
    struct fault fault = {0};
    fixture_init(&fixture);
    apply_one(&fixture, object(1, 0, 0, 0, 1));
    assert_null(catalog_open(fixture.dir, &fixture.options, &fault));
    assert_int_equal(fault.code, FAULT_LOCKED);
    fixture_reopen(&fixture, true);
    struct catalog_options options = fixture.options;
    options.read_only = true;
    struct catalog *reader = catalog_open(fixture.dir, &options, &fault);
    assert_non_null(reader);
    assert_int_equal(catalog_highest_sequence(reader), 1);
    catalog_close(reader);
    assert_null(catalog_open("/nonexistent/index", &options, &fault));
    assert_int_equal(fault.code, FAULT_MISSING);
    catalog_close(fixture.catalog);
    assert_true(catalog_wipe(fixture.dir, &fault));
    assert_true(catalog_wipe("/nonexistent/index", &fault));
    fixture.catalog = catalog_open(fixture.dir, &fixture.options, &fault);
    assert_non_null(fixture.catalog);
    assert_int_equal(totals_of(&fixture).instances, 0);
    fixture_release(&fixture);
}

static void test_newer_format(void **unused) {
    struct fixture fixture = {0};
    struct fault fault = {0};
    uint8_t later = CATALOG_FORMAT_VERSION + 1;
    fixture_init(&fixture);
    database_batch_put(fixture.catalog->batch.rows, slice_text("f"), slice_of(&later, 1));
    assert_true(database_write(fixture.catalog->database, fixture.catalog->batch.rows, &fault));
    catalog_close(fixture.catalog);
    assert_null(catalog_open(fixture.dir, &fixture.options, &fault));
    assert_int_equal(fault.code, FAULT_NEWER_FORMAT);
    assert_true(catalog_wipe(fixture.dir, &fault));
    fixture.catalog = catalog_open(fixture.dir, &fixture.options, &fault);
    fixture_release(&fixture);
}

/* What catalog_check is for: a count that is off, a lookup that is gone. */
static void test_check_finds(void **unused) {
    struct fixture fixture = {0};
    struct fault fault;
    struct catalog_check_report report;
    struct spec spec = object(1, 0, 0, 0, 1);
    struct made made;
    fixture_init(&fixture);
    apply_one(&fixture, spec);
    fixture_make(&spec, &made);
    struct identity id =
        keys_identity(&fixture.catalog->keys, made.record.study_uid, made.record.series_uid, made.record.sop_uid);
    struct key sop = keys_sop(&id), instance = keys_instance(&id);
    struct database_batch *rows = fixture.catalog->batch.rows;
    database_batch_clear(rows);
    database_batch_remove(rows, keys_slice(&sop));
    assert_true(database_write(fixture.catalog->database, rows, &fault));
    assert_true(catalog_check(fixture.catalog, NULL, NULL, NULL, &report, &fault));
    assert_int_equal(report.wrong_lookups, 1);
    assert_int_equal(report.wrong_counts, 0);
    database_batch_clear(rows);
    database_batch_put(rows, keys_slice(&instance), slice_text("rubbish"));
    assert_true(database_write(fixture.catalog->database, rows, &fault));
    assert_true(catalog_check(fixture.catalog, NULL, NULL, NULL, &report, &fault));
    assert_true(report.wrong_rows >= 1 && report.wrong_counts >= 1);
    database_batch_clear(rows);
    database_batch_remove(rows, keys_slice(&instance));
    assert_true(database_write(fixture.catalog->database, rows, &fault));
    assert_true(catalog_check(fixture.catalog, NULL, NULL, NULL, &report, &fault));
    assert_true(report.wrong_counts >= 1);
    fixture_release(&fixture);
}

/* Readers beside the committer: totals and trees of one batch or another, never of half a one. */
struct readers {
    struct fixture *fixture;
    _Atomic bool stop;
};

static bool sum_study(void *context, const struct catalog_study *study) {
    *(uint64_t *)context += study->counts.instances;
    return true;
}

static void *read_along(void *context) {
    struct readers *readers = context;
    struct spec spec = object(1, 0, 0, 0, 1);
    while (!atomic_load(&readers->stop)) {
        uint64_t sum = 0;
        struct catalog_hit hit;
        struct catalog_totals totals;
        if (look(readers->fixture, &spec, &hit) == CATALOG_ERROR) abort();
        if (!catalog_totals(readers->fixture->catalog, &totals, NULL) || totals.instances % 8) abort();
        if (!catalog_each_study(readers->fixture->catalog, NULL, sum_study, &sum, NULL) || sum % 8) abort();
        catalog_highest_sequence(readers->fixture->catalog);
    }
    return NULL;
}

static void test_readers_beside_the_committer(void **unused) {
    struct fixture fixture = {.options = {.flush_records = 100}};
    pthread_t threads[2];
    struct readers readers = {.fixture = &fixture};
    fixture_init(&fixture);
    for (size_t i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, read_along, &readers), 0);
    for (uint32_t batch = 0; batch < 100; batch++) {
        struct spec specs[8];
        const struct spec *order[8];
        for (uint32_t i = 0; i < 8; i++) {
            specs[i] = object(1 + batch * 8 + i, batch % 5, batch % 5, batch * 8 + i, 1);
            order[i] = &specs[i];
        }
        fixture_apply(&fixture, order, 8);
        struct fault fault;
        assert_true(catalog_tick(fixture.catalog, batch * 1000, &fault));
        assert_true(catalog_healthy(fixture.catalog, &fault));
    }
    atomic_store(&readers.stop, true);
    for (size_t i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(totals_of(&fixture).instances, 800);
    fixture_check(&fixture);
    fixture_release(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup),           cmocka_unit_test(test_version),
        cmocka_unit_test(test_series_in_two_studies), cmocka_unit_test(test_study_of_two_patients),
        cmocka_unit_test(test_no_patient_id),    cmocka_unit_test(test_same_sop_in_two_series),
        cmocka_unit_test(test_change),           cmocka_unit_test(test_finds),
        cmocka_unit_test(test_notes),            cmocka_unit_test(test_abort),
        cmocka_unit_test(test_collisions),       cmocka_unit_test(test_unfit_record),
        cmocka_unit_test(test_crash_and_replay), cmocka_unit_test(test_positions_of_several_logs),
        cmocka_unit_test(test_open),             cmocka_unit_test(test_newer_format),
        cmocka_unit_test(test_check_finds),      cmocka_unit_test(test_readers_beside_the_committer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
