/* SPDX-License-Identifier: Apache-2.0 */
/* replay: brings the catalog up to the logs after a start: every record behind the positions that the catalog's durable rows name is applied
 * again (as often as need be: the rows are a function of the set of records). `leat rebuild` is the same from zero, with the attributes extracted
 * again. Thread: one, before anything else uses the catalog. */
#ifndef LEAT_INGEST_REPLAY_H
#define LEAT_INGEST_REPLAY_H

#include "engine/store/store.h"
#include "index/catalog_batch.h"

struct replay_progress {
    uint64_t records, bytes; /* applied so far, bytes of their payloads */
};

/* transform (may be NULL) may change the decoded record before it is applied (rebuild's new extraction); false stops with *fault.
 * progress (may be NULL) is called every few hundred records; false cancels (FAULT_CANCELLED). */
struct replay_options {
    bool (*transform)(void *context, struct record *record, struct place place, struct fault *fault);
    bool (*progress)(void *context, const struct replay_progress *progress);
    void *context;
};

bool replay_run(struct store *store, struct catalog *catalog, const struct replay_options *options, struct replay_progress *done,
                struct fault *fault);

#endif
