/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest/notebook.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/ingest/committer.h"

#define COUNTER_ENTRY_BYTES_MAX 64u
#define PROBLEM_TEXT_BYTES_MAX 512u

/* A problem on its way: one allocation with its texts behind it. */
struct noted {
    struct noted *next;
    struct record_problem problem; /* slices point into bytes */
    uint8_t bytes[];
};

/* ---- taking problems down ---- */

static struct slice keep(uint8_t **at, struct slice s) {
    if (s.length) memcpy(*at, s.bytes, s.length);
    struct slice kept = slice_of(*at, s.length);
    *at += s.length;
    return kept;
}

static struct slice cut(struct slice s, size_t most) { return slice_of(s.bytes, s.length > most ? most : s.length); }

void notebook_problem(struct notebook *notebook, const struct notebook_entry *entry) {
    struct slice study = cut(entry->study_uid, 256), series = cut(entry->series_uid, 256), sop = cut(entry->sop_uid, 256);
    struct slice aet = cut(entry->calling_aet, 64), text = cut(slice_text(entry->text), PROBLEM_TEXT_BYTES_MAX);
    struct noted *noted = malloc(sizeof *noted + study.length + series.length + sop.length + aet.length + text.length);
    if (noted) {
        uint8_t *at = noted->bytes;
        noted->problem = (struct record_problem){.kind = entry->kind, .time_us = clock_wall_us()};
        noted->problem.study_uid = keep(&at, study);
        noted->problem.series_uid = keep(&at, series);
        noted->problem.sop_uid = keep(&at, sop);
        noted->problem.calling_aet = keep(&at, aet);
        noted->problem.text = keep(&at, text);
        if (inbox_post(&notebook->problems, noted)) return;
        free(noted);
    }
    atomic_fetch_add_explicit(&notebook->unlisted, 1, memory_order_relaxed);
}

static void problems_drained(void *context, void **items, size_t count) {
    struct notebook *notebook = context;
    for (size_t i = 0; i < count; i++) {
        struct noted *noted = items[i];
        if (notebook->waiting == NOTEBOOK_PROBLEMS_WAITING) {
            free(noted);
            atomic_fetch_add_explicit(&notebook->unlisted, 1, memory_order_relaxed);
            continue;
        }
        notebook->waiting++;
        noted->next = NULL;
        noted->problem.sequence = sequence_next(&notebook->sequence, clock_wall_us());
        *notebook->last = noted;
        notebook->last = &noted->next;
    }
}

/* ---- the record ---- */

static size_t gather_counters(struct notebook *notebook) {
    struct writer w = writer_over(notebook->counter_bytes, COUNTER_COUNT * COUNTER_ENTRY_BYTES_MAX);
    for (int i = 0; i < COUNTER_COUNT; i++) {
        uint64_t total = counters_sum(notebook->counters, (enum counter)i);
        notebook->in_note_totals[i] = total;
        if (total == notebook->written[i]) continue;
        record_counter_write(&w,
                             &(struct record_counter){.name = slice_text(counters_row((enum counter)i)->name), .total = total});
    }
    invariant(!w.failed);
    return writer_length(&w);
}

static size_t problem_bytes(const struct record_problem *p) {
    return 64 + p->study_uid.length + p->series_uid.length + p->sop_uid.length + p->calling_aet.length + p->text.length;
}

/* Moves as many waiting problems as fit to in_note, behind those that a failed write left there. */
static size_t gather_problems(struct notebook *notebook) {
    struct writer w = writer_over(notebook->problem_bytes, NOTEBOOK_NOTE_BYTES);
    struct noted **last = &notebook->in_note;
    for (; *last; last = &(*last)->next) record_problem_write(&w, &(*last)->problem);
    while (notebook->first && writer_length(&w) + problem_bytes(&notebook->first->problem) <= NOTEBOOK_NOTE_BYTES) {
        struct noted *noted = notebook->first;
        notebook->first = noted->next;
        notebook->waiting--;
        if (!notebook->first) notebook->last = &notebook->first;
        record_problem_write(&w, &noted->problem);
        noted->next = NULL;
        *last = noted;
        last = &noted->next;
    }
    invariant(!w.failed);
    return writer_length(&w);
}

static void note_unlisted(struct notebook *notebook) {
    uint64_t unlisted = atomic_load_explicit(&notebook->unlisted, memory_order_relaxed);
    if (unlisted == notebook->unlisted_noted) return;
    char text[96];
    snprintf(text, sizeof text, "%llu more problems at once than could be listed",
             (unsigned long long)(unlisted - notebook->unlisted_noted));
    notebook->unlisted_noted = unlisted;
    notebook_problem(notebook, &(struct notebook_entry){.kind = PROBLEM_UNLISTED, .text = text});
}

static void free_noted(struct notebook *notebook) {
    for (struct noted *noted = notebook->in_note, *next; noted; noted = next) {
        next = noted->next;
        free(noted);
    }
    notebook->in_note = NULL;
}

static bool write_note(struct notebook *notebook);

/* On the logs' loop: the log has told its end. */
static void appended(struct append *append) {
    struct notebook *notebook = container_of(append, struct notebook, append);
    if (append->result == APPEND_DURABLE) {
        committer_post(notebook->committer, append);
        return;
    }
    notebook->writing = false; /* its problems stay in in_note; the timer tries again */
}

static void answers_drained(void *context, void **items, size_t count) {
    (void)items;
    (void)count;
    struct notebook *notebook = context;
    memcpy(notebook->written, notebook->in_note_totals, sizeof notebook->written);
    free_noted(notebook);
    notebook->writing = false;
    if (notebook->waiting > NOTEBOOK_PROBLEMS_WAITING / 8) (void)write_note(notebook); /* a backlog doesn't wait for the timer */
}

void notebook_noted(struct notebook *notebook, struct append *append) {
    bool posted = inbox_post(&notebook->answers, append);
    invariant(posted); /* there is one note at a time */
}

static bool write_note(struct notebook *notebook) {
    if (notebook->writing) return false;
    note_unlisted(notebook);
    size_t counters = gather_counters(notebook), problems = gather_problems(notebook);
    if (!counters && !problems) return true;
    notebook->writing = true;
    notebook->append = (struct append){.done = appended};
    struct record *record = &notebook->append.record;
    record->type = RECORD_NOTE;
    record->sequence = sequence_next(&notebook->sequence, clock_wall_us());
    record->received_us = clock_wall_us();
    record->run_id = notebook->run;
    record->counters = slice_of(notebook->counter_bytes, counters);
    record->problems = slice_of(notebook->problem_bytes, problems);
    log_writer_append(notebook->log, &notebook->append);
    log_writer_kick(notebook->log);
    return false;
}

static void write_now_and_then(struct timer *timer) {
    struct notebook *notebook = container_of(timer, struct notebook, timer);
    (void)write_note(notebook);
    timer_arm(notebook->reactor, &notebook->timer, LIMIT_COUNTER_RECORD_MS, write_now_and_then);
}

/* ---- life ---- */

bool notebook_init(struct notebook *notebook, struct reactor *reactor, struct committer *committer, struct counters *counters,
                   uint64_t highest_sequence, struct fault *fault) {
    *notebook = (struct notebook){.reactor = reactor, .committer = committer, .counters = counters};
    notebook->last = &notebook->first;
    sequence_init(&notebook->sequence, SEQUENCE_DECIDERS - 1, highest_sequence);
    notebook->run = sequence_next(&notebook->sequence, clock_wall_us());
    notebook->counter_bytes = malloc(COUNTER_COUNT * COUNTER_ENTRY_BYTES_MAX);
    notebook->problem_bytes = malloc(NOTEBOOK_NOTE_BYTES);
    if (!notebook->counter_bytes || !notebook->problem_bytes)
        return fault_set(fault, FAULT_MEMORY, 0, "no memory for the notebook");
    return inbox_init(&notebook->problems, reactor_waker(reactor), NOTEBOOK_PROBLEMS_WAITING, problems_drained, notebook,
                      fault) &&
           inbox_init(&notebook->answers, reactor_waker(reactor), 2, answers_drained, notebook, fault);
}

void notebook_start(struct notebook *notebook, struct log_writer *log) {
    notebook->log = log;
    timer_arm(notebook->reactor, &notebook->timer, LIMIT_COUNTER_RECORD_MS, write_now_and_then);
}

bool notebook_finish(struct notebook *notebook) {
    timer_disarm(notebook->reactor, &notebook->timer);
    return write_note(notebook);
}

static void forget(void *context, void **items, size_t count) {
    (void)context;
    for (size_t i = 0; i < count; i++) free(items[i]);
}

void notebook_release(struct notebook *notebook) {
    void *left[64];
    if (notebook->problems.ring.slots) {
        for (size_t n; (n = ring_mpsc_pop(&notebook->problems.ring, left, array_count(left))) > 0;) forget(NULL, left, n);
        inbox_release(&notebook->problems);
    }
    if (notebook->answers.ring.slots) inbox_release(&notebook->answers);
    free_noted(notebook);
    notebook->in_note = notebook->first;
    free_noted(notebook);
    free(notebook->counter_bytes);
    free(notebook->problem_bytes);
}
