/* SPDX-License-Identifier: Apache-2.0 */
/* apply: what the kinds of records share; see apply.h. */
#include "index/apply.h"

void apply_create_study(struct catalog_batch *batch, struct overlay_study *study, struct slice uid) {
    overlay_mark(&batch->overlay, &study->entry);
    if (study->present) return;
    study->present = true;
    study->row.uid = row_arena_copy(&batch->overlay.arena, uid);
}

void apply_create_series(struct catalog_batch *batch, struct overlay_series *series, struct slice uid) {
    overlay_mark(&batch->overlay, &series->entry);
    if (series->present) return;
    series->present = true;
    series->row.uid = row_arena_copy(&batch->overlay.arena, uid);
}

void apply_create_patient(struct catalog_batch *batch, struct overlay_patient *patient, struct slice id, struct slice issuer,
                          struct slice study_uid) {
    struct row_arena *arena = &batch->overlay.arena;
    overlay_mark(&batch->overlay, &patient->entry);
    if (patient->present) return;
    patient->present = true;
    if (id.length) {
        patient->row.id = row_arena_copy(arena, id);
        patient->row.issuer = row_arena_copy(arena, issuer);
    } else {
        patient->row.study_uid = row_arena_copy(arena, study_uid);
    }
}

bool apply_is_patient(const struct overlay_patient *patient, struct slice id, struct slice issuer, struct slice study_uid) {
    if (!patient->present) return true;
    if (id.length == 0) return patient->row.id.length == 0 && slice_equal(patient->row.study_uid, study_uid);
    return slice_equal(patient->row.id, id) && slice_equal(patient->row.issuer, issuer);
}

/* place (segment, offset, header_bytes, payload_bytes), why, study, series, SOP UID: each text with its length */
enum catalog_applied apply_unfiled(struct catalog_batch *batch, const struct record *record, struct place place, const char *why,
                                   struct fault *fault) {
    struct key key = keys_begin(KEYS_UNFILED);
    keys_add_u64(&key, record->sequence);
    struct overlay_raw *raw = overlay_raw(&batch->overlay, &key, fault);
    if (!raw) return CATALOG_APPLIED_ERROR;
    bool before = raw->present;
    if (before) {
        struct reader r = reader_over(raw->value);
        struct place old = {.segment = (uint32_t)packed_read_number(&r), .offset = packed_read_number(&r)};
        if (!apply_place_is_later(&place, &old)) return CATALOG_APPLIED_BEFORE;
    }
    struct writer w = writer_over(batch->row, sizeof batch->row);
    packed_number(&w, place.segment);
    packed_number(&w, place.offset);
    packed_number(&w, place.header_bytes);
    packed_number(&w, place.payload_bytes);
    packed_slice(&w, slice_text(why));
    packed_slice(&w, record->study_uid);
    packed_slice(&w, record->series_uid);
    packed_slice(&w, record->sop_uid);
    overlay_put(&batch->overlay, raw, slice_of(w.start, writer_length(&w)));
    if (!before) {
        batch->now.totals.unfiled++;
        batch->now.totals.records++;
    }
    return before ? CATALOG_APPLIED_BEFORE : CATALOG_APPLIED_UNFILED;
}
