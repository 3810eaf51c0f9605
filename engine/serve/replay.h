/* SPDX-License-Identifier: Apache-2.0 */
/* replay: the index catches up with the logs: from its positions with the attributes in the records (after a crash), or from
 * nothing with attributes extracted again from the data sets (a rebuild: it mends an extractor's fault and fills in what is
 * indexed since). One thread, the only one that has the catalog's committer side. */
#ifndef LEAT_SERVE_REPLAY_H
#define LEAT_SERVE_REPLAY_H

#include "engine/base/output.h"
#include "engine/store/store.h"
#include "index/catalog.h"

struct replay_report {
    uint64_t records, objects;
    uint64_t bytes;      /* of records passed */
    uint64_t unfiled;    /* kept out of the tree by a collision of keys */
    uint64_t unreadable; /* extract: data sets that could not be read or scanned; their records' attributes stand */
};

/* extract: take attributes from the data sets. output: progress and messages, NULL = log lines. False: *fault (FAULT_CANCELLED
 * when output was stopped); what was committed stays, with its positions. */
bool replay_run(struct store *store, struct catalog *catalog, bool extract, struct output *output, struct replay_report *report,
                struct fault *fault);

#endif
