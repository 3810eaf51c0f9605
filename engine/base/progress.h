/* SPDX-License-Identifier: Apache-2.0 */
/* progress: what long work says while it runs: objects, MB/s, objects/s, time left. How often it is shown is the sink's affair
 * (redrawn on a terminal, a line every few seconds elsewhere). One thread, its output's. */
#ifndef LEAT_BASE_PROGRESS_H
#define LEAT_BASE_PROGRESS_H

#include "engine/base/output.h"

struct progress {
    struct output *output;
    const char *verb;            /* "verified" */
    uint64_t started_ns, last_ns;
    uint64_t objects, bytes;
    uint64_t total_bytes;        /* 0 = unknown; time left comes from it */
};
void progress_init(struct progress *progress, struct output *output, const char *verb, uint64_t total_bytes);
/* Adds what was done; says so at most five times a second. */
void progress_add(struct progress *progress, uint64_t objects, uint64_t bytes);
/* A last line, as a message. */
void progress_finish(struct progress *progress);

#endif
