/* SPDX-License-Identifier: Apache-2.0 */
/* check_config: is a configuration good, and what may stand in one? */
#include <stdlib.h>

#include "engine/base/config.h"
#include "tools/leat/cli.h"

struct options {
    const char *file;
    bool keys;
};

static const struct argp_option options[] = {
    {"keys", 'k', NULL, 0, "Every key with its type, default, what is allowed and what it means, as a commented configuration",
     1},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state) {
    struct options *o = state->input;
    switch (key) {
    case 'k': o->keys = true; return 0;
    case ARGP_KEY_ARG:
        if (o->file) argp_error(state, "one file is enough: '%s' comes after '%s'", value, o->file);
        o->file = value;
        return 0;
    case ARGP_KEY_END:
        if (!o->file && !o->keys) argp_error(state, "which file?");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE",
    .doc = "Checks a configuration whole, as `leat serve` does when it starts, and names every error with file, line, key and "
           "what is allowed. "
           "Nothing is started or created."
           "\vA configuration is YAML. A small one:\n\n"
           "  data: /srv/leat\n"
           "  aet: ARCHIVE\n"
           "  memory: 1GiB\n"
           "  timeouts:\n"
           "    idle: 10min\n"
           "  clients:\n"
           "    - aet: CT1\n"
           "      address: 10.1.0.0/16\n"
           "      operations: [echo, store]\n"
           "    - operations: [echo]\n\n"
           "Examples:\n"
           "  leat check-config /etc/leat.yaml\n"
           "  leat check-config --keys | less\n"
           "\nExit status:\n"
           "  0  good\n"
           "  2  something in it is wrong, or it can't be read\n",
};

/* The text in lines of comments. */
static void print_comment(const char *text, const char *indent) {
    size_t column = 1000;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (column + length > 110) {
            printf("%s%s# ", column < 1000 ? "\n" : "", indent);
            column = 2;
        } else {
            printf(" ");
        }
        printf("%.*s", (int)length, text);
        column += length + 1;
        text += length + (text[length] == ' ');
    }
    printf("\n");
}

static void print_row(const struct config_row *row, const char *indent, char section[32]) {
    const char *dot = strchr(row->key, '.');
    bool same = dot && strncmp(section, row->key, (size_t)(dot - row->key)) == 0 && section[dot - row->key] == 0;
    if (dot && !same) {
        snprintf(section, 32, "%.*s", (int)(dot - row->key), row->key);
        printf("%s%s:\n", indent, section);
    }
    if (!dot) section[0] = 0;
    char deeper[16];
    snprintf(deeper, sizeof deeper, "%s%s", indent, dot ? "  " : "");
    const char *open = strncmp(row->type, "list", 4) == 0 ? "[" : strpbrk(row->initial, "*") || !*row->initial ? "'" : "";
    const char *shut = *open == '[' ? "]" : open;
    print_comment(row->meaning, deeper);
    printf("%s# %s%s%s\n", deeper, row->allowed, row->option ? "; on the command line: --" : "", row->option ? row->option : "");
    printf("%s#%s: %s%s%s\n\n", deeper, dot ? dot + 1 : row->key, open, row->initial, shut);
}

static void print_keys(void) {
    char allowed[CONFIG_ALLOWED_BYTES], section[32] = "";
    for (size_t i = 0; i < config_row_count(); i++) {
        struct config_row row = config_row_at(i, allowed);
        if (row.at_top) print_row(&row, "", section);
    }
    section[0] = 0;
    printf("# What an entry of clients may hold; what it does not say, it takes from above.\n\n#clients:\n#  -\n");
    for (size_t i = 0; i < config_row_count(); i++) {
        struct config_row row = config_row_at(i, allowed);
        if (row.in_client) print_row(&row, "#    ", section);
    }
}

int check_config_main(int argc, char **argv) {
    struct options o = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    if (o.keys) print_keys();
    if (o.file) {
        char *errors = NULL;
        struct config *config = config_create(o.file, NULL, 0, &errors);
        if (!config) {
            fprintf(stderr, "%s\n", errors);
            free(errors);
            return 2;
        }
        if (!config->client_count)
            printf("%s: note: no clients are listed, so everyone may do what `operations` says (default: echo and store)\n",
                   o.file);
        printf("%s: good\n", o.file);
        config_destroy(config);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
