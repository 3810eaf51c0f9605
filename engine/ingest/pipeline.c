/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest/pipeline.h"

#include <stdlib.h>

#include "codec/dicom/indexed.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/ingest/committer.h"
#include "engine/ingest/decider.h"
#include "engine/ingest/spill.h"
#include "engine/runtime/placement.h"
#include "net/dimse/status.h"

#define LOG_BULK 0u
#define LOG_SMALL 1u
#define CACHED_CHUNKS 8u
#define FINISH_NOTES_NS UINT64_C(3000000000) /* for the last counters to reach the log and the index */

struct pipeline {
    const struct config *config;
    struct store *store;
    struct catalog *catalog;
    struct chunk_pool *chunks;
    struct counters counters; /* a cell a reactor, a decider, the logs' loop, the committer, and one for everybody else */
    uint32_t objects;         /* in all: a power of two */

    struct intake *intakes;
    uint32_t intake_count;

    struct decider *deciders;
    struct worker **workers;
    uint32_t decider_count;

    struct reactor *loop; /* of the logs and the notebook */
    struct inbox decided; /* struct object: to be appended */
    struct reactor_hook kick;
    struct log_writer *bulk, *small;
    struct counters_cell *loop_counters;
    struct notebook notebook;
    struct reactor_call start_call, stop_call;
    struct timer finish_timer;
    uint64_t finish_end_ns; /* when the last note is given up */
    _Atomic uint32_t logs_running; /* release by the loop when a log has stopped, acquire by pipeline_stop */

    struct committer committer;
    bool started;
};

/* ---- what the stages share ---- */

struct chunk_pool *pipeline_chunks(const struct pipeline *pipeline) { return pipeline->chunks; }
const uint8_t *pipeline_secret(const struct pipeline *pipeline) { return store_secret(pipeline->store); }
struct catalog *pipeline_catalog(const struct pipeline *pipeline) { return pipeline->catalog; }
struct store *pipeline_store(const struct pipeline *pipeline) { return pipeline->store; }
struct counters *pipeline_counters(struct pipeline *pipeline) { return &pipeline->counters; }
struct notebook *pipeline_notebook(struct pipeline *pipeline) { return &pipeline->notebook; }
struct intake *pipeline_intake(struct pipeline *pipeline, uint32_t reactor_index) { return &pipeline->intakes[reactor_index]; }

bool pipeline_has_space(const struct pipeline *pipeline) {
    return !store_is_read_only(pipeline->store) && store_space(pipeline->store) &&
           !atomic_load_explicit(&pipeline->committer.stuck, memory_order_relaxed);
}

/* ---- steps between the stages ---- */

void pipeline_answer(struct object *object) {
    bool posted = inbox_post(&object->intake->answers, object);
    invariant(posted);
}

/* The record as the log takes it. Its slices point into the object, which stays where it is until it is recycled. */
static void describe(struct object *object) {
    struct object_uids identity = object_uids(object);
    struct append *append = &object->append;
    *append = (struct append){.payload = object->chunks, .payload_count = object->chunk_count, .payload_bytes = object->length};
    struct record *r = &append->record;
    r->type = RECORD_OBJECT;
    r->received_us = clock_wall_us();
    r->study_uid = identity.study_uid;
    r->series_uid = identity.series_uid;
    r->sop_uid = identity.sop_uid;
    struct slice sop_class = {0};
    attributes_find(attributes_block(&object->attributes), 0x00080016, &sop_class);
    r->sop_class_uid = slice_unpadded(sop_class);
    r->transfer_syntax_uid = slice_of(object->transfer_syntax, object->transfer_syntax_length);
    r->calling_aet = object->origin.calling_aet;
    r->called_aet = object->origin.called_aet;
    r->peer_address = object->origin.peer_address;
    r->peer_implementation_uid = object->origin.implementation_uid;
    r->peer_implementation_version = object->origin.implementation_version;
    struct digest_value digest = digest_finish(&object->digest);
    memcpy(r->digest, digest.bytes, sizeof r->digest);
    r->payload_length = object->length;
    r->block_crcs = slice_of(object->blocks, (size_t)object->block_count * sizeof *object->blocks);
    r->remarks = object->scan.remarks;
    r->extractor_version = INDEXED_EXTRACTOR_VERSION;
    r->attributes = attributes_block(&object->attributes);
    if (object->spill) {
        spill_describe(object, r);
        append->payload_bytes = 0;
        append->payload_count = 0;
    }
    if (append->payload_count && !object->chunks[append->payload_count - 1].iov_len) append->payload_count--;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "object.blocks is written as it lies in memory");

void pipeline_submit(struct pipeline *pipeline, struct object *object) {
    describe(object);
    struct digest_value where =
        digest_of(pipeline_secret(pipeline), object->append.record.sop_uid.bytes, object->append.record.sop_uid.length);
    object->decider = load_le32(where.bytes) % pipeline->decider_count;
    object_move(object, OBJECT_DECIDING);
    decider_post(&pipeline->deciders[object->decider], object);
}

void pipeline_write(struct pipeline *pipeline, struct object *object) {
    object_move(object, OBJECT_WRITING);
    bool posted = inbox_post(&pipeline->decided, object);
    invariant(posted);
}

/* ---- the logs' loop ---- */

static const char *append_text(enum append_result result) {
    switch (result) {
    case APPEND_NO_SPACE: return "no space";
    case APPEND_READ_ONLY: return "the archive is read-only after a disk failure";
    default: return "a write or a flush failed";
    }
}

/* On the logs' loop: durable, or failed. */
static void appended(struct append *append) {
    struct object *object = container_of(append, struct object, append);
    struct pipeline *pipeline = object->intake->pipeline;
    if (append->result == APPEND_DURABLE) {
        object_move(object, OBJECT_COMMITTING);
        committer_post(&pipeline->committer, append);
        return;
    }
    object_refuse(object, STATUS_OUT_OF_RESOURCES, 0, "%s", append_text(append->result));
    decider_settle(object->entry);
    pipeline_answer(object);
}

/* Small objects go to a log of their own, packed; streamed ones have only a header to append, which belongs there too. */
static struct log_writer *log_of(struct pipeline *pipeline, const struct object *object) {
    return object->append.payload_bytes <= LIMIT_SMALL_OBJECT_BYTES ? pipeline->small : pipeline->bulk;
}

static void decided_drained(void *context, void **items, size_t count) {
    struct pipeline *pipeline = context;
    for (size_t i = 0; i < count; i++) {
        struct object *object = items[i];
        object->append.done = appended;
        log_writer_append(log_of(pipeline, object), &object->append);
    }
}

/* Once a turn: the small log first, so that a large sender does not set the small one's latency. */
static void kick_logs(struct reactor_hook *hook) {
    struct pipeline *pipeline = container_of(hook, struct pipeline, kick);
    log_writer_kick(pipeline->small);
    log_writer_kick(pipeline->bulk);
}

static void log_stopped(void *context) {
    struct pipeline *pipeline = context;
    if (atomic_fetch_sub_explicit(&pipeline->logs_running, 1, memory_order_release) == 1) reactor_stop(pipeline->loop);
}

static void finish_notes(struct timer *timer) {
    struct pipeline *pipeline = container_of(timer, struct pipeline, finish_timer);
    bool in_time = reactor_now_ns(pipeline->loop) < pipeline->finish_end_ns;
    if (!notebook_finish(&pipeline->notebook) && in_time && !store_is_read_only(pipeline->store)) {
        timer_arm(pipeline->loop, &pipeline->finish_timer, 2, finish_notes);
        return;
    }
    log_writer_stop(pipeline->small, false, log_stopped, pipeline);
    log_writer_stop(pipeline->bulk, false, log_stopped, pipeline);
}

static void begin_on_loop(struct reactor_call *call) {
    struct pipeline *pipeline = container_of(call, struct pipeline, start_call);
    notebook_start(&pipeline->notebook, pipeline->small);
}

static void finish_on_loop(struct reactor_call *call) {
    struct pipeline *pipeline = container_of(call, struct pipeline, stop_call);
    pipeline->finish_end_ns = reactor_now_ns(pipeline->loop) + FINISH_NOTES_NS;
    finish_notes(&pipeline->finish_timer);
}

/* ---- life ---- */

static struct log_writer *create_log(struct pipeline *pipeline, uint32_t log, enum store_kind kind, struct fault *fault) {
    const struct log_writer_options options = {.log = log, .kind = kind, .volume = STORE_ANY_VOLUME, .loop = pipeline->loop};
    return log_writer_create(pipeline->store, &options, fault);
}

static bool create_loop(struct pipeline *pipeline, uint64_t highest, struct fault *fault) {
    const struct reactor_options options = {
        .name = "logs", .index = pipeline->intake_count, .entries = 512, .cpu = -1, .context = pipeline};
    pipeline->loop = reactor_create(&options, fault);
    if (!pipeline->loop) return false;
    if (!inbox_init(&pipeline->decided, reactor_waker(pipeline->loop), pipeline->objects, decided_drained, pipeline, fault))
        return false;
    if (!notebook_init(&pipeline->notebook, pipeline->loop, &pipeline->committer, &pipeline->counters, highest, fault))
        return false;
    pipeline->kick.run = kick_logs;
    reactor_add_hook(pipeline->loop, &pipeline->kick);
    return true;
}

static bool create_deciders(struct pipeline *pipeline, uint64_t highest, struct fault *fault) {
    pipeline->deciders = calloc(pipeline->decider_count, sizeof *pipeline->deciders);
    pipeline->workers = calloc(pipeline->decider_count, sizeof *pipeline->workers);
    if (!pipeline->deciders || !pipeline->workers) return fault_set(fault, FAULT_MEMORY, 0, "no memory for the deciders");
    for (uint32_t i = 0; i < pipeline->decider_count; i++) {
        const struct worker_options options = {.name = "decider", .cpu = -1};
        pipeline->workers[i] = worker_create(&options, fault);
        struct counters_cell *cell = counters_cell(&pipeline->counters, pipeline->intake_count + i);
        if (!pipeline->workers[i] || !decider_init(&pipeline->deciders[i], pipeline, worker_waker(pipeline->workers[i]), cell, i,
                                                   pipeline->objects, highest, fault))
            return false;
    }
    return true;
}

static bool create_intakes(struct pipeline *pipeline, const struct pipeline_options *options, struct fault *fault) {
    pipeline->intakes = calloc(options->reactor_count, sizeof *pipeline->intakes);
    if (!pipeline->intakes) return fault_set(fault, FAULT_MEMORY, 0, "no memory for the intakes");
    /* A stock on each thread is memory that the others can't have: small pools go without. */
    uint32_t cached = chunk_pool_total(pipeline->chunks) >= 64 * CACHED_CHUNKS * options->reactor_count ? CACHED_CHUNKS : 0;
    for (uint32_t i = 0; i < options->reactor_count; i++)
        if (!intake_init(&pipeline->intakes[i], pipeline, options->reactors[i], counters_cell(&pipeline->counters, i),
                         options->credits, cached, fault))
            return false;
    return true;
}

static uint32_t power_of_two(uint32_t n) {
    uint32_t p = 1;
    while (p < n) p *= 2;
    return p;
}

static bool create_all(struct pipeline *pipeline, const struct pipeline_options *options, struct fault *fault) {
    const struct chunk_options chunks = {.budget_bytes = options->config->memory_bytes};
    uint64_t highest = catalog_highest_sequence(options->catalog);
    uint32_t cells = pipeline->intake_count + pipeline->decider_count + 3;
    if (!counters_init(&pipeline->counters, cells)) return fault_set(fault, FAULT_MEMORY, 0, "no memory for the counters");
    pipeline->loop_counters = counters_cell(&pipeline->counters, cells - 3);
    pipeline->chunks = chunk_pool_create(&chunks, fault);
    return pipeline->chunks &&
           committer_init(&pipeline->committer, pipeline, pipeline->catalog, counters_cell(&pipeline->counters, cells - 2),
                          pipeline->objects, fault) &&
           create_deciders(pipeline, highest, fault) && create_loop(pipeline, highest, fault) &&
           create_intakes(pipeline, options, fault);
}

struct pipeline *pipeline_create(const struct pipeline_options *options, struct fault *fault) {
    struct pipeline *pipeline = aligned_alloc(64, (sizeof *pipeline + 63) / 64 * 64);
    if (!pipeline) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for the pipeline");
        return NULL;
    }
    uint32_t cores = placement_core_count(), workers = options->config->workers;
    *pipeline = (struct pipeline){
        .config = options->config,
        .store = options->store,
        .catalog = options->catalog,
        .intake_count = options->reactor_count,
        .decider_count = workers ? workers : cores > 4 ? cores / 4 : 1,
        .objects = power_of_two(options->credits * options->reactor_count),
    };
    if (create_all(pipeline, options, fault)) return pipeline;
    pipeline_destroy(pipeline);
    return NULL;
}

bool pipeline_start(struct pipeline *pipeline, struct fault *fault) {
    pipeline->start_call.run = begin_on_loop;
    pipeline->stop_call.run = finish_on_loop;
    atomic_store_explicit(&pipeline->logs_running, 2, memory_order_relaxed);
    bool posted = reactor_post(pipeline->loop, &pipeline->start_call);
    invariant(posted);
    if (!committer_start(&pipeline->committer, fault)) return false;
    for (uint32_t i = 0; i < pipeline->decider_count; i++)
        if (!worker_start(pipeline->workers[i], fault)) return false;
    /* The logs come last: once they exist, their first segments are being prepared for a loop that has to run. */
    pipeline->bulk = create_log(pipeline, LOG_BULK, STORE_BULK, fault);
    pipeline->small = pipeline->bulk ? create_log(pipeline, LOG_SMALL, STORE_SMALL, fault) : NULL;
    pipeline->started = pipeline->small && reactor_start(pipeline->loop, fault);
    return pipeline->started;
}

void pipeline_give_up(struct pipeline *pipeline) { committer_give_up(&pipeline->committer); }

/* After a start that failed half-way: only threads that wait for work. */
static void stop_idle_threads(struct pipeline *pipeline) {
    for (uint32_t i = 0; pipeline->workers && i < pipeline->decider_count && pipeline->workers[i]; i++) {
        worker_stop(pipeline->workers[i]);
        worker_join(pipeline->workers[i]);
    }
    if (!pipeline->committer.worker) return;
    committer_stop(&pipeline->committer);
    worker_join(pipeline->committer.worker);
}

void pipeline_stop(struct pipeline *pipeline) {
    if (!pipeline->started) {
        stop_idle_threads(pipeline);
        return;
    }
    bool posted = reactor_post(pipeline->loop, &pipeline->stop_call);
    invariant(posted);
    reactor_join(pipeline->loop); /* it stops itself when the last log has stopped */
    for (uint32_t i = 0; i < pipeline->decider_count; i++) {
        worker_stop(pipeline->workers[i]);
        worker_join(pipeline->workers[i]);
    }
    committer_stop(&pipeline->committer);
    worker_join(pipeline->committer.worker);
    pipeline->started = false;
}

void pipeline_destroy(struct pipeline *pipeline) {
    if (!pipeline) return;
    store_settle(pipeline->store); /* nothing of the background thread's is on its way to our loops any more */
    for (uint32_t i = 0; pipeline->intakes && i < pipeline->intake_count; i++) intake_release(&pipeline->intakes[i]);
    free(pipeline->intakes);
    if (pipeline->loop) {
        log_writer_destroy(pipeline->bulk);
        log_writer_destroy(pipeline->small);
        notebook_release(&pipeline->notebook);
        if (pipeline->decided.ring.slots) inbox_release(&pipeline->decided);
        reactor_destroy(pipeline->loop);
    }
    for (uint32_t i = 0; pipeline->deciders && i < pipeline->decider_count; i++) {
        decider_release(&pipeline->deciders[i]);
        worker_destroy(pipeline->workers[i]);
    }
    free(pipeline->deciders);
    free(pipeline->workers);
    if (pipeline->committer.batch) committer_release(&pipeline->committer);
    chunk_pool_destroy(pipeline->chunks);
    counters_release(&pipeline->counters);
    free(pipeline);
}
