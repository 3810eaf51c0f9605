/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest/committer.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/ingest/decider.h"
#include "engine/ingest/notebook.h"
#include "engine/ingest/pipeline.h"
#include "net/dimse/status.h"

#define BATCH_RECORDS_MAX 512u /* of one index batch: what a reader can't see half of */
#define RETRY_US 100000u
#define TICK_MS 1000

static void durable_drained(void *context, void **items, size_t count) {
    struct committer *committer = context;
    invariant(committer->batch_count + count <= committer->batch_capacity);
    for (size_t i = 0; i < count; i++) committer->batch[committer->batch_count++] = items[i];
}

/* ---- one index batch ---- */

static bool try_batch(struct committer *committer, struct append **appends, uint32_t count, struct fault *fault) {
    struct catalog_batch *batch = catalog_batch_begin(committer->catalog);
    if (!batch) return fault_set(fault, FAULT_MEMORY, 0, "no memory for an index batch");
    for (uint32_t i = 0; i < count; i++) {
        struct append *append = appends[i];
        enum catalog_applied applied = catalog_batch_apply(batch, &append->record, append->place, fault);
        if (applied == CATALOG_APPLIED_ERROR) {
            catalog_batch_abort(batch);
            return false;
        }
        if (append->record.type == RECORD_OBJECT)
            container_of(append, struct object, append)->quarantined = applied == CATALOG_APPLIED_QUARANTINED;
        catalog_batch_position(batch, append->log, append->place.segment, append->next_offset);
    }
    return catalog_batch_commit(batch, fault);
}

/* Until it is in: a position may never pass a record that is not in the rows. False: the program ends, and replay will do it. */
static bool commit_batch(struct committer *committer, struct append **appends, uint32_t count) {
    struct fault fault = {0};
    if (committer->gave_up) return false; /* its position would pass the batch that failed */
    while (!try_batch(committer, appends, count, &fault)) {
        if (!atomic_exchange_explicit(&committer->stuck, true, memory_order_relaxed))
            log_error("index: %s; nothing is acknowledged until it can be written again", fault.text);
        if (atomic_load_explicit(&committer->stopping, memory_order_relaxed)) {
            committer->gave_up = true;
            return false;
        }
        usleep(RETRY_US);
        (void)catalog_tick(committer->catalog, clock_monotonic_ms(), &fault);
    }
    if (atomic_exchange_explicit(&committer->stuck, false, memory_order_relaxed)) log_warn("index: goes on");
    return true;
}

/* Durable and visible (or, at the end of a program whose index is stuck: durable, and visible after the next start). */
static void tell(struct committer *committer, struct append *append, bool visible) {
    if (append->record.type == RECORD_NOTE) {
        notebook_noted(pipeline_notebook(committer->pipeline), append);
        return;
    }
    struct object *object = container_of(append, struct object, append);
    if (visible) {
        counters_add(committer->counters, COUNTER_STORED, 1);
        counters_add(committer->counters, COUNTER_STORED_BYTES, object->length);
        if (object->verdict == OBJECT_VERSION) counters_add(committer->counters, COUNTER_SUPERSEDED, 1);
        if (object->quarantined) counters_add(committer->counters, COUNTER_QUARANTINED, 1);
    } else {
        object_refuse(object, STATUS_OUT_OF_RESOURCES, 0, "the index can't be written");
    }
    decider_settle(object->entry);
    pipeline_answer(object);
}

static int32_t commit_gathered(void *context, size_t posted) {
    (void)posted;
    struct committer *committer = context;
    for (uint32_t at = 0; at < committer->batch_count;) {
        uint32_t n = committer->batch_count - at;
        if (n > BATCH_RECORDS_MAX) n = BATCH_RECORDS_MAX;
        bool visible = commit_batch(committer, committer->batch + at, n);
        for (uint32_t i = 0; i < n; i++) tell(committer, committer->batch[at + i], visible);
        at += n;
    }
    committer->batch_count = 0;
    struct fault fault = {0};
    if (!catalog_tick(committer->catalog, clock_monotonic_ms(), &fault)) {
        if (!atomic_exchange_explicit(&committer->stuck, true, memory_order_relaxed)) log_error("index: %s", fault.text);
    } else {
        atomic_store_explicit(&committer->stuck, false, memory_order_relaxed);
    }
    return TICK_MS;
}

/* ---- life ---- */

bool committer_init(struct committer *committer, struct pipeline *pipeline, struct catalog *catalog,
                    struct counters_cell *counters, uint32_t objects, struct fault *fault) {
    uint32_t capacity = objects * 2; /* a power of two that holds every object, and a note */
    *committer = (struct committer){.pipeline = pipeline, .catalog = catalog, .counters = counters, .batch_capacity = capacity};
    committer->batch = calloc(capacity, sizeof *committer->batch);
    if (!committer->batch) return fault_set(fault, FAULT_MEMORY, 0, "no memory for the committer");
    const struct worker_options options = {.name = "committer", .cpu = -1, .turn = commit_gathered, .context = committer};
    committer->worker = worker_create(&options, fault);
    return committer->worker &&
           inbox_init(&committer->durable, worker_waker(committer->worker), capacity, durable_drained, committer, fault);
}

bool committer_start(struct committer *committer, struct fault *fault) { return worker_start(committer->worker, fault); }

void committer_give_up(struct committer *committer) { atomic_store_explicit(&committer->stopping, true, memory_order_relaxed); }

void committer_stop(struct committer *committer) {
    committer_give_up(committer);
    worker_stop(committer->worker);
}

void committer_release(struct committer *committer) {
    if (committer->durable.ring.slots) inbox_release(&committer->durable);
    worker_destroy(committer->worker);
    free(committer->batch);
}

void committer_post(struct committer *committer, struct append *append) {
    bool posted = inbox_post(&committer->durable, append);
    invariant(posted);
}
