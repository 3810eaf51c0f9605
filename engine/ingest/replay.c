/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest/replay.h"

#include "engine/base/check.h"

#define REPLAY_BATCH_RECORDS 512u

struct replay {
    struct catalog *catalog;
    const struct replay_options *options;
    struct catalog_batch *batch;
    uint32_t in_batch;
    struct replay_progress *done;
};

static bool commit(struct replay *replay, struct fault *fault) {
    if (!replay->batch) return true;
    struct catalog_batch *batch = replay->batch;
    replay->batch = NULL;
    replay->in_batch = 0;
    if (!catalog_batch_commit(batch, fault)) return false;
    if (replay->options->progress && !replay->options->progress(replay->options->context, replay->done))
        return fault_set(fault, FAULT_CANCELLED, 0, "cancelled");
    return true;
}

static bool apply(void *context, const struct record *seen, struct place place, uint32_t log, uint64_t next_offset, struct fault *fault) {
    struct replay *replay = context;
    struct record record = *seen;
    if (replay->options->transform && !replay->options->transform(replay->options->context, &record, place, fault)) return false;
    if (!replay->batch) replay->batch = catalog_batch_begin(replay->catalog);
    if (!replay->batch) return fault_set(fault, FAULT_MEMORY, 0, "no memory for an index batch");
    if (catalog_batch_apply(replay->batch, &record, place, fault) == CATALOG_APPLIED_ERROR) return false;
    catalog_batch_position(replay->batch, log, place.segment, next_offset);
    replay->done->records++;
    replay->done->bytes += place.payload_bytes;
    return ++replay->in_batch < REPLAY_BATCH_RECORDS || commit(replay, fault);
}

static size_t positions_of(struct catalog *catalog, struct store_position out[CATALOG_LOGS_MAX], bool *ok, struct fault *fault) {
    struct catalog_position known[CATALOG_LOGS_MAX];
    int count = catalog_positions(catalog, true, known, fault);
    *ok = count >= 0;
    for (int i = 0; i < count; i++)
        out[i] = (struct store_position){.log = known[i].log, .segment = known[i].segment, .offset = known[i].offset};
    return count < 0 ? 0 : (size_t)count;
}

bool replay_run(struct store *store, struct catalog *catalog, const struct replay_options *options, struct replay_progress *done,
                struct fault *fault) {
    static const struct replay_options plain = {0};
    struct replay_progress ignored;
    struct store_position positions[CATALOG_LOGS_MAX];
    struct replay replay = {.catalog = catalog, .options = options ? options : &plain, .done = done ? done : &ignored};
    *replay.done = (struct replay_progress){0};
    bool ok;
    size_t count = positions_of(catalog, positions, &ok, fault);
    if (!ok) return false;
    ok = store_replay(store, positions, count, apply, &replay, fault);
    if (ok) return commit(&replay, fault);
    struct fault later;
    if (fault && fault->code == FAULT_CORRUPT) (void)commit(&replay, &later); /* what could be read is in the rows */
    if (replay.batch) catalog_batch_abort(replay.batch);
    return false;
}
