/* SPDX-License-Identifier: Apache-2.0 */
/* archive: store and index of one data folder, opened together and caught up with each other. What `leat serve` opens before its
 * pipeline, and what a command opens when no server runs.
 *
 * Life: archive_open (opens the store, then the index; redoes a rebuild that was cut short; replays what the index lacks) -> use
 * -> archive_close. Open and close by one thread; in between what store.h and catalog.h say.
 *
 * Besides the store's files a data folder holds `index` (the index, or a link to where it is) and, while a rebuild is under way,
 * `rebuilding`. */
#ifndef LEAT_SERVE_ARCHIVE_H
#define LEAT_SERVE_ARCHIVE_H

#include "engine/base/counters.h"
#include "engine/base/output.h"
#include "engine/store/store.h"
#include "index/catalog.h"

struct archive {
    struct disk *disk;
    struct store *store;
    struct catalog *catalog;
    uint64_t counters_before[COUNTER_COUNT]; /* of all runs before this one */
    const struct counters *counters;         /* of this run; set by a server; NULL: nothing counts here */
    char *dir, *index_dir;
};

struct archive_options {
    struct store_options store; /* dir is the data folder. read_only and accept_missing are archive_open's: leave them false */
    const char *index_dir;      /* NULL: where the folder's `index` is */
    uint64_t index_memory_bytes; /* 0 = the catalog's default */
    bool create;                /* where there is no archive, make one */
    bool rebuild;               /* the index anew, with attributes extracted again from the data sets */
    bool accept_missing;        /* with rebuild: go on without segments whose files are gone */
    struct output *output;      /* progress and messages of a replay or rebuild; NULL: log lines */
};

/* False: *fault says why, nothing stays open. FAULT_MISSING: no archive there, or a segment or volume of it is gone (named);
 * FAULT_LOCKED: a server or another command has it; FAULT_NEWER_FORMAT, FAULT_CORRUPT, FAULT_IO, FAULT_NO_SPACE, FAULT_CANCELLED
 * (by output). */
bool archive_open(struct archive *archive, const struct archive_options *options, struct fault *fault);
void archive_close(struct archive *archive);

/* A counter's total over all runs, this one's as of now. Any thread. */
uint64_t archive_counter(const struct archive *archive, enum counter counter);

/* In a server, what happened is in the index within about a second (a note a second): waits until the index has everything that
 * was counted when this was called; at most 3 s. For commands that list problems. */
void archive_settle(struct archive *archive, const struct output *output);

/* The exit status that a fault of archive_open deserves: 2 = the folder, its format or another owner, 1 = the rest. */
int archive_exit_status(const struct fault *fault);

#endif
