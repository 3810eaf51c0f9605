/* SPDX-License-Identifier: Apache-2.0 */
/* rebuild: the index anew. */
#include <stdlib.h>

#include "engine/serve/archive.h"
#include "tools/leat/cli.h"

struct options {
    struct cli_archive archive;
    bool accept_missing;
};

static const struct argp_option options[] = {
    {"accept-missing", 'm', NULL, 0,
     "Go on without segments whose files are gone; their objects are no longer in the archive. Should a file "
     "turn up again later, it is not taken back",
     1},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state) {
    struct options *o = state->input;
    (void)value;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->archive; return 0;
    case 'm': o->accept_missing = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_archive_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .children = children,
    .doc = "Makes the index anew from the segments. The attributes are extracted again from the data sets, so this also mends "
           "what an earlier "
           "version of leat read wrongly, and fills in what is indexed since. Objects are only read. It needs the archive for "
           "itself: stop the "
           "server first. When it is interrupted, it or the next start of the server begins again."
           "\vExamples:\n"
           "  leat rebuild --data /srv/leat\n"
           "  leat rebuild --accept-missing       a disk with segments is lost\n" CLI_HELP_END,
};

static int complain(struct output *output, const struct fault *fault, const struct options *o) {
    const char *hint = "";
    if (fault->code == FAULT_LOCKED) hint = "; stop it first: a rebuild needs the archive for itself";
    if (fault->code == FAULT_MISSING && !o->accept_missing) hint = "; to go on without: leat rebuild --accept-missing";
    if (fault->code == FAULT_CANCELLED) hint = "; the next rebuild, or the server's next start, begins again";
    output_message(output, "leat: %s%s", fault->text, hint);
    return archive_exit_status(fault);
}

int rebuild_main(int argc, char **argv) {
    struct options o = {0};
    struct cli_place place;
    struct cli_screen screen;
    struct archive archive;
    struct fault fault = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    if (!cli_place_find(&o.archive, &place)) return 2;
    struct output *output = malloc(sizeof *output);
    if (!output) abort();
    cli_output_init(output, &screen);
    cli_catch_signals(output);
    const struct archive_options archive_options = {
        .store.dir = place.data_dir,
        .index_dir = place.index_dir,
        .rebuild = true,
        .accept_missing = o.accept_missing,
        .output = output,
    };
    int status = 0;
    if (archive_open(&archive, &archive_options, &fault))
        archive_close(&archive);
    else
        status = complain(output, &fault, &o);
    output_flush(output);
    free(output);
    cli_place_release(&place);
    return status;
}
