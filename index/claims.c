/* SPDX-License-Identifier: Apache-2.0 */
/* claims: see claims.h. Ownership follows from the set of records: the lowest first sequence wins, and it can only become lower,
 * so an owner is dethroned by an older record that is applied late, and by nothing else. */
#include "index/claims.h"

#define HEAD_BYTES (KEYS_LONG_BYTES + 8u)

static struct key claim_key(const struct short_name *series, const struct short_name *study) {
    struct key key = keys_begin(KEYS_CLAIM);
    keys_add_long(&key, series);
    if (study) keys_add_long(&key, study);
    return key;
}

static void put_number(struct catalog_batch *batch, struct overlay_raw *raw, uint64_t number) {
    uint8_t bytes[8];
    store_be64(bytes, number);
    overlay_put(&batch->overlay, raw, slice_of(bytes, sizeof bytes));
}

static void put_head(struct catalog_batch *batch, struct overlay_raw *head, const struct short_name *study, uint64_t first) {
    uint8_t bytes[HEAD_BYTES];
    memcpy(bytes, study->bytes, KEYS_LONG_BYTES);
    store_be64(bytes + KEYS_LONG_BYTES, first);
    overlay_put(&batch->overlay, head, slice_of(bytes, sizeof bytes));
}

bool claims_load(struct catalog_batch *batch, const struct overlay_series *series, struct slice series_uid,
                 struct claims_series *claims, bool *collision, struct fault *fault) {
    struct overlay *overlay = &batch->overlay;
    struct key key = claim_key(&series->name, NULL);
    *claims = (struct claims_series){.head = overlay_raw(overlay, &key, fault)};
    if (!claims->head) return false;
    if (!claims->head->present) return true;
    struct slice value = claims->head->value;
    if (value.length != HEAD_BYTES) return fault_set(fault, FAULT_CORRUPT, 0, "a claim in the index has %zu bytes", value.length);
    struct short_name study;
    memcpy(study.bytes, value.bytes, KEYS_LONG_BYTES);
    claims->owner_first = load_be64(value.bytes + KEYS_LONG_BYTES);
    if (keys_same(&study, &series->study->name)) return true;
    key = claim_key(&series->name, &series->study->name);
    struct overlay_study *owner = overlay_study(overlay, &study, fault);
    if (!owner || !(claims->mine = overlay_raw(overlay, &key, fault))) return false;
    key = claim_key(&series->name, &study);
    if (!(claims->other = overlay_raw(overlay, &key, fault))) return false;
    claims->owner = overlay_series(overlay, owner, &series->name, fault);
    if (!claims->owner) return false;
    *collision = claims->owner->present && !slice_equal(claims->owner->row.uid, series_uid);
    return true;
}

static void quarantine(struct catalog_batch *batch, struct overlay_series *series, bool quarantined) {
    if (series->row.quarantined == quarantined) return;
    struct key key = keys_begin(KEYS_QUARANTINE);
    keys_add_long(&key, &series->study->name);
    keys_add_short(&key, &series->name);
    if (quarantined) database_batch_put(batch->rows, keys_slice(&key), slice_of("", 0));
    else database_batch_remove(batch->rows, keys_slice(&key));
    series->row.quarantined = quarantined;
    series->study->claims_moved = true;
    overlay_mark(&batch->overlay, &series->entry);
    overlay_mark(&batch->overlay, &series->study->entry);
}

/* The owner steps back: its claim becomes one of the others, and this one the head. */
static void take_over(struct catalog_batch *batch, struct overlay_series *series, const struct claims_series *claims) {
    put_number(batch, claims->other, claims->owner_first);
    overlay_remove(&batch->overlay, claims->mine);
    put_head(batch, claims->head, &series->study->name, series->row.first_sequence);
    quarantine(batch, claims->owner, true);
    quarantine(batch, series, false);
}

void claims_settle(struct catalog_batch *batch, struct overlay_series *series, const struct claims_series *claims) {
    uint64_t first = series->row.first_sequence;
    if (!claims->owner) {
        put_head(batch, claims->head, &series->study->name, first);
        return;
    }
    int order = memcmp(series->study->name.bytes, claims->owner->study->name.bytes, KEYS_LONG_BYTES);
    if (first < claims->owner_first || (first == claims->owner_first && order < 0)) {
        take_over(batch, series, claims);
        return;
    }
    put_number(batch, claims->mine, first);
    quarantine(batch, series, true);
}

static struct overlay_raw *conflict_row(struct catalog_batch *batch, const struct overlay_study *study,
                                        const struct short_name *patient, struct fault *fault) {
    struct key key = keys_begin(KEYS_CONFLICT);
    keys_add_long(&key, &study->name);
    keys_add_long(&key, patient);
    return overlay_raw(&batch->overlay, &key, fault);
}

bool claims_patient(struct catalog_batch *batch, struct overlay_study *study, const struct short_name *patient, uint64_t sequence,
                    struct fault *fault) {
    struct row_study *row = &study->row;
    if (row->first_sequence == 0) row->only_patient = *patient;
    if (!row->conflict && keys_same(&row->only_patient, patient)) return true;
    struct overlay_raw *raw = conflict_row(batch, study, patient, fault);
    if (!raw) return false;
    if (!row->conflict) {
        struct overlay_raw *only = conflict_row(batch, study, &row->only_patient, fault);
        if (!only) return false;
        put_number(batch, only, row->first_sequence);
        row->conflict = true;
        memset(&row->only_patient, 0, sizeof row->only_patient);
    }
    if (!raw->present || load_be64(raw->value.bytes) > sequence) put_number(batch, raw, sequence);
    return true;
}

static void consider(struct row_study *study, const struct row_series *series) {
    if (series->quarantined || series->sequence <= study->claim_sequence) return;
    study->claim_sequence = series->sequence;
    study->patient = series->patient;
}

bool claims_recount(struct catalog_batch *batch, struct overlay_study *study, struct fault *fault) {
    study->row.claim_sequence = 0;
    memset(&study->row.patient, 0, sizeof study->row.patient);
    for (struct overlay_series *s = study->series; s; s = s->next_in_study) consider(&study->row, &s->row);
    struct key first = keys_begin(KEYS_SERIES), limit;
    keys_add_long(&first, &study->name);
    limit = keys_after(&first);
    struct fault seen = {0};
    struct slice key, value;
    struct database_walk *walk =
        database_walk_begin(batch->catalog->database, NULL, keys_slice(&first), keys_slice(&limit), false);
    if (!walk) return fault_set(fault, FAULT_MEMORY, 0, "no memory to walk the index");
    while (database_walk_next(walk, &key, &value, &seen)) {
        struct row_series row;
        uint8_t text[PACKED_UID_BYTES_MAX];
        if (overlay_peek(&batch->overlay, key)) continue;
        if (row_series_read(value, &row, text)) consider(&study->row, &row);
        else fault_set(&seen, FAULT_CORRUPT, 0, "a row of the index (a series) can't be read");
    }
    database_walk_end(walk);
    study->claims_moved = false;
    if (seen.code && fault) *fault = seen;
    return seen.code == FAULT_NONE;
}
