/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/commands.h"

#include "engine/base/check.h"

struct command {
    const char *word;
    int (*run)(struct archive *archive, const struct command_arguments *arguments, struct output *output);
};

static const struct command commands[] = {
    {"ls", command_ls_run},         {"stats", command_stats_run},   {"problems", command_problems_run},
    {"verify", command_verify_run}, {"export", command_export_run},
};

static const char *const levels[] = {
    [COMMAND_PATIENTS] = "patients",
    [COMMAND_STUDIES] = "studies",
    [COMMAND_SERIES] = "series",
    [COMMAND_INSTANCES] = "instances",
};

static bool parse_level(const char *value, enum command_level *level) {
    for (unsigned i = 0; i < array_count(levels); i++) {
        if (strcmp(levels[i], value) != 0) continue;
        *level = (enum command_level)i;
        return true;
    }
    return false;
}

static bool parse_argument(const char *argument, struct command_arguments *out) {
    const char *equals = strchr(argument, '=');
    if (!equals) return false;
    struct slice name = slice_of(argument, (size_t)(equals - argument)), value = slice_text(equals + 1);
    bool yes = slice_equal(value, slice_text("1"));
    if (slice_equal(name, slice_text("level"))) return parse_level(equals + 1, &out->level);
    if (slice_equal(name, slice_text("json"))) return out->json = yes;
    if (slice_equal(name, slice_text("all"))) return out->all = yes;
    if (slice_equal(name, slice_text("study"))) return out->study = value, true;
    if (slice_equal(name, slice_text("series"))) return out->series = value, true;
    if (slice_equal(name, slice_text("patient"))) return out->patient = value, true;
    if (slice_equal(name, slice_text("kind"))) return out->kind = value, true;
    return false;
}

int commands_run(void *archive, const struct control_request *request, struct output *output) {
    struct command_arguments arguments = {.level = COMMAND_STUDIES, .directory = request->directory};
    for (int i = 1; i < request->argument_count; i++) {
        if (parse_argument(request->arguments[i], &arguments)) continue;
        output_message(output, "leat: '%s' is nothing that the server knows; is it of another version?", request->arguments[i]);
        return 2;
    }
    for (size_t i = 0; i < array_count(commands); i++) {
        if (strcmp(commands[i].word, request->arguments[0]) != 0) continue;
        int status = commands[i].run(archive, &arguments, output);
        return output_flush(output) ? status : 1;
    }
    output_message(output, "leat: a running server has this data folder, and does not serve '%s'", request->arguments[0]);
    return 2;
}
