/* SPDX-License-Identifier: Apache-2.0 */
/* apply_note: a NOTE record: counters (cumulative within a run: the highest total of a run counts, so a note may come twice or
 * late) and problems (a row each, named by sequence and content, so that the same one twice is one). */
#include "index/apply.h"

static bool count(struct catalog_batch *batch, uint64_t run_id, const struct record_counter *counter, struct fault *fault) {
    struct key key = keys_begin(KEYS_COUNTER);
    uint8_t bytes[8];
    keys_add_text(&key, counter->name, true);
    keys_add_u64(&key, run_id);
    struct overlay_raw *raw = overlay_raw(&batch->overlay, &key, fault);
    if (!raw) return false;
    if (raw->present && raw->value.length == 8 && load_be64(raw->value.bytes) >= counter->total) return true;
    store_be64(bytes, counter->total);
    overlay_put(&batch->overlay, raw, slice_of(bytes, sizeof bytes));
    return true;
}

static void list(struct catalog_batch *batch, const struct record_problem *problem) {
    struct writer w = writer_over(batch->row, sizeof batch->row);
    packed_number(&w, problem->kind);
    packed_number(&w, problem->time_us);
    packed_slice(&w, problem->study_uid);
    packed_slice(&w, problem->series_uid);
    packed_slice(&w, problem->sop_uid);
    packed_slice(&w, problem->calling_aet);
    packed_slice(&w, problem->text);
    struct slice value = slice_of(w.start, writer_length(&w));
    struct digest_value digest = digest_of(batch->catalog->keys.secret, value.bytes, value.length);
    struct key key = keys_begin(KEYS_PROBLEM);
    keys_add_u64(&key, problem->sequence);
    keys_add(&key, digest.bytes, 8);
    if (!w.failed) database_batch_put(batch->rows, keys_slice(&key), value);
}

enum catalog_applied apply_note(struct catalog_batch *batch, const struct record *record, struct fault *fault) {
    struct reader counters = reader_over(record->counters), problems = reader_over(record->problems);
    struct record_counter counter;
    struct record_problem problem;
    while (record_counter_next(&counters, &counter))
        if (!count(batch, record->run_id, &counter, fault)) return CATALOG_APPLIED_ERROR;
    while (record_problem_next(&problems, &problem)) {
        list(batch, &problem);
        if (problem.sequence > batch->now.highest_sequence) batch->now.highest_sequence = problem.sequence;
    }
    return CATALOG_APPLIED;
}
