/* SPDX-License-Identifier: Apache-2.0 */
/* committer: makes durable records visible: takes what the logs have made durable, applies it as one index batch, then lets the
 * deciders know and the reactors answer. One thread. When the index can't take a batch (its disk is full, say), it tries the
 * same batch again until it can: positions never pass a record that isn't in the rows; meanwhile admission runs out of credits,
 * and new objects are refused. */
#ifndef LEAT_INGEST_COMMITTER_H
#define LEAT_INGEST_COMMITTER_H

#include <stdatomic.h>

#include "engine/base/counters.h"
#include "engine/ingest/object.h"
#include "engine/runtime/inbox.h"
#include "engine/runtime/worker.h"
#include "index/catalog_batch.h"

struct pipeline;

struct committer {
    struct pipeline *pipeline;
    struct catalog *catalog;
    struct counters_cell *counters;
    struct worker *worker;
    struct inbox durable;  /* struct append: durable records in the order of their log */
    struct append **batch; /* gathered in this pass */
    uint32_t batch_count, batch_capacity;
    bool gave_up;          /* at the end of a program whose index is stuck */
    _Atomic bool stuck;    /* relaxed; the index refuses batches: read by admission, pairs with nothing */
    _Atomic bool stopping; /* relaxed; ends the retries of a batch that the index refuses */
};

bool committer_init(struct committer *committer, struct pipeline *pipeline, struct catalog *catalog,
                    struct counters_cell *counters, uint32_t objects, struct fault *fault);
bool committer_start(struct committer *committer, struct fault *fault);
/* Any thread: from now on a batch that the index refuses is given up (its records are durable; replay applies them at the next
 * start). */
void committer_give_up(struct committer *committer);
void committer_stop(struct committer *committer);    /* what is durable is committed first */
void committer_release(struct committer *committer);

/* The logs' loop: a record that is durable. */
void committer_post(struct committer *committer, struct append *append);

#endif
