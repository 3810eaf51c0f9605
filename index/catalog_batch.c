/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_batch: see catalog_batch.h. Phases: begin (rows of the last batch stay in the overlay unless its arena is full), apply
 * and position, commit (count, write, publish) or abort (forget everything, and read the summary again). */
#include "engine/base/check.h"
#include "index/apply.h"
#include "index/roll_up.h"

struct catalog_batch *catalog_batch_begin(struct catalog *catalog) {
    struct catalog_batch *batch = &catalog->batch;
    invariant(!batch->open && !catalog->options.read_only);
    if (batch->overlay.arena.used > batch->arena_limit) overlay_reset(&batch->overlay);
    database_batch_clear(batch->rows);
    batch->now = batch->committed;
    batch->records = 0;
    batch->open = true;
    return batch;
}

enum catalog_applied catalog_batch_apply(struct catalog_batch *batch, const struct record *record, struct place place,
                                         struct fault *fault) {
    invariant(batch->open);
    enum catalog_applied applied = CATALOG_APPLIED_BEFORE;
    if (record->type == RECORD_OBJECT) applied = apply_object(batch, record, place, fault);
    else if (record->type == RECORD_CHANGE) applied = apply_change(batch, record, fault);
    else if (record->type == RECORD_NOTE) applied = apply_note(batch, record, fault);
    if (record->sequence > batch->now.highest_sequence) batch->now.highest_sequence = record->sequence;
    batch->records++;
    return applied;
}

void catalog_batch_position(struct catalog_batch *batch, uint32_t log, uint32_t segment, uint64_t offset) {
    struct catalog_summary *now = &batch->now;
    uint32_t i = 0;
    while (i < now->position_count && now->positions[i].log < log) i++;
    if (i == now->position_count || now->positions[i].log != log) {
        invariant(now->position_count < CATALOG_LOGS_MAX);
        memmove(&now->positions[i + 1], &now->positions[i], (now->position_count - i) * sizeof now->positions[0]);
        now->position_count++;
    }
    now->positions[i] = (struct catalog_position){.log = log, .segment = segment, .offset = offset};
}

void catalog_batch_abort(struct catalog_batch *batch) {
    invariant(batch->open);
    overlay_reset(&batch->overlay);
    database_batch_clear(batch->rows);
    batch->now = batch->committed;
    batch->open = false;
}

bool catalog_batch_commit(struct catalog_batch *batch, struct fault *fault) {
    invariant(batch->open);
    struct catalog *catalog = batch->catalog;
    bool good = roll_up_count(batch, fault);
    if (good) {
        roll_up_write(batch);
        catalog_write_summary(batch->rows, &batch->now);
        good = database_write(catalog->database, batch->rows, fault);
    }
    if (!good) {
        catalog_batch_abort(batch);
        return false;
    }
    batch->committed = batch->now;
    batch->open = false;
    atomic_store_explicit(&catalog->highest_sequence, batch->now.highest_sequence, memory_order_release);
    catalog->unflushed_records += batch->records ? batch->records : 1;
    if (catalog->unflushed_records < catalog->options.flush_records) return true;
    struct fault later; /* the batch stands; what is wrong with the disk shows at the next one */
    if (database_flush(catalog->database, false, &later)) catalog->unflushed_records = 0;
    return true;
}
