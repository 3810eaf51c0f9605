/* SPDX-License-Identifier: Apache-2.0 */
/* command_problems: what was refused, or filed although something is wrong, as it was noted when it happened; then what stands
 * aside or is disputed now, as the rows of the index have it: each with its UIDs, reason and time. */
#include <stdio.h>

#include "engine/base/problem.h"
#include "engine/ingest/sequence.h"
#include "engine/serve/commands.h"
#include "engine/serve/listing.h"

static const struct listing_column columns[] = {
    {"TIME", "time", OUTPUT_LEFT},         {"KIND", "kind", OUTPUT_LEFT},         {"FROM", "calling_aet", OUTPUT_LEFT},
    {"INSTANCE", "instance", OUTPUT_LEFT}, {NULL, "series", OUTPUT_LEFT},         {NULL, "study", OUTPUT_LEFT},
    {"REASON", "reason", OUTPUT_LEFT},     {NULL, "sequence", OUTPUT_RIGHT},      {NULL, NULL, OUTPUT_LEFT},
};

struct problems {
    struct output *output;
    const struct command_arguments *arguments;
    struct listing listing;
};

static bool wanted(struct slice filter, struct slice value) { return filter.length == 0 || slice_equal(filter, value); }

static bool show(void *context, const struct catalog_problem *problem) {
    struct problems *problems = context;
    const struct command_arguments *arguments = problems->arguments;
    struct slice kind = slice_text(problem_word(problem->kind));
    if (!wanted(arguments->kind, kind) || !wanted(arguments->study, problem->study_uid) ||
        !wanted(arguments->series, problem->series_uid))
        return !output_stopped(problems->output);
    listing_time(&problems->listing, problem->time_us);
    listing_text(&problems->listing, kind);
    listing_text(&problems->listing, problem->calling_aet);
    listing_text(&problems->listing, problem->sop_uid);
    listing_text(&problems->listing, problem->series_uid);
    listing_text(&problems->listing, problem->study_uid);
    listing_text(&problems->listing, problem->text);
    listing_number(&problems->listing, problem->sequence);
    listing_row_end(&problems->listing);
    return !output_stopped(problems->output);
}

/* The wall clock is the upper part of a sequence (engine/ingest/sequence.h). */
static uint64_t time_of(uint64_t sequence) { return sequence >> SEQUENCE_DECIDER_BITS; }

static bool show_quarantined(void *context, const struct catalog_instance *instance) {
    const struct catalog_problem problem = {
        .sequence = instance->sequence,
        .time_us = time_of(instance->sequence),
        .kind = PROBLEM_QUARANTINED,
        .study_uid = instance->study_uid,
        .series_uid = instance->series_uid,
        .sop_uid = instance->uid,
        .text = slice_text("its Series UID is already in another study: kept, not in the tree"),
    };
    return show(context, &problem);
}

static bool show_conflict(void *context, struct slice study_uid, struct slice patient_id, struct slice issuer,
                          uint64_t first_sequence) {
    (void)patient_id; /* patient data stay in `ls` */
    (void)issuer;
    const struct catalog_problem problem = {
        .sequence = first_sequence,
        .time_us = time_of(first_sequence),
        .kind = PROBLEM_PATIENT_CONFLICT,
        .study_uid = study_uid,
        .text = slice_text("one of several patients that claim the study; it stands under the one named last"),
    };
    return show(context, &problem);
}

static bool show_unfiled(void *context, uint64_t sequence, struct place place, struct slice why) {
    char text[160];
    snprintf(text, sizeof text, "can't be filed: %.*s; kept in segment %u at %llu", SLICE_ARGS(why), place.segment,
             (unsigned long long)place.offset);
    const struct catalog_problem problem = {
        .sequence = sequence, .time_us = time_of(sequence), .kind = PROBLEM_COLLISION, .text = slice_text(text)};
    return show(context, &problem);
}

static bool each(struct archive *archive, struct problems *problems, struct fault *fault) {
    return catalog_each_problem(archive->catalog, 0, show, problems, fault) &&
           catalog_each_quarantined(archive->catalog, show_quarantined, problems, fault) &&
           catalog_each_patient_conflict(archive->catalog, show_conflict, problems, fault) &&
           catalog_each_unfiled(archive->catalog, show_unfiled, problems, fault);
}

int command_problems_run(struct archive *archive, const struct command_arguments *arguments, struct output *output) {
    struct fault fault = {0};
    struct problems problems = {.output = output, .arguments = arguments};
    archive_settle(archive, output);
    if (!listing_init(&problems.listing, output, arguments->json, columns)) return 1;
    bool good = each(archive, &problems, &fault);
    listing_release(&problems.listing);
    if (!good) output_message(output, "leat: the index can't be read: %s", fault.text);
    return good && !output_stopped(output) ? 0 : 1;
}
