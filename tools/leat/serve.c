/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the command line of the server. Its options are the rows of the configuration's table that have one. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/config.h"
#include "engine/serve/server.h"
#include "tools/leat/cli.h"

#define KEY_FIRST 1000
#define OPTIONS_MOST 64u
#define SETTINGS_MOST 4096u

struct options {
    const char *config;
    struct config_setting *settings;
    size_t setting_count;
};

static error_t parse(int key, char *value, struct argp_state *state) {
    struct options *o = state->input;
    char allowed[CONFIG_ALLOWED_BYTES];
    if (key == 'c') {
        o->config = value;
        return 0;
    }
    if (key == ARGP_KEY_ARG) argp_error(state, "'%s' is not an option; files and folders are named by options", value);
    if (key < KEY_FIRST || (size_t)(key - KEY_FIRST) >= config_row_count()) return ARGP_ERR_UNKNOWN;
    if (o->setting_count == SETTINGS_MOST) argp_error(state, "too many options");
    o->settings[o->setting_count++] =
        (struct config_setting){.key = config_row_at((size_t)(key - KEY_FIRST), allowed).key, .value = value};
    return 0;
}

/* How a value is called in --help. */
static const char *value_name(const struct config_row *row) {
    static const struct {
        const char *type, *name;
    } names[] = {{"folder", "DIR"}, {"number", "N"}, {"AE title", "TITLE"}, {"address", "ADDR"}, {"size", "SIZE"},
                 {"list of AET=HOST:PORT", "AET=HOST:PORT"}};
    for (size_t i = 0; i < array_count(names); i++)
        if (strcmp(names[i].type, row->type) == 0) return names[i].name;
    return "VALUE";
}

/* The options, from the table; texts are kept for as long as the process lives. */
static struct argp_option *make_options(void) {
    struct argp_option *options = calloc(OPTIONS_MOST, sizeof *options);
    if (!options) abort();
    size_t count = 0;
    options[count++] =
        (struct argp_option){"config", 'c', "FILE", 0, "The configuration (YAML); options on the command line go before it", 1};
    for (size_t i = 0; i < config_row_count(); i++) {
        char allowed[CONFIG_ALLOWED_BYTES], *text;
        struct config_row row = config_row_at(i, allowed);
        if (!row.option || !row.at_top) continue;
        invariant(count + 1 < OPTIONS_MOST);
        if (asprintf(&text, "%s%s%s%s", row.meaning, *row.initial ? " Default: " : "", row.initial,
                     strncmp(row.type, "list", 4) == 0 ? " May be given more than once." : "") < 0) abort();
        options[count++] = (struct argp_option){row.option, KEY_FIRST + (int)i, value_name(&row), 0, text, 2};
    }
    return options;
}

static const char doc[] = "Receives DICOM objects from many peers at once, keeps them, and keeps the index of them. An object "
                          "that it acknowledged is on stable "
                          "storage. It runs in the foreground and needs no privileges; log lines go to standard error. When it "
                          "accepts associations, it writes a "
                          "line that begins with `ready`."
                          "\vWithout a configuration everyone may echo and store; `clients` in the configuration says who may do "
                          "what (leat check-config --keys).\n"
                          "\nSignals:\n"
                          "  SIGTERM, SIGINT     no new associations; objects under way are finished, or\n"
                          "                      aborted after `grace` (30s); then it ends with status 0\n"
                          "  SIGHUP              reads clients, peers and policies again\n"
                          "\nExamples:\n"
                          "  leat serve\n"
                          "  leat serve --data /srv/leat --port 104 --aet ARCHIVE --memory 2GiB\n"
                          "  leat serve --config /etc/leat.yaml\n"
                          "\nFiles:\n"
                          "  ./leat-data         the data folder, unless --data or --config names another\n"
                          "  DIR/control.sock    how the other commands ask the running server\n"
                          "\nExit status:\n"
                          "  0  ended in order\n"
                          "  1  failed\n"
                          "  2  wrong usage or configuration, or the data folder can't be used: locked,\n"
                          "     of a newer format, a segment missing\n";

/* SIGHUP: the same file and options as at the start. */
static struct config *read_again(void *context, char **errors) {
    const struct options *o = context;
    return config_create(o->config, o->settings, o->setting_count, errors);
}

int serve_main(int argc, char **argv) {
    struct argp_option *argp_options = make_options();
    const struct argp parser = {.options = argp_options, .parser = parse, .doc = doc};
    struct options o = {.settings = calloc(SETTINGS_MOST, sizeof *o.settings)};
    char *errors = NULL;
    if (!o.settings) abort();
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    struct config *config = config_create(o.config, o.settings, o.setting_count, &errors);
    int status = 2;
    if (config) {
        log_set_level(config->log_level);
        status = server_run(config, &(struct server_reload){.read = read_again, .context = &o});
    } else {
        fprintf(stderr, "%s\n", errors);
    }
    free(errors);
    config_destroy(config);
    free(o.settings);
    for (size_t i = 1; argp_options[i].name; i++) free((char *)(uintptr_t)argp_options[i].doc);
    free(argp_options);
    return status;
}
