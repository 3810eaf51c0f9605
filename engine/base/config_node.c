/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/config_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct block {
    struct block *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct config_memory {
    struct block *blocks;
    bool failed;
};

struct config_memory *config_memory_create(void) { return calloc(1, sizeof(struct config_memory)); }

void config_memory_destroy(struct config_memory *memory) {
    if (!memory) return;
    for (struct block *block = memory->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(memory);
}

void *config_memory_take(struct config_memory *memory, size_t length) {
    struct block *block = calloc(1, sizeof *block + length);
    if (!block) {
        memory->failed = true;
        return NULL;
    }
    block->next = memory->blocks;
    memory->blocks = block;
    return block->bytes;
}

char *config_memory_text(struct config_memory *memory, const char *text, size_t length) {
    char *copy = config_memory_take(memory, length + 1);
    if (copy && length) memcpy(copy, text, length);
    return copy;
}

bool config_memory_failed(const struct config_memory *memory) { return memory->failed; }

static void append(struct config_errors *errors, const char *line, size_t length) {
    char *grown = realloc(errors->text, errors->length + length + 2);
    if (!grown) return;
    if (errors->length) grown[errors->length++] = '\n';
    memcpy(grown + errors->length, line, length);
    errors->length += length;
    grown[errors->length] = 0;
    errors->text = grown;
}

void config_errors_add(struct config_errors *errors, unsigned line, const char *key, const char *format, ...) {
    if (errors->count++ >= CONFIG_ERRORS_MOST) return;
    char text[1024];
    size_t used = 0;
    int n = line ? snprintf(text, sizeof text, "%s:%u: ", errors->file, line) : snprintf(text, sizeof text, "%s: ", errors->file);
    used = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    if (key) {
        n = snprintf(text + used, sizeof text - used, "%s: ", key);
        used += n < 0 ? 0 : (size_t)n < sizeof text - used ? (size_t)n : sizeof text - used - 1;
    }
    va_list args;
    va_start(args, format);
    n = vsnprintf(text + used, sizeof text - used, format, args);
    va_end(args);
    used += n < 0 ? 0 : (size_t)n < sizeof text - used ? (size_t)n : sizeof text - used - 1;
    for (size_t i = 0; i < used; i++) /* values come from a file: they must not forge lines or drive a terminal */
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) text[i] = '?';
    append(errors, text, used);
    if (errors->count == CONFIG_ERRORS_MOST) append(errors, "... and perhaps more", strlen("... and perhaps more"));
}

static size_t count_parts(const char *text) {
    size_t count = *text != 0;
    for (; *text; text++) count += *text == ',';
    return count;
}

struct config_node *config_node_from_text(struct config_memory *memory, const char *text, bool list) {
    struct config_node *node = config_memory_take(memory, sizeof *node);
    if (!node) return NULL;
    if (!list) {
        node->text = config_memory_text(memory, text, strlen(text));
        return node->text ? node : NULL;
    }
    node->kind = CONFIG_NODE_LIST;
    node->items = config_memory_take(memory, (count_parts(text) + 1) * sizeof *node->items);
    if (!node->items) return NULL;
    while (*text) {
        text += strspn(text, " ,");
        size_t length = strcspn(text, ",");
        size_t trimmed = length;
        while (trimmed && text[trimmed - 1] == ' ') trimmed--;
        if (trimmed == 0) break;
        struct config_node *item = &node->items[node->count++];
        item->text = config_memory_text(memory, text, trimmed);
        if (!item->text) return NULL;
        text += length;
    }
    return node;
}
