/* SPDX-License-Identifier: Apache-2.0 */
/* overlay: see overlay.h. */
#include "index/overlay.h"

#include <stdlib.h>

#include "engine/base/check.h"

bool overlay_init(struct overlay *overlay, struct database *database, uint32_t bucket_count, struct fault *fault) {
    *overlay = (struct overlay){.database = database, .bucket_count = bucket_count};
    row_arena_init(&overlay->arena);
    overlay->buckets = calloc(bucket_count, sizeof *overlay->buckets);
    return overlay->buckets || fault_set(fault, FAULT_MEMORY, 0, "no memory for the index's rows");
}

void overlay_release(struct overlay *overlay) {
    row_arena_release(&overlay->arena);
    free(overlay->buckets);
    database_value_release(&overlay->value);
    *overlay = (struct overlay){0};
}

void overlay_reset(struct overlay *overlay) {
    row_arena_reset(&overlay->arena);
    memset(overlay->buckets, 0, overlay->bucket_count * sizeof *overlay->buckets);
    memset(overlay->dirty, 0, sizeof overlay->dirty);
    overlay->count = 0;
}

/* FNV-1a with a last mix: keys are digests under a secret already, so nobody can choose collisions. */
static uint64_t hash_of(struct slice key) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < key.length; i++) hash = (hash ^ key.bytes[i]) * 0x100000001B3u;
    return hash ^ hash >> 29;
}

static struct overlay_entry *find(struct overlay *overlay, struct slice key, uint64_t hash) {
    struct overlay_entry *entry = overlay->buckets[hash & (overlay->bucket_count - 1)];
    while (entry && !(entry->hash == hash && slice_equal(entry->key, key))) entry = entry->next;
    return entry;
}

struct overlay_entry *overlay_peek(struct overlay *overlay, struct slice key) { return find(overlay, key, hash_of(key)); }

static void *add(struct overlay *overlay, size_t bytes, enum overlay_kind kind, struct slice key, uint64_t hash) {
    struct overlay_entry *entry = row_arena_take(&overlay->arena, bytes);
    struct overlay_entry **bucket = &overlay->buckets[hash & (overlay->bucket_count - 1)];
    entry->kind = kind;
    entry->key = row_arena_copy(&overlay->arena, key);
    entry->hash = hash;
    entry->next = *bucket;
    *bucket = entry;
    overlay->count++;
    return entry;
}

/* Reads the row into the arena; false on failure. */
static bool fetch(struct overlay *overlay, struct slice key, bool *present, struct slice *bytes, struct fault *fault) {
    enum database_found found = database_get(overlay->database, key, &overlay->value, fault);
    if (found == DATABASE_FAILED) return false;
    *present = found == DATABASE_PRESENT;
    *bytes = *present ? row_arena_copy(&overlay->arena, overlay->value.bytes) : slice_of("", 0);
    return true;
}

static void *malformed(struct fault *fault, const char *what) {
    fault_set(fault, FAULT_CORRUPT, 0, "a row of the index (%s) can't be read: leat rebuild makes it anew", what);
    return NULL;
}

struct overlay_raw *overlay_raw(struct overlay *overlay, const struct key *key, struct fault *fault) {
    uint64_t hash = hash_of(keys_slice(key));
    struct overlay_entry *entry = find(overlay, keys_slice(key), hash);
    if (entry) return container_of(entry, struct overlay_raw, entry);
    bool present;
    struct slice bytes;
    if (!fetch(overlay, keys_slice(key), &present, &bytes, fault)) return NULL;
    struct overlay_raw *raw = add(overlay, sizeof *raw, OVERLAY_RAW, keys_slice(key), hash);
    raw->present = present;
    raw->value = bytes;
    return raw;
}

struct overlay_patient *overlay_patient(struct overlay *overlay, const struct short_name *name, struct fault *fault) {
    struct key key = keys_patient(name);
    uint64_t hash = hash_of(keys_slice(&key));
    struct overlay_entry *entry = find(overlay, keys_slice(&key), hash);
    if (entry) return container_of(entry, struct overlay_patient, entry);
    bool present;
    struct slice bytes;
    struct row_patient row = {0};
    if (!fetch(overlay, keys_slice(&key), &present, &bytes, fault)) return NULL;
    if (present && !row_patient_read(bytes, &row)) return malformed(fault, "a patient");
    struct overlay_patient *patient = add(overlay, sizeof *patient, OVERLAY_PATIENT, keys_slice(&key), hash);
    patient->present = present;
    patient->name = *name;
    patient->row = row;
    patient->counted = contribution_of_patient(&row);
    patient->entry.lookups = lookups_of_patient(name, &row, &overlay->arena);
    return patient;
}

struct overlay_study *overlay_study(struct overlay *overlay, const struct short_name *name, struct fault *fault) {
    struct key key = keys_study(name);
    uint64_t hash = hash_of(keys_slice(&key));
    struct overlay_entry *entry = find(overlay, keys_slice(&key), hash);
    if (entry) return container_of(entry, struct overlay_study, entry);
    bool present;
    struct slice bytes;
    struct row_study row = {0};
    uint8_t text[PACKED_UID_BYTES_MAX];
    if (!fetch(overlay, keys_slice(&key), &present, &bytes, fault)) return NULL;
    if (present && !row_study_read(bytes, &row, text)) return malformed(fault, "a study");
    struct overlay_study *study = add(overlay, sizeof *study, OVERLAY_STUDY, keys_slice(&key), hash);
    row.uid = row_arena_copy(&overlay->arena, row.uid);
    study->present = present;
    study->name = *name;
    study->row = row;
    study->counted = contribution_of_study(&row);
    study->counted_in = row.patient;
    study->entry.lookups = lookups_of_study(name, &row, &overlay->arena);
    return study;
}

struct overlay_series *overlay_series(struct overlay *overlay, struct overlay_study *study, const struct short_name *name,
                                      struct fault *fault) {
    struct key key = keys_series(&study->name, name);
    uint64_t hash = hash_of(keys_slice(&key));
    struct overlay_entry *entry = find(overlay, keys_slice(&key), hash);
    if (entry) return container_of(entry, struct overlay_series, entry);
    bool present;
    struct slice bytes;
    struct row_series row = {0};
    uint8_t text[PACKED_UID_BYTES_MAX];
    if (!fetch(overlay, keys_slice(&key), &present, &bytes, fault)) return NULL;
    if (present && !row_series_read(bytes, &row, text)) return malformed(fault, "a series");
    struct overlay_series *series = add(overlay, sizeof *series, OVERLAY_SERIES, keys_slice(&key), hash);
    row.uid = row_arena_copy(&overlay->arena, row.uid);
    series->present = present;
    series->name = *name;
    series->row = row;
    series->counted = contribution_of_series(&row);
    series->study = study;
    series->next_in_study = study->series;
    study->series = series;
    return series;
}

void overlay_mark(struct overlay *overlay, struct overlay_entry *entry) {
    if (entry->dirty) return;
    entry->dirty = true;
    entry->next_dirty = overlay->dirty[entry->kind];
    overlay->dirty[entry->kind] = entry;
}

void overlay_put(struct overlay *overlay, struct overlay_raw *raw, struct slice value) {
    raw->value = row_arena_copy(&overlay->arena, value);
    raw->present = true;
    overlay_mark(overlay, &raw->entry);
}

void overlay_remove(struct overlay *overlay, struct overlay_raw *raw) {
    raw->value = slice_of("", 0);
    raw->present = false;
    overlay_mark(overlay, &raw->entry);
}
