/* SPDX-License-Identifier: Apache-2.0 */
/* cli: what the subcommands share: the options that name the archive, standard output and error as a struct output (with a
 * progress line where there is a terminal), cancelling by signal, and running a command where the archive is: in the server that
 * has it, or here.
 *
 * Each subcommand is one file with one function SUBCOMMAND_main(argc, argv) that returns the exit status: 0 done, 1 the work
 * failed, 2 wrong usage or configuration. Main thread only. */
#ifndef LEAT_TOOLS_CLI_H
#define LEAT_TOOLS_CLI_H

#include <argp.h>

#include "engine/base/output.h"

int serve_main(int argc, char **argv);
int ls_main(int argc, char **argv);
int stats_main(int argc, char **argv);
int problems_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int rebuild_main(int argc, char **argv);
int export_main(int argc, char **argv);
int check_config_main(int argc, char **argv);
int version_main(int argc, char **argv);

/* ---- which archive ---- */
struct cli_archive {
    const char *data, *config; /* as given, or NULL */
};
/* --data and --config, as a child parser; its input is a struct cli_archive. */
extern const struct argp cli_archive_argp;
/* The sections FILES and EXIT STATUS, to end each help with. */
#define CLI_HELP_END \
    "\nFiles:\n" \
    "  ./leat-data         the data folder, unless --data or --config names another\n" \
    "  DIR/control.sock    how a running server is asked\n" \
    "\nExit status:\n" \
    "  0  done\n" \
    "  1  the work failed, or found something wrong\n" \
    "  2  wrong usage or configuration, or the data folder can't be used\n"

/* Where the archive is: folders to be freed. False: said, exit status 2. */
struct cli_place {
    char *data_dir, *index_dir; /* index_dir NULL: the data folder's own */
};
bool cli_place_find(const struct cli_archive *archive, struct cli_place *place);
void cli_place_release(struct cli_place *place);

/* ---- output ---- */
struct cli_screen {
    bool progress_on_terminal, progress_shown;
    uint64_t progress_said_ns;
    bool failed; /* standard output could not be written */
};
void cli_output_init(struct output *output, struct cli_screen *screen);

/* ---- running ---- */
/* SIGINT, SIGTERM and SIGHUP set what output->cancel points to. */
void cli_catch_signals(struct output *output);

/* One request: NAME=VALUE arguments behind the command's word. */
struct cli_request {
    char *arguments[16];
    int count;
};
void cli_request_init(struct cli_request *request, const char *word);
void cli_request_add(struct cli_request *request, const char *name, const char *value); /* value NULL: nothing is added */
void cli_request_release(struct cli_request *request);

/* Runs it in the server that has the archive, or here. directory: for what it writes, or -1. The exit status. */
int cli_run(const struct cli_archive *archive, const struct cli_request *request, int directory);

#endif
