/* SPDX-License-Identifier: Apache-2.0 */
/* problems: what did not go as it should. */
#include <string.h>

#include "engine/base/problem.h"
#include "tools/leat/cli.h"

struct options {
    struct cli_archive archive;
    const char *json, *kind, *study, *series;
};

static const struct argp_option options[] = {
    {"kind", 'k', "KIND", 0, "Only problems of this kind", 1},
    {"study", 's', "UID", 0, "Only problems of this study", 1},
    {"series", 'r', "UID", 0, "Only problems of this series", 1},
    {"json", 'j', NULL, 0, "A JSON array, one object a line: time, kind, calling_aet, instance, series, study, reason, sequence",
     2},
    {0},
};

static void check_kind(const char *word, struct argp_state *state) {
#define SAME(symbol, number, text, meaning) \
    if (strcmp(word, text) == 0) return;
    PROBLEM_TABLE(SAME)
#undef SAME
    argp_error(state, "'%s' is no kind of problem; --help lists them", word);
}

static error_t parse(int key, char *value, struct argp_state *state) {
    struct options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->archive; return 0;
    case 'k': check_kind(value, state); o->kind = value; return 0;
    case 's': o->study = value; return 0;
    case 'r': o->series = value; return 0;
    case 'j': o->json = "1"; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

#define KIND_LINE(symbol, number, word, meaning) "  " word ": " meaning "\n"
static const struct argp_child children[] = {{&cli_archive_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .children = children,
    .doc = "Lists what was refused, quarantined, or kept although something about it is wrong: each with its time, its UIDs, who "
           "sent it, "
           "and the reason. Nothing is dropped in silence."
           "\vKinds:\n" PROBLEM_TABLE(
               KIND_LINE) "\nExamples:\n"
                          "  leat problems\n"
                          "  leat problems --kind refused --json | jq -r '.[].reason' | sort | uniq -c\n" CLI_HELP_END,
};

int problems_main(int argc, char **argv) {
    struct options o = {0};
    struct cli_request request;
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    cli_request_init(&request, "problems");
    cli_request_add(&request, "kind", o.kind);
    cli_request_add(&request, "study", o.study);
    cli_request_add(&request, "series", o.series);
    cli_request_add(&request, "json", o.json);
    int status = cli_run(&o.archive, &request, -1);
    cli_request_release(&request);
    return status;
}
