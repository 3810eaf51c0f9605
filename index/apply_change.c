/* SPDX-License-Identifier: Apache-2.0 */
/* apply_change: a CHANGE record into the `changes` of the row that it names (change.h). A row that no object has made yet is
 * made, unseen, so that the change stands when the object comes later. */
#include "index/apply.h"
#include "index/change.h"

/* The changes of a row with those of the record; for each attribute the highest sequence wins. */
static struct slice merge(struct catalog_batch *batch, struct slice changes, uint64_t sequence, struct reader r) {
    struct row_arena *arena = &batch->overlay.arena;
    struct change_entry entry;
    while (change_next_entry(&r, &entry)) {
        struct slice merged =
            values_change(changes, entry.tag, sequence, entry.flags, entry.text, batch->values, sizeof batch->values);
        if (merged.bytes == batch->values) changes = row_arena_copy(arena, merged);
    }
    return changes;
}

static enum catalog_applied settle(struct catalog_batch *batch, struct overlay_entry *entry, struct slice *changes,
                                   uint64_t sequence, struct reader r) {
    struct slice merged = merge(batch, *changes, sequence, r);
    bool same = slice_equal(merged, *changes);
    *changes = merged;
    overlay_mark(&batch->overlay, entry);
    return same ? CATALOG_APPLIED_BEFORE : CATALOG_APPLIED;
}

static enum catalog_applied change_patient(struct catalog_batch *batch, const struct record *record, struct fault *fault) {
    struct reader r = reader_over(record->change);
    struct slice id, issuer;
    change_read_patient(&r, &id, &issuer);
    if (r.failed || id.length > ROW_PATIENT_ID_BYTES || issuer.length > ROW_PATIENT_ID_BYTES ||
        record->study_uid.length > PACKED_UID_BYTES_MAX)
        return CATALOG_APPLIED_BEFORE;
    struct short_name name = row_patient_name(&batch->catalog->keys, id, issuer, record->study_uid);
    struct overlay_patient *patient = overlay_patient(&batch->overlay, &name, fault);
    if (!patient) return CATALOG_APPLIED_ERROR;
    if (!apply_is_patient(patient, id, issuer, record->study_uid)) return CATALOG_APPLIED_BEFORE;
    apply_create_patient(batch, patient, id, issuer, record->study_uid);
    return settle(batch, &patient->entry, &patient->row.changes, record->sequence, r);
}

static enum catalog_applied change_study_or_series(struct catalog_batch *batch, const struct record *record,
                                                   struct fault *fault) {
    bool of_series = record->change_kind == CHANGE_SERIES_VALUES;
    if (record->study_uid.length == 0 || record->study_uid.length > PACKED_UID_BYTES_MAX) return CATALOG_APPLIED_BEFORE;
    if (of_series && (record->series_uid.length == 0 || record->series_uid.length > PACKED_UID_BYTES_MAX))
        return CATALOG_APPLIED_BEFORE;
    struct short_name name = keys_shorten(&batch->catalog->keys, record->study_uid);
    struct overlay_study *study = overlay_study(&batch->overlay, &name, fault);
    if (!study) return CATALOG_APPLIED_ERROR;
    if (study->present && !slice_equal(study->row.uid, record->study_uid)) return CATALOG_APPLIED_BEFORE;
    if (!of_series) {
        apply_create_study(batch, study, record->study_uid);
        return settle(batch, &study->entry, &study->row.changes, record->sequence, reader_over(record->change));
    }
    name = keys_shorten(&batch->catalog->keys, record->series_uid);
    struct overlay_series *series = overlay_series(&batch->overlay, study, &name, fault);
    if (!series) return CATALOG_APPLIED_ERROR;
    if (series->present && !slice_equal(series->row.uid, record->series_uid)) return CATALOG_APPLIED_BEFORE;
    apply_create_study(batch, study, record->study_uid);
    apply_create_series(batch, series, record->series_uid);
    return settle(batch, &series->entry, &series->row.changes, record->sequence, reader_over(record->change));
}

enum catalog_applied apply_change(struct catalog_batch *batch, const struct record *record, struct fault *fault) {
    switch (record->change_kind) {
    case CHANGE_PATIENT_VALUES:
        return change_patient(batch, record, fault);
    case CHANGE_STUDY_VALUES:
    case CHANGE_SERIES_VALUES:
        return change_study_or_series(batch, record, fault);
    default:
        return CATALOG_APPLIED_BEFORE;
    }
}
