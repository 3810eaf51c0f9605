/* SPDX-License-Identifier: Apache-2.0 */
/* catalog: open, close, point reads, checkpoint, totals; see catalog.h. Walks: catalog_each.c; batches: catalog_batch.c. */
#include "index/catalog.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "index/catalog_state.h"
#include "index/row_instance.h"

#define MEMORY_DEFAULT_BYTES ((uint64_t)64 << 20)
#define FLUSH_RECORDS_DEFAULT 250000u
#define FLUSH_INTERVAL_DEFAULT_MS 10000u
#define OVERLAY_BUCKETS 16384u

/* The key of a table that is one row. */
static struct slice row_key(enum keys_table table, uint8_t *byte) {
    *byte = (uint8_t)table;
    return slice_of(byte, 1);
}

/* ---- the summary rows ---- */

static void write_totals(struct writer *w, const struct catalog_summary *summary) {
    const struct catalog_totals *t = &summary->totals;
    const uint64_t numbers[] = {
        summary->highest_sequence, t->patients, t->studies, t->series, t->instances, t->bytes, t->superseded, t->superseded_bytes,
        t->quarantined_series, t->quarantined, t->quarantined_bytes, t->unfiled, t->records,
    };
    for (size_t i = 0; i < array_count(numbers); i++) packed_number(w, numbers[i]);
}

bool catalog_decode_totals(struct slice bytes, struct catalog_summary *summary) {
    struct catalog_totals *t = &summary->totals;
    uint64_t *const numbers[] = {&summary->highest_sequence, &t->patients, &t->studies, &t->series, &t->instances, &t->bytes,
                                 &t->superseded, &t->superseded_bytes, &t->quarantined_series, &t->quarantined,
                                 &t->quarantined_bytes, &t->unfiled, &t->records};
    struct reader r = reader_over(bytes);
    for (size_t i = 0; i < array_count(numbers); i++) *numbers[i] = packed_read_number(&r);
    return !r.failed;
}

static bool read_positions(struct slice bytes, struct catalog_summary *summary) {
    struct reader r = reader_over(bytes);
    summary->position_count = 0;
    while (reader_left(&r) && summary->position_count < CATALOG_LOGS_MAX) {
        struct catalog_position *p = &summary->positions[summary->position_count++];
        p->log = (uint32_t)packed_read_number(&r);
        p->segment = (uint32_t)packed_read_number(&r);
        p->offset = packed_read_number(&r);
    }
    return !r.failed && reader_left(&r) == 0;
}

static bool read_one(struct database *database, bool persisted, enum keys_table table, struct catalog_summary *summary,
                     bool (*read)(struct slice bytes, struct catalog_summary *summary), struct fault *fault) {
    uint8_t byte;
    struct database_value value = {0};
    struct slice key = row_key(table, &byte);
    enum database_found found =
        persisted ? database_get_persisted(database, key, &value, fault) : database_get(database, key, &value, fault);
    bool good = found != DATABASE_FAILED;
    if (found == DATABASE_PRESENT && !read(value.bytes, summary)) {
        good = fault_set(fault, FAULT_CORRUPT, 0, "the index's summary can't be read: leat rebuild makes it anew");
    }
    database_value_release(&value);
    return good;
}

bool catalog_read_summary(struct database *database, bool persisted, struct catalog_summary *summary, struct fault *fault) {
    memset(summary, 0, sizeof *summary);
    return read_one(database, persisted, KEYS_TOTALS, summary, catalog_decode_totals, fault) &&
           read_one(database, persisted, KEYS_POSITIONS, summary, read_positions, fault);
}

void catalog_write_summary(struct database_batch *batch, const struct catalog_summary *summary) {
    uint8_t bytes[CATALOG_LOGS_MAX * 30], byte;
    struct writer w = writer_over(bytes, sizeof bytes);
    write_totals(&w, summary);
    database_batch_put(batch, row_key(KEYS_TOTALS, &byte), slice_of(bytes, writer_length(&w)));
    w = writer_over(bytes, sizeof bytes);
    for (uint32_t i = 0; i < summary->position_count; i++) {
        packed_number(&w, summary->positions[i].log);
        packed_number(&w, summary->positions[i].segment);
        packed_number(&w, summary->positions[i].offset);
    }
    invariant(!w.failed);
    database_batch_put(batch, row_key(KEYS_POSITIONS, &byte), slice_of(bytes, writer_length(&w)));
}

/* ---- life ---- */

/* The row 'f': written with the first rows, so that a catalog without it is empty. */
static bool check_format(struct catalog *catalog, struct fault *fault) {
    uint8_t byte, version = CATALOG_FORMAT_VERSION;
    struct database_value value = {0};
    struct slice key = row_key(KEYS_FORMAT, &byte);
    enum database_found found = database_get(catalog->database, key, &value, fault);
    bool good = found != DATABASE_FAILED;
    if (found == DATABASE_PRESENT && (value.bytes.length != 1 || value.bytes.bytes[0] != version))
        good = fault_set(fault, FAULT_NEWER_FORMAT, 0, "the index has format %d, this leat writes %d: leat rebuild makes it anew",
                         value.bytes.length ? value.bytes.bytes[0] : 0, version);
    if (found == DATABASE_ABSENT && !catalog->options.read_only) {
        database_batch_put(catalog->batch.rows, key, slice_of(&version, 1));
        good = database_write(catalog->database, catalog->batch.rows, fault);
        database_batch_clear(catalog->batch.rows);
    }
    database_value_release(&value);
    return good;
}

static bool start(struct catalog *catalog, const char *dir, struct fault *fault) {
    struct catalog_options *options = &catalog->options;
    struct catalog_batch *batch = &catalog->batch;
    struct database_options database = {
        .memory_bytes = options->memory_bytes,
        .direct_io = options->direct_io,
        .read_only = options->read_only,
        .filters_in_cache = options->filters_in_cache,
    };
    if (!(catalog->database = database_open(dir, &database, fault))) return false;
    if (!(batch->rows = database_batch_create())) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a batch of the index");
    if (!overlay_init(&batch->overlay, catalog->database, OVERLAY_BUCKETS, fault)) return false;
    if (!check_format(catalog, fault) || !catalog_read_summary(catalog->database, false, &batch->committed, fault)) return false;
    atomic_init(&catalog->highest_sequence, batch->committed.highest_sequence);
    return true;
}

static void stop(struct catalog *catalog, bool flush) {
    if (!catalog) return;
    invariant(!catalog->batch.open);
    if (catalog->batch.overlay.buckets) overlay_release(&catalog->batch.overlay);
    if (catalog->batch.rows) database_batch_destroy(catalog->batch.rows);
    database_close(catalog->database, flush);
    free(catalog);
}

struct catalog *catalog_open(const char *dir, const struct catalog_options *options, struct fault *fault) {
    struct catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for the index");
        return NULL;
    }
    catalog->options = *options;
    if (!catalog->options.memory_bytes) catalog->options.memory_bytes = MEMORY_DEFAULT_BYTES;
    if (!catalog->options.flush_records) catalog->options.flush_records = FLUSH_RECORDS_DEFAULT;
    if (!catalog->options.flush_interval_ms) catalog->options.flush_interval_ms = FLUSH_INTERVAL_DEFAULT_MS;
    catalog->keys = (struct keys){.secret = catalog->options.secret, .bits = options->test_key_bits};
    catalog->batch.catalog = catalog;
    catalog->batch.arena_limit = (size_t)(catalog->options.memory_bytes / 8);
    if (start(catalog, dir, fault)) return catalog;
    stop(catalog, false);
    return NULL;
}

void catalog_close(struct catalog *catalog) { stop(catalog, true); }
void catalog_abandon(struct catalog *catalog) { stop(catalog, false); }
bool catalog_wipe(const char *dir, struct fault *fault) { return database_destroy(dir, fault); }

/* ---- point reads ---- */

static enum catalog_found read_instance(struct slice bytes, struct slice series_uid, struct slice sop_uid,
                                        struct catalog_hit *hit, struct fault *fault) {
    struct row_instance row;
    struct row_instance_texts texts;
    if (!row_instance_read(bytes, series_uid, &row, &texts)) {
        fault_set(fault, FAULT_CORRUPT, 0, "a row of the index (an instance) can't be read: leat rebuild makes it anew");
        return CATALOG_ERROR;
    }
    if (!slice_equal(row.sop_uid, sop_uid)) return CATALOG_COLLISION;
    hit->place = row.place;
    memcpy(hit->digest, row.digest, sizeof hit->digest);
    hit->payload_length = row.payload_length;
    hit->sequence = row.sequence;
    return CATALOG_FOUND;
}

/* A row is there, so it is nearly surely the one asked for: its study and its series say whether it is. */
static enum catalog_found check_parents(struct catalog *catalog, const struct identity *identity, struct slice study_uid,
                                        struct slice series_uid, struct database_value *value, bool *quarantined,
                                        struct fault *fault) {
    struct row_series series;
    struct row_study study;
    uint8_t text[PACKED_UID_BYTES_MAX];
    struct key key = keys_series(&identity->study, &identity->series);
    enum database_found found = database_get(catalog->database, keys_slice(&key), value, fault);
    if (found == DATABASE_FAILED) return CATALOG_ERROR;
    bool good = found == DATABASE_PRESENT && row_series_read(value->bytes, &series, text);
    if (good && !slice_equal(series.uid, series_uid)) return CATALOG_COLLISION;
    *quarantined = good && series.quarantined;
    key = keys_study(&identity->study);
    if (good) found = database_get(catalog->database, keys_slice(&key), value, fault);
    if (found == DATABASE_FAILED) return CATALOG_ERROR;
    good = good && found == DATABASE_PRESENT && row_study_read(value->bytes, &study, text);
    if (good) return slice_equal(study.uid, study_uid) ? CATALOG_FOUND : CATALOG_COLLISION;
    fault_set(fault, FAULT_CORRUPT, 0, "an instance in the index has no study or series: leat rebuild makes it anew");
    return CATALOG_ERROR;
}

enum catalog_found catalog_lookup(struct catalog *catalog, struct slice study_uid, struct slice series_uid, struct slice sop_uid,
                                  struct catalog_hit *hit, struct fault *fault) {
    struct identity identity = keys_identity(&catalog->keys, study_uid, series_uid, sop_uid);
    struct key key = keys_instance(&identity);
    struct database_value instance = {0}, parent = {0};
    enum database_found found = database_get(catalog->database, keys_slice(&key), &instance, fault);
    enum catalog_found result = found == DATABASE_FAILED ? CATALOG_ERROR : CATALOG_NONE;
    if (found == DATABASE_PRESENT) {
        result = check_parents(catalog, &identity, study_uid, series_uid, &parent, &hit->quarantined, fault);
        if (result == CATALOG_FOUND) result = read_instance(instance.bytes, series_uid, sop_uid, hit, fault);
    }
    database_value_release(&parent);
    database_value_release(&instance);
    return result;
}

/* ---- checkpoint and totals ---- */

int catalog_positions(struct catalog *catalog, bool persisted, struct catalog_position out[CATALOG_LOGS_MAX],
                      struct fault *fault) {
    struct catalog_summary summary;
    if (!catalog_read_summary(catalog->database, persisted, &summary, fault)) return -1;
    memcpy(out, summary.positions, summary.position_count * sizeof *out);
    return (int)summary.position_count;
}

bool catalog_totals(struct catalog *catalog, struct catalog_totals *totals, struct fault *fault) {
    struct catalog_summary summary;
    bool good = catalog_read_summary(catalog->database, false, &summary, fault);
    *totals = summary.totals;
    return good;
}

uint64_t catalog_highest_sequence(struct catalog *catalog) {
    return atomic_load_explicit(&catalog->highest_sequence, memory_order_acquire);
}

uint64_t catalog_disk_bytes(struct catalog *catalog) { return database_disk_bytes(catalog->database); }
uint64_t catalog_memory_bytes(struct catalog *catalog) { return database_memory_bytes(catalog->database); }

bool catalog_flush(struct catalog *catalog, struct fault *fault) {
    if (!database_flush(catalog->database, true, fault)) return false;
    catalog->unflushed_records = 0;
    return true;
}

bool catalog_healthy(struct catalog *catalog, struct fault *fault) { return database_healthy(catalog->database, fault); }

bool catalog_tick(struct catalog *catalog, uint64_t now_ms, struct fault *fault) {
    if (!database_healthy(catalog->database, fault)) return database_resume(catalog->database, fault);
    if (!catalog->unflushed_records || catalog->flushed_ms == 0) catalog->flushed_ms = now_ms;
    if (now_ms - catalog->flushed_ms < catalog->options.flush_interval_ms) return true;
    catalog->flushed_ms = now_ms;
    if (!database_flush(catalog->database, false, fault)) return false;
    catalog->unflushed_records = 0;
    return true;
}
