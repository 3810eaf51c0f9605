/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/replay.h"

#include <inttypes.h>
#include <stdlib.h>

#include "codec/dicom/indexed.h"
#include "codec/dicom/scan.h"
#include "codec/dicom/uids.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/base/progress.h"
#include "index/catalog_batch.h"

#define BATCH_RECORDS 5000u
#define SAY_EVERY_MS 5000u

struct replay {
    struct store *store;
    struct catalog *catalog;
    struct catalog_batch *batch; /* NULL between batches */
    uint32_t in_batch;
    bool extract;
    struct output *output;
    struct replay_report *report;
    struct progress progress;
    uint64_t said_ms;
    uint32_t segment;            /* of the last record, to know how far it is to the next one */
    struct catalog_position at;  /* where the next record begins */
    struct scan scan;
    uint8_t attributes[INDEXED_BLOCK_BYTES_MAX];
};

/* ---- extraction ---- */

/* The scanner takes blocks until it has seen the pixel data: everything that is indexed stands before them. */
static bool scan_block(void *context, struct slice block, uint64_t offset) {
    (void)offset;
    struct scan *scan = context;
    enum scan_status status = scan_feed(scan, block.bytes, block.length, NULL);
    return status == SCAN_MORE && scan->pixel_data_offset == SCAN_NONE;
}

static bool read_attributes(struct replay *replay, const struct record *record, struct place place, struct attributes *attributes,
                            struct fault *fault) {
    attributes_init(attributes, replay->attributes, sizeof replay->attributes);
    scan_init(&replay->scan, uids_encoding(record->transfer_syntax_uid), attributes);
    bool read = store_read_payload(replay->store, place, scan_block, &replay->scan, fault);
    bool done = replay->scan.pixel_data_offset != SCAN_NONE || (read && scan_finish(&replay->scan, fault) == SCAN_DONE);
    if (!read && !done && fault->code == FAULT_CANCELLED) scan_feed(&replay->scan, NULL, 0, fault); /* the scanner's own fault */
    scan_release(&replay->scan);
    return done;
}

static void say(struct replay *replay, const char *text, const struct record *record, const struct fault *fault) {
    if (replay->output)
        output_message(replay->output, "%s: instance %.*s: %s", text, SLICE_ARGS(record->sop_uid), fault->text);
    else
        log_warn("%s: instance %.*s: %s", text, SLICE_ARGS(record->sop_uid), fault->text);
}

/* The record with attributes as this extractor finds them; with its own ones where the data set can't be read. */
static struct record extracted(struct replay *replay, const struct record *record, struct place place) {
    struct record out = *record;
    struct attributes attributes;
    struct fault fault = {0};
    if (read_attributes(replay, record, place, &attributes, &fault)) {
        out.attributes = attributes_block(&attributes);
        out.extractor_version = INDEXED_EXTRACTOR_VERSION;
    } else {
        replay->report->unreadable++;
        say(replay, "attributes stay as they were found at receipt", record, &fault);
    }
    return out;
}

/* ---- batches ---- */

static bool commit(struct replay *replay, struct fault *fault) {
    if (!replay->batch) return true;
    catalog_batch_position(replay->batch, replay->at.log, replay->at.segment, replay->at.offset);
    struct catalog_batch *batch = replay->batch;
    replay->batch = NULL;
    replay->in_batch = 0;
    return catalog_batch_commit(batch, fault) && catalog_tick(replay->catalog, clock_monotonic_ms(), fault);
}

static void count_progress(struct replay *replay, const struct record *record, struct place place, uint64_t next_offset) {
    struct replay_report *report = replay->report;
    uint64_t bytes = next_offset > place.offset ? next_offset - place.offset : 0;
    report->records++;
    report->objects += record->type == RECORD_OBJECT;
    report->bytes += bytes;
    if (replay->output) {
        progress_add(&replay->progress, record->type == RECORD_OBJECT, bytes);
    } else if (clock_monotonic_ms() - replay->said_ms >= SAY_EVERY_MS) {
        replay->said_ms = clock_monotonic_ms();
        log_info("the index catches up: %" PRIu64 " records so far", report->records);
    }
}

static bool visit(void *context, const struct record *record, struct place place, uint32_t log, uint64_t next_offset,
                  struct fault *fault) {
    struct replay *replay = context;
    if (replay->output && output_stopped(replay->output)) return fault_set(fault, FAULT_CANCELLED, 0, "stopped");
    if (replay->batch && (replay->at.log != log || replay->in_batch == BATCH_RECORDS) && !commit(replay, fault)) return false;
    if (!replay->batch) replay->batch = catalog_batch_begin(replay->catalog);
    struct record anew;
    if (replay->extract && record->type == RECORD_OBJECT) {
        anew = extracted(replay, record, place);
        record = &anew;
    }
    switch (catalog_batch_apply(replay->batch, record, place, fault)) {
    case CATALOG_APPLIED_ERROR: return false;
    case CATALOG_APPLIED_UNFILED: replay->report->unfiled++; break;
    default: break;
    }
    replay->at = (struct catalog_position){.log = log, .segment = place.segment, .offset = next_offset};
    replay->in_batch++;
    count_progress(replay, record, place, next_offset);
    return true;
}

/* ---- the run ---- */

static uint64_t bytes_of_records(struct store *store) {
    struct store_statistics *statistics = malloc(sizeof *statistics);
    uint64_t bytes = 0;
    if (!statistics) return 0;
    store_get_statistics(store, statistics);
    for (uint32_t i = 0; i < statistics->volume_count; i++) bytes += statistics->volumes[i].segment_bytes;
    free(statistics);
    return bytes;
}

static bool run(struct replay *replay, struct fault *fault) {
    struct catalog_position positions[CATALOG_LOGS_MAX];
    struct store_position from[CATALOG_LOGS_MAX];
    int count = catalog_positions(replay->catalog, true, positions, fault);
    if (count < 0) return false;
    for (int i = 0; i < count; i++)
        from[i] =
            (struct store_position){.log = positions[i].log, .segment = positions[i].segment, .offset = positions[i].offset};
    bool good = store_replay(replay->store, from, (size_t)count, visit, replay, fault) && commit(replay, fault);
    if (replay->batch) catalog_batch_abort(replay->batch);
    return good && (replay->report->records == 0 || catalog_flush(replay->catalog, fault));
}

bool replay_run(struct store *store, struct catalog *catalog, bool extract, struct output *output, struct replay_report *report,
                struct fault *fault) {
    *report = (struct replay_report){0};
    struct replay *replay = calloc(1, sizeof *replay);
    if (!replay) return fault_set(fault, FAULT_MEMORY, 0, "no memory to replay the logs");
    replay->store = store;
    replay->catalog = catalog;
    replay->extract = extract;
    replay->output = output;
    replay->report = report;
    replay->said_ms = clock_monotonic_ms();
    if (output) progress_init(&replay->progress, output, "indexed", extract ? bytes_of_records(store) : 0);
    bool good = run(replay, fault);
    if (good && output && (extract || report->records > 0)) progress_finish(&replay->progress);
    free(replay);
    return good;
}
