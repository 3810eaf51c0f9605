/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_check: see catalog_check.h. One pass over each table of the tree, from below: what a pass counts is compared with the
 * row above when the group ends. Lookups: those that rows ask for are looked up, and their number is compared with how many there
 * are. */
#include "index/catalog_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "index/lookups.h"
#include "index/tally.h"
#include "index/walk.h"

struct check {
    struct walk *walk;
    struct catalog_check_report *report;
    catalog_instance_visitor *visit;
    void (*say)(void *context, const char *line);
    void *context;
    struct row_arena arena;
    struct database_value value;
    /* the group at hand */
    bool open, stopped;
    uint8_t group[1 + KEYS_LONG_BYTES + KEYS_SHORT_BYTES];
    size_t group_length;
    struct catalog_counts counted;
    struct slice tally;
    uint64_t groups;                 /* begun by this pass */
    uint64_t instances, versions, series; /* rows of the level above that say they have some */
    uint64_t lookups_expected, lookups_found;
    struct catalog_totals totals;
};

static void say(struct check *check, uint64_t *number, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(struct check *check, uint64_t *number, const char *format, ...) {
    char line[512];
    va_list arguments;
    (*number)++;
    if (!check->say) return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    check->say(check->context, line);
}

static bool present(struct check *check, const struct key *key) {
    return walk_get(check->walk, key, &check->value) == DATABASE_PRESENT;
}

/* Whether the row belongs to the group at hand; if not, another one begins, after `close` compared the former. */
static void enter(struct check *check, struct slice key, size_t length, void (*close)(struct check *check)) {
    if (check->open && check->group_length == length && memcmp(check->group, key.bytes, length) == 0) return;
    if (check->open) close(check);
    memcpy(check->group, key.bytes, length);
    check->group_length = length;
    check->counted = (struct catalog_counts){0};
    row_arena_reset(&check->arena);
    check->tally = slice_of("", 0);
    check->open = true;
    check->groups++;
}

static void finish(struct check *check, void (*close)(struct check *check)) {
    if (check->open) close(check);
    check->open = false;
}

static struct key group_key(const struct check *check, enum keys_table table, size_t length) {
    struct key key = keys_begin(table);
    keys_add(&key, check->group + 1, length - 1);
    return key;
}

/* ---- instances and versions against series ---- */

static bool series_of_group(struct check *check, struct row_series *row, uint8_t *text) {
    struct key key = group_key(check, KEYS_SERIES, check->group_length);
    if (present(check, &key) && row_series_read(check->value.bytes, row, text)) return true;
    say(check, &check->report->wrong_rows, "instances without a row of their series");
    return false;
}

static void close_instances(struct check *check) {
    struct row_series row;
    uint8_t text[PACKED_UID_BYTES_MAX];
    if (!series_of_group(check, &row, text)) return;
    if (row.counts.instances != check->counted.instances || row.counts.bytes != check->counted.bytes ||
        !slice_equal(row.classes, check->tally))
        say(check, &check->report->wrong_counts, "series %.*s counts %llu instances, %llu bytes; there are %llu, %llu",
            SLICE_ARGS(row.uid), (unsigned long long)row.counts.instances, (unsigned long long)row.counts.bytes,
            (unsigned long long)check->counted.instances, (unsigned long long)check->counted.bytes);
}

static void close_versions(struct check *check) {
    struct row_series row;
    uint8_t text[PACKED_UID_BYTES_MAX];
    if (!series_of_group(check, &row, text)) return;
    if (row.counts.superseded != check->counted.superseded || row.counts.superseded_bytes != check->counted.superseded_bytes)
        say(check, &check->report->wrong_counts, "series %.*s counts %llu superseded versions; there are %llu",
            SLICE_ARGS(row.uid), (unsigned long long)row.counts.superseded, (unsigned long long)check->counted.superseded);
}

struct seen {
    struct check *check;
    const struct catalog_instance *instance;
    struct identity identity;
    bool more;
};

static bool take_instance(void *context, const struct catalog_instance *instance) {
    struct seen *seen = context;
    struct check *check = seen->check;
    seen->instance = instance;
    seen->identity = keys_identity(&check->walk->catalog->keys, instance->study_uid, instance->series_uid, instance->uid);
    if (instance->superseded) {
        check->counted.superseded++;
        check->counted.superseded_bytes += instance->payload_length;
    } else {
        check->counted.instances++;
        check->counted.bytes += instance->payload_length;
        check->tally = tally_change(check->tally, instance->sop_class_uid, 1, &check->arena);
    }
    check->report->places++;
    seen->more = !check->visit || check->visit(check->context, instance);
    return true;
}

static bool check_instance(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct check *check = context;
    bool version = key.bytes[0] == KEYS_VERSION;
    struct seen seen = {.check = check, .more = true};
    size_t length = 1 + KEYS_LONG_BYTES + KEYS_SHORT_BYTES;
    check->report->rows++;
    if (key.length < length) return walk_malformed(walk, "an instance");
    enter(check, key, length, version ? close_versions : close_instances);
    walk_visit_instance(walk, key, value, take_instance, &seen);
    if (!seen.instance) {
        say(check, &check->report->wrong_rows, "the row of an instance can't be read");
        walk->seen.code = FAULT_NONE;
        return true;
    }
    struct key right = keys_instance(&seen.identity), sop = keys_sop(&seen.identity);
    if (memcmp(right.bytes + 1, key.bytes + 1, right.length - 1) != 0)
        say(check, &check->report->wrong_rows, "the row of an instance stands under another one's key");
    if (!version && !present(check, &sop))
        say(check, &check->report->wrong_lookups, "an instance has no lookup by SOP Instance UID");
    check->stopped = !seen.more;
    return seen.more;
}

/* ---- series against studies ---- */

static void expect_lookups(struct check *check, struct lookups lookups) {
    for (uint32_t i = 0; i < lookups.count; i++) {
        struct key key = {.length = 0};
        keys_add(&key, lookups.keys[i].bytes, lookups.keys[i].length);
        if (!present(check, &key)) say(check, &check->report->wrong_lookups, "a lookup of table '%c' is missing", key.bytes[0]);
    }
    check->lookups_expected += lookups.count;
}

static void close_series(struct check *check) {
    struct row_study row;
    uint8_t text[PACKED_UID_BYTES_MAX];
    struct key key = group_key(check, KEYS_STUDY, check->group_length);
    if (!present(check, &key) || !row_study_read(check->value.bytes, &row, text)) {
        say(check, &check->report->wrong_rows, "series without a row of their study");
        return;
    }
    row.uid = row_arena_copy(&check->arena, row.uid);
    if (!row_counts_same(&row.counts, &check->counted) || !slice_equal(row.modalities, check->tally))
        say(check, &check->report->wrong_counts, "study %.*s counts %llu series, %llu instances; there are %llu, %llu",
            SLICE_ARGS(row.uid), (unsigned long long)row.counts.series, (unsigned long long)row.counts.instances,
            (unsigned long long)check->counted.series, (unsigned long long)check->counted.instances);
}

/* Who owns the Series UID has to agree with the row, and a quarantined series to be listed. */
static void check_claim(struct check *check, struct slice key, const struct row_series *row) {
    struct short_name series = keys_shorten(&check->walk->catalog->keys, row->uid), study;
    struct key claim = keys_begin(KEYS_CLAIM), aside = keys_begin(KEYS_QUARANTINE);
    keys_add(&aside, key.bytes + 1, key.length - 1);
    keys_add_long(&claim, &series);
    bool owned = present(check, &claim) && keys_read_long(check->value.bytes, 0, &study) &&
                 memcmp(study.bytes, key.bytes + 1, KEYS_LONG_BYTES) == 0;
    if (row->first_sequence && owned == row->quarantined)
        say(check, &check->report->wrong_lookups, "series %.*s and its claim differ", SLICE_ARGS(row->uid));
    if (present(check, &aside) != row->quarantined)
        say(check, &check->report->wrong_lookups, "series %.*s and the list of quarantined ones differ", SLICE_ARGS(row->uid));
    check->lookups_expected += row->quarantined;
}

static bool check_series(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct check *check = context;
    struct row_series row;
    uint8_t text[PACKED_UID_BYTES_MAX];
    check->report->rows++;
    if (key.length != 1 + KEYS_LONG_BYTES + KEYS_SHORT_BYTES || !row_series_read(value, &row, text)) {
        say(check, &check->report->wrong_rows, "the row of a series can't be read");
        return true;
    }
    enter(check, key, 1 + KEYS_LONG_BYTES, close_series);
    check_claim(check, key, &row);
    struct contribution c = contribution_of_series(&row);
    check->instances += row.counts.instances > 0;
    check->versions += row.counts.superseded > 0;
    static const struct catalog_counts nothing;
    row_counts_add(&check->counted, &c.counts, &nothing);
    if (c.counts.series) check->tally = tally_change(check->tally, c.modality, 1, &check->arena);
    check->totals.quarantined_series += c.aside_series;
    check->totals.quarantined += c.aside_instances;
    check->totals.quarantined_bytes += c.aside_bytes;
    return true;
}

/* ---- studies against patients, patients against totals ---- */

static bool check_study(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct check *check = context;
    struct row_study row;
    struct short_name name;
    uint8_t text[PACKED_UID_BYTES_MAX];
    check->report->rows++;
    row_arena_reset(&check->arena);
    if (!keys_read_long(key, 1, &name) || !row_study_read(value, &row, text)) {
        say(check, &check->report->wrong_rows, "the row of a study can't be read");
        return true;
    }
    check->series += contribution_study_is_visible(&row);
    expect_lookups(check, lookups_of_study(&name, &row, &check->arena));
    return true;
}

static bool add_study(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct check *check = context;
    struct row_study row;
    struct short_name name;
    uint8_t text[PACKED_UID_BYTES_MAX];
    static const struct catalog_counts nothing;
    if (!keys_read_long(key, 1 + KEYS_LONG_BYTES, &name)) return true;
    struct key study = keys_study(&name);
    if (!present(check, &study) || !row_study_read(check->value.bytes, &row, text)) return true;
    struct catalog_counts counts = contribution_of_study(&row);
    row_counts_add(&check->counted, &counts, &nothing);
    return true;
}

static void add_totals(struct catalog_totals *totals, const struct catalog_counts *counts) {
    totals->patients += counts->studies > 0;
    totals->studies += counts->studies;
    totals->series += counts->series;
    totals->instances += counts->instances;
    totals->bytes += counts->bytes;
    totals->superseded += counts->superseded;
    totals->superseded_bytes += counts->superseded_bytes;
}

static bool check_patient(struct walk *walk, struct slice key, struct slice value, void *context) {
    struct check *check = context;
    struct row_patient row;
    struct short_name name;
    check->report->rows++;
    row_arena_reset(&check->arena);
    if (!keys_read_long(key, 1, &name) || !row_patient_read(value, &row)) {
        say(check, &check->report->wrong_rows, "the row of a patient can't be read");
        return true;
    }
    struct key prefix = keys_begin(KEYS_PATIENT_STUDY);
    keys_add_long(&prefix, &name);
    check->counted = (struct catalog_counts){0};
    walk_prefix(walk, &prefix, add_study, check);
    if (!row_counts_same(&row.counts, &check->counted))
        say(check, &check->report->wrong_counts, "a patient counts %llu studies, %llu instances; there are %llu, %llu",
            (unsigned long long)row.counts.studies, (unsigned long long)row.counts.instances,
            (unsigned long long)check->counted.studies, (unsigned long long)check->counted.instances);
    add_totals(&check->totals, &row.counts);
    expect_lookups(check, lookups_of_patient(&name, &row, &check->arena));
    return true;
}

static bool count_lookup(struct walk *walk, struct slice key, struct slice value, void *context) {
    ((struct check *)context)->lookups_found++;
    return true;
}

static void check_totals(struct check *check) {
    struct catalog_summary stored = {0};
    struct key key = keys_begin(KEYS_TOTALS);
    if (present(check, &key) && !catalog_decode_totals(check->value.bytes, &stored)) {
        say(check, &check->report->wrong_rows, "the totals can't be read");
        return;
    }
    const struct catalog_totals *a = &stored.totals, *b = &check->totals;
    if (a->patients != b->patients || a->studies != b->studies || a->series != b->series || a->instances != b->instances ||
        a->bytes != b->bytes || a->superseded != b->superseded || a->superseded_bytes != b->superseded_bytes ||
        a->quarantined_series != b->quarantined_series || a->quarantined != b->quarantined ||
        a->quarantined_bytes != b->quarantined_bytes)
        say(check, &check->report->wrong_counts, "the totals say %llu instances in %llu studies; there are %llu in %llu",
            (unsigned long long)a->instances, (unsigned long long)a->studies, (unsigned long long)b->instances,
            (unsigned long long)b->studies);
}

/* Returns how many groups there were. */
static uint64_t pass(struct check *check, enum keys_table table, walk_row *row, void (*close)(struct check *check)) {
    struct key prefix = keys_begin(table);
    check->groups = 0;
    if (check->walk->seen.code || check->stopped) return 0;
    walk_prefix(check->walk, &prefix, row, check);
    if (close && !check->stopped) finish(check, close);
    return check->groups;
}

static void run(struct check *check) {
    static const enum keys_table lookups[] = {KEYS_NAME,      KEYS_PATIENT_ID, KEYS_PATIENT_STUDY, KEYS_ACCESSION,
                                              KEYS_DATE,      KEYS_MODALITY,   KEYS_QUARANTINE};
    check->walk->hidden = true;
    uint64_t with_instances = pass(check, KEYS_INSTANCE, check_instance, close_instances);
    uint64_t with_versions = pass(check, KEYS_VERSION, check_instance, close_versions);
    uint64_t with_series = pass(check, KEYS_SERIES, check_series, close_series);
    pass(check, KEYS_STUDY, check_study, NULL);
    pass(check, KEYS_PATIENT, check_patient, NULL);
    for (size_t i = 0; i < sizeof lookups / sizeof lookups[0]; i++) pass(check, lookups[i], count_lookup, NULL);
    if (check->walk->seen.code || check->stopped) return;
    if (check->instances != with_instances || check->versions != with_versions || check->series > with_series)
        say(check, &check->report->wrong_counts,
            "%llu series say they have instances, %llu superseded versions, %llu studies series; %llu, %llu, %llu have",
            (unsigned long long)check->instances, (unsigned long long)check->versions, (unsigned long long)check->series,
            (unsigned long long)with_instances, (unsigned long long)with_versions, (unsigned long long)with_series);
    if (check->lookups_found != check->lookups_expected)
        say(check, &check->report->wrong_lookups, "%llu lookups where rows ask for %llu",
            (unsigned long long)check->lookups_found, (unsigned long long)check->lookups_expected);
    check_totals(check);
}

bool catalog_check(struct catalog *catalog, catalog_instance_visitor *visit, void (*tell)(void *context, const char *line),
                   void *context, struct catalog_check_report *report, struct fault *fault) {
    struct check check = {.walk = walk_begin(catalog, fault), .report = report, .visit = visit, .say = tell, .context = context};
    memset(report, 0, sizeof *report);
    if (!check.walk) return false;
    row_arena_init(&check.arena);
    run(&check);
    row_arena_release(&check.arena);
    database_value_release(&check.value);
    return walk_end(check.walk, fault);
}
