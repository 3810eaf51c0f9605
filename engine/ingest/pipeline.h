/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the stages of an object's way and the rings between them. The roles are actors behind inboxes; which thread has
 * which is said once, in pipeline_create:
 *
 *   reactors (intake_*) ─▶ deciders (decider.h)    ─▶ logs (engine/store)       ─▶ committer (committer.h)  ─▶ reactors
 *   receive, check         new, version, duplicate    one write and fdatasync      one index batch a group      C-STORE-RSP
 *   a thread a core        worker threads             one reactor of their own     one worker thread
 *
 * Every inbox holds all objects that there can be (reactors x credits), so a post never fails and no stage waits on the way
 * back: only admission waits.
 *
 * Life: pipeline_create -> pipeline_start -> objects -> pipeline_stop (each of them recycled) -> pipeline_destroy. */
#ifndef LEAT_INGEST_PIPELINE_H
#define LEAT_INGEST_PIPELINE_H

#include "engine/base/config.h"
#include "engine/base/counters.h"
#include "engine/ingest/intake.h"
#include "engine/ingest/notebook.h"
#include "engine/store/store.h"
#include "index/catalog.h"

struct pipeline;

struct pipeline_options {
    const struct config *config;
    struct store *store;              /* open; stays the caller's */
    struct catalog *catalog;          /* open and replayed; stays the caller's */
    struct reactor *const *reactors;  /* not yet started; one intake each */
    uint32_t reactor_count;
    uint32_t credits;                 /* objects under way a reactor */
};

struct pipeline *pipeline_create(const struct pipeline_options *options, struct fault *fault);
/* Starts its threads. The reactors may start before or after. */
bool pipeline_start(struct pipeline *pipeline, struct fault *fault);
/* Writes down what is still noted. Call it when every object is recycled; reactors still run. Any thread but the pipeline's. */
void pipeline_stop(struct pipeline *pipeline);
/* The grace time is over: an index that refuses batches is waited for no longer. Any thread. */
void pipeline_give_up(struct pipeline *pipeline);
/* After the reactors ended. NULL is allowed. */
void pipeline_destroy(struct pipeline *pipeline);

/* ---- what the stages share, any thread ---- */
struct chunk_pool *pipeline_chunks(const struct pipeline *pipeline);
const uint8_t *pipeline_secret(const struct pipeline *pipeline); /* DIGEST_SECRET_BYTES */
struct catalog *pipeline_catalog(const struct pipeline *pipeline);
struct store *pipeline_store(const struct pipeline *pipeline);
struct counters *pipeline_counters(struct pipeline *pipeline);
struct notebook *pipeline_notebook(struct pipeline *pipeline);
struct intake *pipeline_intake(struct pipeline *pipeline, uint32_t reactor_index);

/* Whether a new object can be taken: false below the watermark, when the archive is read-only, or when the index can't take
 * batches. */
bool pipeline_has_space(const struct pipeline *pipeline);

/* ---- steps between the stages ---- */
/* Reactor: a received, complete object goes to its decider. */
void pipeline_submit(struct pipeline *pipeline, struct object *object);
/* Decider: a decided one goes to its log. */
void pipeline_write(struct pipeline *pipeline, struct object *object);
/* Any stage: back to its reactor, to be answered. */
void pipeline_answer(struct object *object);

#endif
