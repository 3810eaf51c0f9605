/* SPDX-License-Identifier: Apache-2.0 */
/* stats: how much there is. */
#include "tools/leat/cli.h"

struct options {
    struct cli_archive archive;
    const char *json;
};

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0,
     "One JSON object: whole numbers patients, studies, series, instances, bytes (data sets of current instances), "
     "disk_bytes, duplicates, refused, quarantined and more; counters; volumes",
     1},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state) {
    struct options *o = state->input;
    (void)value;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->archive; return 0;
    case 'j': o->json = "1"; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_archive_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .children = children,
    .doc = "Says how many patients, studies, series and instances there are, how many bytes they take, what is on which volume, "
           "and what "
           "was counted since the archive began. The counts are exact at any time."
           "\vExamples:\n"
           "  leat stats\n"
           "  leat stats --data /srv/leat --json | jq .instances\n" CLI_HELP_END,
};

int stats_main(int argc, char **argv) {
    struct options o = {0};
    struct cli_request request;
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    cli_request_init(&request, "stats");
    cli_request_add(&request, "json", o.json);
    int status = cli_run(&o.archive, &request, -1);
    cli_request_release(&request);
    return status;
}
