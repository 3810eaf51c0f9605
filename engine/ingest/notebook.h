/* SPDX-License-Identifier: Apache-2.0 */
/* notebook: what happened besides stored objects, on its way to the log: problems one by one, counters as totals since the
 * start of this run. At most once a second, and only when something changed, both go into one NOTE record of the small-object
 * log; the catalog then lists and sums them. (A total of a run is written, not a difference, so a note may be applied twice.)
 *
 *   notebook_problem (any thread) ─▶ inbox ─▶ waiting ─ timer ─▶ NOTE in the log ─▶ committer ─▶ notebook_noted ─▶ freed
 *                                                                      └─ failed: waits for the next turn of the timer
 *
 * Thread: notebook_problem and notebook_noted: any. The rest: the logs' loop. */
#ifndef LEAT_INGEST_NOTEBOOK_H
#define LEAT_INGEST_NOTEBOOK_H

#include "engine/base/counters.h"
#include "engine/base/problem.h"
#include "engine/ingest/sequence.h"
#include "engine/runtime/reactor.h"
#include "engine/store/log_writer.h"

#define NOTEBOOK_PROBLEMS_WAITING 4096u /* more at once are counted, not listed */
#define NOTEBOOK_NOTE_BYTES (60u * 1024u) /* of problems in one record */

struct committer;
struct noted;

/* A problem to note; slices and text are copied. */
struct notebook_entry {
    enum problem_kind kind;
    struct slice study_uid, series_uid, sop_uid, calling_aet;
    const char *text;
};

struct notebook {
    struct reactor *reactor;
    struct log_writer *log;
    struct committer *committer;
    struct counters *counters;
    struct sequence sequence;
    uint64_t run;                    /* the id of this run: its first sequence */
    struct inbox problems;           /* struct noted */
    struct inbox answers;            /* struct append: the note is in the catalog */
    struct noted *first, **last; /* waiting */
    uint32_t waiting;                /* how many of these */
    struct noted *in_note;           /* in the record under way */
    _Atomic uint64_t unlisted;       /* problems for which there was no room; relaxed */
    uint64_t unlisted_noted;
    uint64_t written[COUNTER_COUNT], in_note_totals[COUNTER_COUNT]; /* totals as last written, as being written */
    struct timer timer;
    bool writing;
    struct append append;
    uint8_t *counter_bytes, *problem_bytes; /* what the record's slices point to */
};

bool notebook_init(struct notebook *notebook, struct reactor *reactor, struct committer *committer, struct counters *counters,
                   uint64_t highest_sequence, struct fault *fault);
/* Arms its timer. */
void notebook_start(struct notebook *notebook, struct log_writer *log);
void notebook_release(struct notebook *notebook);

void notebook_problem(struct notebook *notebook, const struct notebook_entry *entry);

/* Writes what is left, now; true when nothing is left and nothing is under way (call it again after a while otherwise). */
bool notebook_finish(struct notebook *notebook);
/* The note is in the catalog, or will be after the next start. */
void notebook_noted(struct notebook *notebook, struct append *append);

#endif
