/* SPDX-License-Identifier: Apache-2.0 */
/* main: finds the subcommand. */
#include <stdio.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "tools/leat/cli.h"

struct subcommand {
    const char *word, *called; /* called: how its help names it */
    int (*main)(int argc, char **argv);
    const char *meaning;
};

static const struct subcommand subcommands[] = {
    {"serve", "leat serve", serve_main, "receive, keep and index what peers send"},
    {"ls", "leat ls", ls_main, "list patients, studies, series or instances"},
    {"stats", "leat stats", stats_main, "how much there is, and what was counted"},
    {"problems", "leat problems", problems_main, "what was refused, quarantined or odd, and why"},
    {"verify", "leat verify", verify_main, "check every byte, and index against log"},
    {"rebuild", "leat rebuild", rebuild_main, "make the index anew from the segments"},
    {"export", "leat export", export_main, "write objects as Part 10 files"},
    {"check-config", "leat check-config", check_config_main, "check a configuration; list its keys"},
    {"version", "leat version", version_main, "which leat this is"},
};

static void print_usage(FILE *to) {
    fprintf(to, "Usage: leat COMMAND [OPTION...]\n\n"
                "Leat takes in DICOM objects as fast as the disk can write them, keeps every one that it\n"
                "acknowledged, and hands them on.\n\n"
                "Commands:\n");
    for (size_t i = 0; i < array_count(subcommands); i++)
        fprintf(to, "  %-14s %s\n", subcommands[i].word, subcommands[i].meaning);
    fprintf(
        to,
        "\n'leat COMMAND --help' says more. All but serve work on the same data folder whether a server runs on it or not.\n\n"
        "Example: an archive in ./leat-data on port 11112, and what is in it\n"
        "  leat serve\n"
        "  dcmsend localhost 11112 *.dcm\n"
        "  leat ls studies\n\n"
        "Exit status: 0 done, 1 the work failed, 2 wrong usage or configuration.\n");
}

static const struct subcommand *find(const char *word) {
    for (size_t i = 0; i < array_count(subcommands); i++)
        if (strcmp(subcommands[i].word, word) == 0) return &subcommands[i];
    return NULL;
}

/* leat help COMMAND = leat COMMAND --help */
static int help(int argc, char **argv) {
    const struct subcommand *subcommand = argc > 2 ? find(argv[2]) : NULL;
    if (!subcommand) {
        print_usage(stdout);
        return argc > 2 ? 2 : 0;
    }
    char name[32], option[] = "--help";
    snprintf(name, sizeof name, "%s", subcommand->called);
    char *arguments[] = {name, option, NULL};
    return subcommand->main(2, arguments);
}

int main(int argc, char **argv) {
    argp_err_exit_status = 2;
    log_set_level(LOG_WARN); /* serve sets what its configuration says */
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "-?") == 0 ||
        strcmp(argv[1], "help") == 0)
        return help(argc, argv);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) return version_main(1, argv);
    const struct subcommand *subcommand = find(argv[1]);
    if (!subcommand) {
        fprintf(stderr, "leat: there is no command '%s'; 'leat --help' lists them\n", argv[1]);
        return 2;
    }
    char name[32];
    snprintf(name, sizeof name, "%s", subcommand->called);
    argv[1] = name;
    return subcommand->main(argc - 1, argv + 1);
}
