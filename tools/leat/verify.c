/* SPDX-License-Identifier: Apache-2.0 */
/* verify: is everything as it was written? */
#include "tools/leat/cli.h"

struct options {
    struct cli_archive archive;
    const char *json;
};

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "The result as one JSON object: records, objects, bytes, index_rows, wrong, finished", 1},
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
    .doc = "Reads every record of every segment and every streamed file and checks their checksums; looks up each object in the "
           "index, and "
           "each row of the index in the segments; counts again what the index counts. It changes nothing. Whatever is wrong is "
           "named on "
           "standard error, one line each, with the instance where that is known. It can run while a server serves."
           "\vWhat to do about it:\n"
           "  a wrong record             that object is lost unless its sender or a copy has it; all others are served\n"
           "  a wrong index              leat rebuild (with the server stopped)\n"
           "\nExamples:\n"
           "  leat verify\n"
           "  leat verify --data /srv/leat --json || mail -s 'archive' admin\n" CLI_HELP_END,
};

int verify_main(int argc, char **argv) {
    struct options o = {0};
    struct cli_request request;
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    cli_request_init(&request, "verify");
    cli_request_add(&request, "json", o.json);
    int status = cli_run(&o.archive, &request, -1);
    cli_request_release(&request);
    return status;
}
