/* SPDX-License-Identifier: Apache-2.0 */
/* command_verify: everything against everything: each record's checksums (scrub), each object record against the index, each
 * row's place against the log, and the index's counts against its rows. It mends nothing; every line that it says is something
 * wrong.
 *
 * In a running server the logs are ahead of the index for a moment: a record that the index lacks is looked up again before it
 * counts. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/clock.h"
#include "engine/base/progress.h"
#include "engine/ingest/sequence.h"
#include "engine/serve/commands.h"
#include "index/catalog_check.h"

#define RETRY_MS 50
#define RETRIES_MOST 200u /* in all: 10 s */
#define SAID_MOST 1000u
#define SETTLED_AFTER_US 10000000u /* from a decision to its row, in a server */

/* A set of (sequence, place), whatever the order: two that differ have the same sums by a chance of 2^-128. */
struct tally {
    uint64_t count, sums[2];
};

struct verify {
    struct archive *archive;
    struct output *output;
    struct progress progress;
    uint64_t records, objects, bytes, wrong;
    uint64_t filed;         /* object records whose row names their place */
    uint64_t unfiled;       /* object records that the index keeps out of the tree */
    uint64_t settled_us;    /* what was decided before is in the index and stays where it is */
    struct tally records_sum, rows_sum; /* of settled records that stand where a row says, and of settled rows */
    unsigned retries;
    uint64_t last_done;
};

static void say_wrong(struct verify *verify, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say_wrong(struct verify *verify, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (++verify->wrong <= SAID_MOST) output_message(verify->output, "wrong: %s", text);
    if (verify->wrong == SAID_MOST) output_message(verify->output, "... more is counted and not listed");
}

/* ---- sums ---- */

static uint64_t mix(uint64_t x) { /* splitmix64's finalizer */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void tally_add(struct tally *tally, uint64_t sequence, struct place place) {
    uint64_t one = mix(sequence + 0x9e3779b97f4a7c15u) ^ place.offset, two = mix(one) + place.segment;
    tally->count++;
    tally->sums[0] += mix(two);
    tally->sums[1] += mix(two + one);
}

static bool tally_equal(const struct tally *a, const struct tally *b) {
    return a->count == b->count && a->sums[0] == b->sums[0] && a->sums[1] == b->sums[1];
}

static bool is_settled(const struct verify *verify, uint64_t sequence) {
    return sequence >> SEQUENCE_DECIDER_BITS < verify->settled_us;
}

/* ---- a record against the index ---- */

struct sought {
    const struct record *record;
    struct place place;
    bool found, elsewhere;
};

static bool same_place(struct place a, struct place b) { return a.segment == b.segment && a.offset == b.offset; }

static bool look_at_version(void *context, const struct catalog_instance *instance) {
    struct sought *sought = context;
    if (instance->sequence != sought->record->sequence || !slice_equal(instance->uid, sought->record->sop_uid)) return true;
    sought->found = same_place(instance->place, sought->place);
    sought->elsewhere = !sought->found;
    return !sought->found;
}

enum standing { STANDS, UNFILED, ELSEWHERE, LACKING, NOT_READABLE };

static enum standing look_up(struct verify *verify, const struct record *record, struct place place, struct fault *fault) {
    struct catalog *catalog = verify->archive->catalog;
    struct catalog_hit hit;
    struct slice study = slice_unpadded(record->study_uid), series = slice_unpadded(record->series_uid),
                 sop = slice_unpadded(record->sop_uid);
    switch (catalog_lookup(catalog, study, series, sop, &hit, fault)) {
    case CATALOG_FOUND: break;
    case CATALOG_COLLISION: return UNFILED;
    case CATALOG_ERROR: return NOT_READABLE;
    default: return LACKING;
    }
    if (hit.sequence == record->sequence) return same_place(hit.place, place) ? STANDS : ELSEWHERE;
    if (hit.sequence < record->sequence) return LACKING;
    struct sought sought = {.record = record, .place = place};
    if (!catalog_each_version(catalog, study, series, look_at_version, &sought, fault)) return NOT_READABLE;
    return sought.found ? STANDS : sought.elsewhere ? ELSEWHERE : LACKING;
}

static enum standing look_up_patiently(struct verify *verify, const struct record *record, struct place place,
                                       struct fault *fault) {
    enum standing standing = look_up(verify, record, place, fault);
    while (standing == LACKING && verify->archive->counters && verify->retries < RETRIES_MOST &&
           !output_stopped(verify->output)) {
        verify->retries++;
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000}, NULL);
        standing = look_up(verify, record, place, fault);
    }
    return standing;
}

static void check_object(struct verify *verify, const struct record *record, struct place place) {
    struct fault fault = {0};
    verify->objects++;
    verify->bytes += record->payload_length;
    switch (look_up_patiently(verify, record, place, &fault)) {
    case STANDS:
        verify->filed++;
        if (is_settled(verify, record->sequence)) tally_add(&verify->records_sum, record->sequence, place);
        return;
    case UNFILED: verify->unfiled++; return;
    case ELSEWHERE:
        say_wrong(verify, "instance %.*s is in segment %u at %" PRIu64 ", where the index does not look for it",
                  SLICE_ARGS(record->sop_uid), place.segment, place.offset);
        return;
    case LACKING:
        say_wrong(verify, "instance %.*s (segment %u at %" PRIu64 ") is not in the index", SLICE_ARGS(record->sop_uid),
                  place.segment, place.offset);
        return;
    case NOT_READABLE:
        say_wrong(verify, "instance %.*s: the index can't be read: %s", SLICE_ARGS(record->sop_uid), fault.text);
        return;
    }
}

static bool visit_record(void *context, const struct record *record, struct place place, const struct fault *bad,
                         uint64_t done_bytes, uint64_t total_bytes) {
    struct verify *verify = context;
    verify->progress.total_bytes = total_bytes;
    verify->records += record != NULL;
    if (bad && record && record->type == RECORD_OBJECT)
        say_wrong(verify, "instance %.*s of study %.*s (segment %u at %" PRIu64 "): %s", SLICE_ARGS(record->sop_uid),
                  SLICE_ARGS(record->study_uid), place.segment, place.offset, bad->text);
    else if (bad)
        say_wrong(verify, "segment %u at %" PRIu64 ": %s", place.segment, place.offset, bad->text);
    if (record && record->type == RECORD_OBJECT) check_object(verify, record, place);
    progress_add(&verify->progress, record && record->type == RECORD_OBJECT, done_bytes - verify->last_done);
    verify->last_done = done_bytes;
    return !output_stopped(verify->output);
}

/* ---- the index against the log ---- */

/* Reads what stands at a row's place. */
static bool look_at_place(void *context, const struct catalog_instance *instance) {
    struct verify *verify = context;
    struct store_header header = {0};
    struct fault fault = {0};
    if (!store_read_header(verify->archive->store, instance->place, &header, &fault)) {
        say_wrong(verify, "the index names a place for instance %.*s (segment %u at %" PRIu64 ") that holds no record: %s",
                  SLICE_ARGS(instance->uid), instance->place.segment, instance->place.offset, fault.text);
    } else {
        if (header.record.sequence != instance->sequence || !slice_equal(slice_unpadded(header.record.sop_uid), instance->uid))
            say_wrong(verify, "the index names a place for instance %.*s (segment %u at %" PRIu64 ") that holds another record",
                      SLICE_ARGS(instance->uid), instance->place.segment, instance->place.offset);
        store_header_release(&header);
    }
    return !output_stopped(verify->output);
}

/* A settled row is one of the set that the scrub has matched; one of just now is looked at. */
static bool visit_row(void *context, const struct catalog_instance *instance) {
    struct verify *verify = context;
    if (!is_settled(verify, instance->sequence)) return look_at_place(verify, instance);
    tally_add(&verify->rows_sum, instance->sequence, instance->place);
    return !output_stopped(verify->output);
}

static void say_row(void *context, const char *line) { say_wrong(context, "index: %s", line); }

static bool check_index(struct verify *verify, struct catalog_check_report *report, struct fault *fault) {
    uint64_t before = verify->wrong;
    if (!catalog_check(verify->archive->catalog, visit_row, say_row, verify, report, fault)) return false;
    if (!tally_equal(&verify->records_sum, &verify->rows_sum)) { /* which one? */
        struct catalog_check_report again;
        if (!catalog_check(verify->archive->catalog, look_at_place, NULL, verify, &again, fault)) return false;
    }
    uint64_t said = report->wrong_rows + report->wrong_counts + report->wrong_lookups;
    if (said && verify->wrong == before)
        say_wrong(verify, "index: %" PRIu64 " rows, %" PRIu64 " counts, %" PRIu64 " lookups", report->wrong_rows,
                  report->wrong_counts, report->wrong_lookups);
    return true;
}

/* Rows and records were matched one by one; at rest their numbers have to agree as well. */
static void check_numbers(struct verify *verify) {
    struct catalog_totals totals;
    struct fault fault = {0};
    if (verify->archive->counters || verify->wrong) return;
    if (!catalog_totals(verify->archive->catalog, &totals, &fault)) {
        say_wrong(verify, "index: totals: %s", fault.text);
        return;
    }
    if (totals.records != verify->objects)
        say_wrong(verify, "the index counts %" PRIu64 " object records, the logs hold %" PRIu64, totals.records, verify->objects);
    uint64_t rows = totals.instances + totals.superseded + totals.quarantined;
    if (rows != verify->filed)
        say_wrong(verify, "the index has %" PRIu64 " rows of instances, %" PRIu64 " records belong to them", rows, verify->filed);
}

int command_verify_run(struct archive *archive, const struct command_arguments *arguments, struct output *output) {
    struct fault fault = {0};
    struct catalog_check_report report = {0};
    struct verify verify = {.archive = archive, .output = output, .settled_us = UINT64_MAX};
    if (archive->counters) verify.settled_us = clock_wall_us() - SETTLED_AFTER_US;
    progress_init(&verify.progress, output, "verified", 0);
    bool good = store_scrub(archive->store, visit_record, &verify, &fault) && check_index(&verify, &report, &fault);
    if (output_stopped(output)) return 1;
    if (!good) output_message(output, "leat: verify could not go on: %s", fault.text);
    else check_numbers(&verify);
    progress_finish(&verify.progress);
    if (arguments->json)
        output_print(output,
                     "{\"records\": %" PRIu64 ", \"objects\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"index_rows\": %" PRIu64
                     ", \"wrong\": %" PRIu64 ", \"finished\": %s}\n",
                     verify.records, verify.objects, verify.bytes, report.rows, verify.wrong, good ? "true" : "false");
    else if (verify.wrong)
        output_print(output, "%" PRIu64 " things are wrong (above); what is not named was found whole\n", verify.wrong);
    else if (good)
        output_print(output,
                     "%" PRIu64 " records with %" PRIu64 " objects and %" PRIu64
                     " rows of the index: all whole, all where they should be\n",
                     verify.records, verify.objects, report.rows);
    return good && !verify.wrong ? 0 : 1;
}
