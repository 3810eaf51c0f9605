/* SPDX-License-Identifier: Apache-2.0 */
/* command_problems: what was refused, quarantined, or filed although something is wrong: each with its UIDs, reason and time. */
#include <stdio.h>

#include "engine/base/problem.h"
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

int command_problems_run(struct archive *archive, const struct command_arguments *arguments, struct output *output) {
    struct fault fault = {0};
    struct problems problems = {.output = output, .arguments = arguments};
    archive_settle(archive, output);
    if (!listing_init(&problems.listing, output, arguments->json, columns)) return 1;
    bool good = catalog_each_problem(archive->catalog, 0, show, &problems, &fault);
    listing_release(&problems.listing);
    if (!good) output_message(output, "leat: the index can't be read: %s", fault.text);
    return good && !output_stopped(output) ? 0 : 1;
}
