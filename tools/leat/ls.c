/* SPDX-License-Identifier: Apache-2.0 */
/* ls: what is in the archive, level by level. */
#include <string.h>

#include "tools/leat/cli.h"

struct options {
    struct cli_archive archive;
    const char *level, *json, *patient, *study, *series;
};

static const struct argp_option options[] = {
    {"patient", 'p', "ID", 0, "Only what belongs to this Patient ID (exactly)", 1},
    {"study", 's', "UID", 0, "Only what belongs to this study", 1},
    {"series", 'r', "UID", 0, "Only what belongs to this series", 1},
    {"json", 'j', NULL, 0, "A JSON array, one object a line, with more columns", 2},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state) {
    struct options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->archive; return 0;
    case 'p': o->patient = value; return 0;
    case 's': o->study = value; return 0;
    case 'r': o->series = value; return 0;
    case 'j': o->json = "1"; return 0;
    case ARGP_KEY_ARG:
        if (o->level) argp_error(state, "one level is enough: '%s' comes after '%s'", value, o->level);
        if (strcmp(value, "patients") != 0 && strcmp(value, "studies") != 0 && strcmp(value, "series") != 0 &&
            strcmp(value, "instances") != 0)
            argp_error(state, "'%s' is no level (allowed: patients, studies, series, instances)", value);
        o->level = value;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_archive_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "[patients|studies|series|instances]",
    .doc = "Lists what is in the archive at one level (default: studies), everything, in an order that stays the same. "
           "Superseded versions and quarantined objects are not in the tree: see `leat stats` and `leat problems`."
           "\vExamples:\n"
           "  leat ls                                   all studies\n"
           "  leat ls --patient 4711 studies            those of a patient\n"
           "  leat ls --study 1.2.3.4 instances         every object of a study\n"
           "  leat ls --json series | jq -r '.[] | select(.modality == \"CT\") | .series'\n" CLI_HELP_END,
};

int ls_main(int argc, char **argv) {
    struct options o = {0};
    struct cli_request request;
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    cli_request_init(&request, "ls");
    cli_request_add(&request, "level", o.level ? o.level : "studies");
    cli_request_add(&request, "patient", o.patient);
    cli_request_add(&request, "study", o.study);
    cli_request_add(&request, "series", o.series);
    cli_request_add(&request, "json", o.json);
    int status = cli_run(&o.archive, &request, -1);
    cli_request_release(&request);
    return status;
}
