/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as a damaged disk might give them: every decoder of the index on arbitrary bytes. Nothing is read beyond the end, nothing
 * trusted. */
#include "index/change.h"
#include "index/fold.h"
#include "index/lookups.h"
#include "index/row_instance.h"
#include "index/row_patient.h"
#include "index/row_series.h"
#include "index/row_study.h"
#include "index/tally.h"
#include "index/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_values(struct slice block, struct slice changes) {
    static uint8_t out[VALUES_BYTES_MAX], more[VALUES_BYTES_MAX];
    struct slice value;
    struct reader r = reader_over(block);
    struct value v;
    while (values_next(&r, &v)) {
    }
    values_effective(block, changes, out);
    values_find_effective(block, changes, 0x00100010, &value);
    values_change(changes, 0x00100010, 7, 0, slice_text("x"), more, sizeof more);
}

static void use_record(struct slice bytes) {
    static struct values_source source;
    static uint8_t out[4096];
    values_gather(&source, bytes);
    for (int level = INDEXED_PATIENT; level <= INDEXED_INSTANCE; level++)
        values_pick(&source, (enum indexed_level)level, out, sizeof out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice bytes = slice_of(data, size), uid = slice_text("1.2.3.4");
    struct row_instance instance;
    struct row_instance_texts texts;
    struct row_series series;
    struct row_study study;
    struct row_patient patient;
    struct row_arena arena;
    struct short_name name = {{1}};
    uint8_t text[PACKED_UID_BYTES_MAX];
    char folded[64];
    row_arena_init(&arena);
    if (row_instance_read(bytes, uid, &instance, &texts)) use_values(instance.values, slice_of("", 0));
    if (row_series_read(bytes, &series, text)) {
        use_values(series.values, series.changes);
        tally_change(series.classes, slice_text("1.2"), 1, &arena);
    }
    if (row_study_read(bytes, &study, text)) {
        use_values(study.values, study.changes);
        study.counts.series = 1;
        lookups_of_study(&name, &study, &arena);
    }
    if (row_patient_read(bytes, &patient)) {
        use_values(patient.values, patient.changes);
        patient.counts.studies = 1;
        lookups_of_patient(&name, &patient, &arena);
    }
    use_record(bytes);
    fold_name(bytes, folded, sizeof folded);
    row_arena_release(&arena);
    return 0;
}
