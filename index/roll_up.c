/* SPDX-License-Identifier: Apache-2.0 */
/* roll_up: see roll_up.h. Levels are counted from the lowest upwards: each step marks rows of the next level only. */
#include "index/roll_up.h"

#include "engine/base/check.h"
#include "index/claims.h"
#include "index/tally.h"

static const struct catalog_counts nothing;

static void count_modality(struct overlay *overlay, struct row_study *study, const struct contribution *before,
                           const struct contribution *now) {
    if (before->counts.series == now->counts.series && slice_equal(before->modality, now->modality)) return;
    if (before->counts.series) study->modalities = tally_change(study->modalities, before->modality, -1, &overlay->arena);
    if (now->counts.series) study->modalities = tally_change(study->modalities, now->modality, 1, &overlay->arena);
}

static void count_series(struct catalog_batch *batch, struct overlay_series *series) {
    struct contribution now = contribution_of_series(&series->row), before = series->counted;
    struct catalog_totals *totals = &batch->now.totals;
    count_modality(&batch->overlay, &series->study->row, &before, &now);
    row_counts_add(&series->study->row.counts, &now.counts, &before.counts);
    totals->quarantined_series += now.aside_series - before.aside_series;
    totals->quarantined += now.aside_instances - before.aside_instances;
    totals->quarantined_bytes += now.aside_bytes - before.aside_bytes;
    series->counted = now;
    overlay_mark(&batch->overlay, &series->study->entry);
}

static bool move_counts(struct catalog_batch *batch, const struct short_name *name, const struct catalog_counts *add,
                        const struct catalog_counts *take, struct fault *fault) {
    struct overlay_patient *patient = overlay_patient(&batch->overlay, name, fault);
    if (!patient) return false;
    row_counts_add(&patient->row.counts, add, take);
    overlay_mark(&batch->overlay, &patient->entry);
    return true;
}

static bool count_study(struct catalog_batch *batch, struct overlay_study *study, struct fault *fault) {
    if (study->claims_moved && !claims_recount(batch, study, fault)) return false;
    struct catalog_counts now = contribution_of_study(&study->row);
    if (study->counted.studies && !move_counts(batch, &study->counted_in, &nothing, &study->counted, fault)) return false;
    if (now.studies && !move_counts(batch, &study->row.patient, &now, &nothing, fault)) return false;
    study->counted = now;
    study->counted_in = study->row.patient;
    return true;
}

static void count_patient(struct catalog_batch *batch, struct overlay_patient *patient) {
    struct catalog_counts now = contribution_of_patient(&patient->row), before = patient->counted;
    struct catalog_totals *totals = &batch->now.totals;
    totals->patients += (uint64_t)(now.studies > 0) - (uint64_t)(before.studies > 0);
    totals->studies += now.studies - before.studies;
    totals->series += now.series - before.series;
    totals->instances += now.instances - before.instances;
    totals->bytes += now.bytes - before.bytes;
    totals->superseded += now.superseded - before.superseded;
    totals->superseded_bytes += now.superseded_bytes - before.superseded_bytes;
    patient->counted = now;
}

bool roll_up_count(struct catalog_batch *batch, struct fault *fault) {
    struct overlay_entry **dirty = batch->overlay.dirty;
    for (struct overlay_entry *e = dirty[OVERLAY_SERIES]; e; e = e->next_dirty)
        count_series(batch, container_of(e, struct overlay_series, entry));
    for (struct overlay_entry *e = dirty[OVERLAY_STUDY]; e; e = e->next_dirty)
        if (!count_study(batch, container_of(e, struct overlay_study, entry), fault)) return false;
    for (struct overlay_entry *e = dirty[OVERLAY_PATIENT]; e; e = e->next_dirty)
        count_patient(batch, container_of(e, struct overlay_patient, entry));
    return true;
}

/* Room for a row: its blocks, and what else stands in one. */
static struct writer room(struct catalog_batch *batch, size_t blocks) {
    size_t capacity = blocks + 4 * PACKED_UID_BYTES_MAX + 2 * ROW_PATIENT_ID_BYTES + 256;
    return writer_over(row_arena_take(&batch->overlay.arena, capacity), capacity);
}

static void put(struct catalog_batch *batch, struct overlay_entry *entry, const struct writer *w) {
    invariant(!w->failed);
    database_batch_put(batch->rows, entry->key, slice_of(w->start, writer_length(w)));
}

static void write_series(struct catalog_batch *batch, struct overlay_series *series) {
    const struct row_series *row = &series->row;
    struct writer w = room(batch, row->values.length + row->changes.length + row->classes.length);
    row_series_write(&w, row);
    put(batch, &series->entry, &w);
}

static void write_lookups(struct catalog_batch *batch, struct overlay_entry *entry, struct lookups now) {
    lookups_write(&entry->lookups, &now, batch->rows);
    entry->lookups = now;
}

static void write_study(struct catalog_batch *batch, struct overlay_study *study) {
    const struct row_study *row = &study->row;
    struct writer w = room(batch, row->values.length + row->changes.length + row->modalities.length);
    row_study_write(&w, row);
    put(batch, &study->entry, &w);
    write_lookups(batch, &study->entry, lookups_of_study(&study->name, row, &batch->overlay.arena));
}

static void write_patient(struct catalog_batch *batch, struct overlay_patient *patient) {
    const struct row_patient *row = &patient->row;
    struct writer w = room(batch, row->values.length + row->changes.length);
    row_patient_write(&w, row);
    put(batch, &patient->entry, &w);
    write_lookups(batch, &patient->entry, lookups_of_patient(&patient->name, row, &batch->overlay.arena));
}

static void write_raw(struct catalog_batch *batch, struct overlay_raw *raw) {
    if (raw->present) database_batch_put(batch->rows, raw->entry.key, raw->value);
    else database_batch_remove(batch->rows, raw->entry.key);
}

void roll_up_write(struct catalog_batch *batch) {
    struct overlay_entry **dirty = batch->overlay.dirty;
    for (uint32_t kind = 0; kind < OVERLAY_KINDS; kind++) {
        for (struct overlay_entry *e = dirty[kind]; e; e = e->next_dirty) {
            if (kind == OVERLAY_RAW) write_raw(batch, container_of(e, struct overlay_raw, entry));
            else if (kind == OVERLAY_PATIENT) write_patient(batch, container_of(e, struct overlay_patient, entry));
            else if (kind == OVERLAY_STUDY) write_study(batch, container_of(e, struct overlay_study, entry));
            else write_series(batch, container_of(e, struct overlay_series, entry));
            e->dirty = false;
        }
        dirty[kind] = NULL;
    }
}
