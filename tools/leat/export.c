/* SPDX-License-Identifier: Apache-2.0 */
/* export: objects as Part 10 files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/leat/cli.h"

struct options {
    struct cli_archive archive;
    const char *out, *study, *all;
};

static const struct argp_option options[] = {
    {"study", 's', "UID", 0, "Only this study", 1},
    {"all", 'a', NULL, 0, "Quarantined objects and superseded versions too", 1},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state) {
    struct options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->archive; return 0;
    case 's': o->study = value; return 0;
    case 'a': o->all = "1"; return 0;
    case ARGP_KEY_ARG:
        if (o->out) argp_error(state, "one folder is enough: '%s' comes after '%s'", value, o->out);
        o->out = value;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which folder to write into?"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_archive_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .children = children,
    .args_doc = "OUT",
    .doc = "Writes each instance as one Part 10 file into the folder OUT, which is made if need be: the data set byte for byte "
           "as it was "
           "received, in the transfer syntax it came in. A file is named by its SOP Instance UID; another instance with the same "
           "UID in "
           "another series gets -2 behind it, and so on. A file appears when it is whole, never over another one; one that is "
           "there with the "
           "same bytes is left, so that an export can be repeated. An instance that can't be read is named, and the others are "
           "written."
           "\vExamples:\n"
           "  leat export /mnt/usb/all\n"
           "  leat export --study 1.2.840.113619.2.1 study && dcmdump +sd study\n" CLI_HELP_END,
};

/* mkdir -p, and the folder's descriptor; -1 and errno. */
static int open_folder(const char *path) {
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = part + (*part == '/'); *slash; slash++) {
        slash = strchrnul(slash, '/');
        char kept = *slash;
        *slash = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return -1;
        *slash = kept;
        if (!kept) break;
    }
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int export_main(int argc, char **argv) {
    struct options o = {0};
    struct cli_request request;
    struct cli_place place;
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    if (!cli_place_find(&o.archive, &place)) return 2;
    bool there = access(place.data_dir, F_OK) == 0;
    if (!there) fprintf(stderr, "leat: there is no archive in %s\n", place.data_dir);
    cli_place_release(&place);
    if (!there) return 2;
    int directory = open_folder(o.out);
    if (directory < 0) {
        fprintf(stderr, "leat: the folder %s can't be used: %s\n", o.out, strerror(errno));
        return 1;
    }
    cli_request_init(&request, "export");
    cli_request_add(&request, "study", o.study);
    cli_request_add(&request, "all", o.all);
    int status = cli_run(&o.archive, &request, directory);
    cli_request_release(&request);
    close(directory);
    return status;
}
