/* SPDX-License-Identifier: Apache-2.0 */
/* config_yaml: the only file that knows libyaml. It loads one document and copies it into config_nodes. Aliases are followed, so
 * the copy is bounded in depth and in nodes: a file of a few lines can't ask for a billion. */
#include <yaml.h>

#include "engine/base/config_node.h"

#define DEPTH_MOST 8u
#define NODES_MOST 200000u

struct loader {
    yaml_document_t document;
    struct config_memory *memory;
    struct config_errors *errors;
    size_t node_count;
};

static unsigned line_of(const yaml_node_t *node) { return (unsigned)node->start_mark.line + 1; }

static bool copy_node(struct loader *loader, int index, unsigned depth, struct config_node *to);

static bool copy_list(struct loader *loader, const yaml_node_t *from, unsigned depth, struct config_node *to) {
    size_t count = (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
    to->kind = CONFIG_NODE_LIST;
    to->items = config_memory_take(loader->memory, (count + 1) * sizeof *to->items);
    if (!to->items) return false;
    for (size_t i = 0; i < count; i++)
        if (!copy_node(loader, from->data.sequence.items.start[i], depth + 1, &to->items[i])) return false;
    to->count = count;
    return true;
}

static bool copy_map(struct loader *loader, const yaml_node_t *from, unsigned depth, struct config_node *to) {
    size_t count = (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start);
    to->kind = CONFIG_NODE_MAP;
    to->items = config_memory_take(loader->memory, (count + 1) * sizeof *to->items);
    if (!to->items) return false;
    for (size_t i = 0; i < count; i++) {
        yaml_node_pair_t pair = from->data.mapping.pairs.start[i];
        const yaml_node_t *key = yaml_document_get_node(&loader->document, pair.key);
        struct config_node *item = &to->items[i];
        if (!key || key->type != YAML_SCALAR_NODE) {
            config_errors_add(loader->errors, key ? line_of(key) : line_of(from), NULL, "a key must be a word");
            return false;
        }
        if (!copy_node(loader, pair.value, depth + 1, item)) return false;
        item->key = config_memory_text(loader->memory, (const char *)key->data.scalar.value, key->data.scalar.length);
        item->line = line_of(key);
        if (!item->key) return false;
    }
    to->count = count;
    return true;
}

static bool copy_scalar(struct loader *loader, const yaml_node_t *from, struct config_node *to) {
    const char *text = (const char *)from->data.scalar.value;
    size_t length = from->data.scalar.length;
    if (memchr(text, 0, length)) {
        config_errors_add(loader->errors, line_of(from), NULL, "a value holds a zero byte");
        return false;
    }
    bool plain = from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (strcmp(text, "~") == 0 || strcmp(text, "null") == 0)) length = 0;
    to->kind = CONFIG_NODE_SCALAR;
    to->text = config_memory_text(loader->memory, text, length);
    return to->text != NULL;
}

static bool copy_node(struct loader *loader, int index, unsigned depth, struct config_node *to) {
    const yaml_node_t *from = yaml_document_get_node(&loader->document, index);
    if (!from) return false;
    to->line = line_of(from);
    if (depth > DEPTH_MOST || ++loader->node_count > NODES_MOST) {
        config_errors_add(loader->errors, to->line, NULL, "nested too deep, or too many values");
        return false;
    }
    switch (from->type) {
    case YAML_SCALAR_NODE: return copy_scalar(loader, from, to);
    case YAML_SEQUENCE_NODE: return copy_list(loader, from, depth, to);
    case YAML_MAPPING_NODE: return copy_map(loader, from, depth, to);
    default: return false;
    }
}

static bool copy_document(struct loader *loader, struct config_node *root) {
    if (yaml_document_get_root_node(&loader->document)) return copy_node(loader, 1, 0, root);
    root->kind = CONFIG_NODE_MAP; /* an empty file */
    return true;
}

/* A second document would be ignored in silence. */
static bool at_end(yaml_parser_t *parser, struct config_errors *errors) {
    yaml_document_t next;
    if (!yaml_parser_load(parser, &next)) {
        config_errors_add(errors, (unsigned)parser->problem_mark.line + 1, NULL, "not YAML: %s",
                          parser->problem ? parser->problem : "unreadable");
        return false;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    if (root) config_errors_add(errors, line_of(root), NULL, "a second document begins here; a configuration is one");
    yaml_document_delete(&next);
    return root == NULL;
}

struct config_node *config_yaml_parse(struct slice text, struct config_memory *memory, struct config_errors *errors) {
    struct loader loader = {.memory = memory, .errors = errors};
    struct config_node *root = config_memory_take(memory, sizeof *root);
    yaml_parser_t parser;
    if (!root || !yaml_parser_initialize(&parser)) return NULL;
    yaml_parser_set_input_string(&parser, text.length ? text.bytes : (const unsigned char *)"", text.length);
    bool loaded = yaml_parser_load(&parser, &loader.document);
    if (!loaded) {
        size_t line = parser.problem_mark.line ? parser.problem_mark.line : parser.context_mark.line;
        config_errors_add(errors, (unsigned)line + 1, NULL, "not YAML: %s%s%s", parser.problem ? parser.problem : "unreadable",
                          parser.context ? ", " : "", parser.context ? parser.context : "");
    }
    bool copied = loaded && copy_document(&loader, root);
    if (copied && root->line) copied = at_end(&parser, errors);
    if (loaded) yaml_document_delete(&loader.document);
    yaml_parser_delete(&parser);
    return copied ? root : NULL;
}
