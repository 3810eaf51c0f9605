/* SPDX-License-Identifier: Apache-2.0 */
/* commands: what can be asked of an open archive: ls, stats, problems, verify, export. They run in whichever process owns the
 * archive: in `leat ls` itself, or in the server that its control socket reaches. Many at once, each on a thread of its own.
 *
 * A request's arguments are the command's word and then NAME=VALUE each (tools/leat makes them from the command line):
 * level=patients|studies|series|instances, json=1, study=UID, series=UID, patient=ID, all=1, kind=WORD. */
#ifndef LEAT_SERVE_COMMANDS_H
#define LEAT_SERVE_COMMANDS_H

#include "engine/serve/archive.h"
#include "engine/serve/control.h"

enum command_level { COMMAND_PATIENTS, COMMAND_STUDIES, COMMAND_SERIES, COMMAND_INSTANCES };

struct command_arguments {
    enum command_level level;
    bool json;
    bool all;                               /* export: quarantined objects and superseded versions too */
    struct slice study, series, patient, kind; /* empty: all */
    int directory;                          /* export: the folder to write into */
};

/* A control_handler whose context is a struct archive *. */
int commands_run(void *archive, const struct control_request *request, struct output *output);

int command_ls_run(struct archive *archive, const struct command_arguments *arguments, struct output *output);
int command_stats_run(struct archive *archive, const struct command_arguments *arguments, struct output *output);
int command_problems_run(struct archive *archive, const struct command_arguments *arguments, struct output *output);
int command_verify_run(struct archive *archive, const struct command_arguments *arguments, struct output *output);
int command_export_run(struct archive *archive, const struct command_arguments *arguments, struct output *output);

#endif
