/* SPDX-License-Identifier: Apache-2.0 */
/* config_node: a configuration file as a tree of scalars, lists and maps with their line numbers, the memory that the tree and
 * the finished configuration live in, and the list of errors. Internal to engine/base/config*. Start-up thread only. */
#ifndef LEAT_BASE_CONFIG_NODE_H
#define LEAT_BASE_CONFIG_NODE_H

#include "engine/base/slice.h"

/* ---- memory: freed all at once; an allocation that fails is remembered and gives NULL ---- */
struct config_memory;
struct config_memory *config_memory_create(void);
void config_memory_destroy(struct config_memory *memory);
void *config_memory_take(struct config_memory *memory, size_t length); /* zeroed; NULL: no memory */
char *config_memory_text(struct config_memory *memory, const char *text, size_t length);
bool config_memory_failed(const struct config_memory *memory);

/* ---- errors: all of them, one line each ---- */
#define CONFIG_ERRORS_MOST 100u
struct config_errors {
    const char *file;  /* named in each line */
    char *text;        /* NULL while there is none; malloc */
    size_t length, count;
};
/* line 0: no line ("FILE: ..."); key may be NULL. */
void config_errors_add(struct config_errors *errors, unsigned line, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- the tree ---- */
enum config_node_kind { CONFIG_NODE_SCALAR, CONFIG_NODE_LIST, CONFIG_NODE_MAP };
struct config_node {
    enum config_node_kind kind;
    unsigned line;             /* from 1; 0 = from the command line or a default */
    const char *key;           /* of a map's member, else NULL */
    const char *text;          /* of a scalar */
    struct config_node *items; /* of a list or map */
    size_t count;
};

/* Parses YAML (the first document of the text). NULL: an error was added, or there is no memory. An empty text is an empty map.
 */
struct config_node *config_yaml_parse(struct slice text, struct config_memory *memory, struct config_errors *errors);

/* A list node of the parts of "a, b, c" (none for ""), or a scalar. NULL: no memory. */
struct config_node *config_node_from_text(struct config_memory *memory, const char *text, bool list);

#endif
