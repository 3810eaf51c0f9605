/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_fixture: see catalog_fixture.h. */
#include "tests/index/catalog_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec/dicom/attributes.h"
#include "index/change.h"
#include "index/packed.h"

static void open_catalog(struct fixture *fixture) {
    struct fault fault = {0};
    fixture->catalog = catalog_open(fixture->dir, &fixture->options, &fault);
    if (!fixture->catalog) fail_msg("catalog_open: %s", fault.text);
}

void fixture_init(struct fixture *fixture) {
    const char *parent = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    snprintf(fixture->dir, sizeof fixture->dir, "%s/leat-index-XXXXXX", parent);
    assert_non_null(mkdtemp(fixture->dir));
    for (size_t i = 0; i < DIGEST_SECRET_BYTES; i++) fixture->options.secret[i] = (uint8_t)(i * 73 + 11);
    if (!fixture->options.memory_bytes) fixture->options.memory_bytes = (uint64_t)8 << 20;
    open_catalog(fixture);
}

void fixture_release(struct fixture *fixture) {
    catalog_close(fixture->catalog);
    DIR *dir = opendir(fixture->dir);
    struct dirent *entry;
    char path[512];
    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", fixture->dir, entry->d_name);
        unlink(path);
    }
    if (dir) closedir(dir);
    rmdir(fixture->dir);
}

void fixture_reopen(struct fixture *fixture, bool flush) {
    if (flush) catalog_close(fixture->catalog);
    else catalog_abandon(fixture->catalog);
    open_catalog(fixture);
}

void fixture_clear(struct fixture *fixture) {
    struct catalog *catalog = fixture->catalog;
    struct fault fault = {0};
    struct slice key, value;
    struct database_walk *walk = database_walk_begin(catalog->database, NULL, slice_of("", 0), slice_of("", 0), false);
    database_batch_clear(catalog->batch.rows);
    while (database_walk_next(walk, &key, &value, &fault))
        if (key.bytes[0] != KEYS_FORMAT) database_batch_remove(catalog->batch.rows, key);
    database_walk_end(walk);
    assert_true(database_write(catalog->database, catalog->batch.rows, &fault));
    overlay_reset(&catalog->batch.overlay);
    catalog->batch.committed = (struct catalog_summary){0};
}

static void add(struct attributes *a, uint32_t tag, const char *vr, const char *format, uint32_t number) {
    char text[128];
    snprintf(text, sizeof text - 1, format, number);
    size_t length = strlen(text);
    if (length & 1) text[length++] = ' ';
    attributes_add(a, tag, vr, 0, slice_of(text, length));
}

static void make_object(const struct spec *spec, struct made *made) {
    static const char *const modalities[] = {"CT", "MR", "US", "CR"};
    static const char *const classes[] = {"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4",
                                          "1.2.840.10008.5.1.4.1.1.6.1"};
    struct record *record = &made->record;
    struct attributes a;
    attributes_init(&a, made->attributes, sizeof made->attributes);
    add(&a, 0x00080005, "CS", "ISO_IR 100", 0);
    add(&a, 0x00080020, "DA", "202401%02u", 1 + spec->look % 5);
    add(&a, 0x00080050, "SH", "ACC%u", spec->look % 3);
    add(&a, 0x00080060, "CS", modalities[spec->look % 4], 0);
    add(&a, 0x0008103E, "LO", "Series \xe9t\xe9 %u", spec->look);
    add(&a, 0x00100010, "PN", "M\xfcller^Look%u", spec->look % 4);
    if (spec->patient) add(&a, 0x00100020, "LO", "PID%u", spec->patient);
    add(&a, 0x00200013, "IS", "%u", spec->sop);
    record->attributes = slice_of(made->attributes, a.length);
    record->sop_class_uid = slice_text(classes[spec->look % 3]);
    record->transfer_syntax_uid = slice_text("1.2.840.10008.1.2.1");
    record->payload_length = spec->length;
    memset(record->digest, (int)(spec->sequence & 0xFF), sizeof record->digest);
    record->remarks = spec->look & 1;
}

static void make_change(const struct spec *spec, struct made *made) {
    struct writer w = writer_over(made->change, sizeof made->change);
    char id[32], text[64];
    snprintf(id, sizeof id, "PID%u", spec->patient);
    snprintf(text, sizeof text, "CHANGED^%u", spec->look);
    if (spec->change_kind == CHANGE_PATIENT_VALUES)
        change_write_patient(&w, slice_of(id, spec->patient ? strlen(id) : 0), slice_of("", 0));
    struct change_entry entry = {
        .tag = spec->change_kind == CHANGE_PATIENT_VALUES ? 0x00100010
               : spec->change_kind == CHANGE_STUDY_VALUES ? 0x00080050
                                                          : 0x00080060,
        .flags = spec->look ? 0 : VALUES_WITHDRAWN,
        .text = spec->look ? slice_text(text) : slice_of("", 0),
    };
    change_write_entry(&w, &entry);
    made->record.change_kind = spec->change_kind;
    made->record.change = slice_of(made->change, writer_length(&w));
}

static void make_note(const struct spec *spec, struct made *made) {
    struct writer w = writer_over(made->counters, sizeof made->counters);
    record_counter_write(&w, &(struct record_counter){.name = slice_text("duplicates"), .total = spec->length});
    made->record.counters = slice_of(made->counters, writer_length(&w));
    w = writer_over(made->problems, sizeof made->problems);
    record_problem_write(&w, &(struct record_problem){.sequence = spec->sequence, .kind = spec->look, .time_us = 5,
                                                      .study_uid = made->record.study_uid, .text = slice_text("refused")});
    made->record.problems = slice_of(made->problems, writer_length(&w));
    made->record.run_id = spec->run;
}

void fixture_make(const struct spec *spec, struct made *made) {
    memset(&made->record, 0, sizeof made->record);
    struct record *record = &made->record;
    snprintf(made->study, sizeof made->study, "1.2.840.113619.2.55.3.604688119.%u", 100 + spec->study);
    snprintf(made->series, sizeof made->series, "1.2.840.113619.2.55.3.604688119.7.%u", 200 + spec->series);
    snprintf(made->sop, sizeof made->sop, "1.2.840.113619.2.55.3.604688119.7.%u.%u", 200 + spec->series % 2, 300 + spec->sop);
    record->type = spec->type;
    record->sequence = spec->sequence;
    record->study_uid = slice_text(made->study);
    record->series_uid = slice_text(made->series);
    record->sop_uid = slice_text(made->sop);
    made->place =
        (struct place){.segment = 1, .header_bytes = 4096, .offset = (uint64_t)spec->place * 4096, .payload_bytes = spec->length};
    if (spec->type == RECORD_OBJECT) make_object(spec, made);
    else if (spec->type == RECORD_CHANGE) make_change(spec, made);
    else make_note(spec, made);
}

void fixture_apply(struct fixture *fixture, const struct spec *const *specs, size_t count) {
    struct fault fault = {0};
    struct made made;
    struct catalog_batch *batch = catalog_batch_begin(fixture->catalog);
    for (size_t i = 0; i < count; i++) {
        fixture_make(specs[i], &made);
        enum catalog_applied applied = catalog_batch_apply(batch, &made.record, made.place, &fault);
        memset(&made, 0xEE, sizeof made); /* the record is read during the call only */
        if (applied == CATALOG_APPLIED_ERROR) fail_msg("apply: %s", fault.text);
    }
    if (!catalog_batch_commit(batch, &fault)) fail_msg("commit: %s", fault.text);
}

char *fixture_dump(struct fixture *fixture) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct fault fault = {0};
    struct slice key, value;
    struct database_walk *walk = database_walk_begin(fixture->catalog->database, NULL, slice_of("", 0), slice_of("", 0), false);
    while (database_walk_next(walk, &key, &value, &fault)) {
        if (key.bytes[0] == KEYS_POSITIONS) continue;
        fprintf(out, "%c ", key.bytes[0]);
        for (size_t i = 1; i < key.length; i++) fprintf(out, "%02x", key.bytes[i]);
        fprintf(out, " = ");
        for (size_t i = 0; i < value.length; i++) fprintf(out, "%02x", value.bytes[i]);
        fprintf(out, "\n");
    }
    database_walk_end(walk);
    assert_int_equal(fault.code, FAULT_NONE);
    fclose(out);
    return text;
}

static void say(void *context, const char *line) { print_error("check: %s\n", line); }

void fixture_check(struct fixture *fixture) {
    struct fault fault = {0};
    struct catalog_check_report report;
    if (!catalog_check(fixture->catalog, NULL, say, NULL, &report, &fault)) fail_msg("catalog_check: %s", fault.text);
    assert_int_equal(report.wrong_rows, 0);
    assert_int_equal(report.wrong_counts, 0);
    assert_int_equal(report.wrong_lookups, 0);
}

uint64_t fixture_random(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
