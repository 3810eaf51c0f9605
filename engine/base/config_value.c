/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/config_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/size.h"

/* ---- texts ---- */

static bool aet_is_valid(const char *text) {
    size_t length = strlen(text);
    if (length == 0 || length > LIMIT_AET_BYTES || strspn(text, " ") == length) return false;
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e || *text == '\\') return false;
    return true;
}

static bool address_is_valid(const char *text) {
    struct in6_addr bytes;
    return strcmp(text, "*") == 0 || inet_pton(AF_INET, text, &bytes) == 1 || inet_pton(AF_INET6, text, &bytes) == 1;
}

/* PS3.5 9.1. */
static bool uid_is_valid_text(const char *text) {
    size_t length = strlen(text);
    if (length == 0 || length > LIMIT_UID_BYTES || strspn(text, "0123456789.") != length) return false;
    for (const char *at = text;; at++) {
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || (digits > 1 && *at == '0')) return false;
        at += digits;
        if (*at == 0) return true;
    }
}

/* AE titles are compared without leading and trailing spaces (PS3.5 6.2). */
static char *copy_trimmed(struct config_memory *memory, const char *text) {
    text += strspn(text, " ");
    size_t length = strlen(text);
    while (length && text[length - 1] == ' ') length--;
    return config_memory_text(memory, text, length);
}

static bool parse_port(const char *text, uint16_t *port) {
    uint64_t value;
    if (!size_parse_count(text, &value) || value > 65535) return false;
    *port = (uint16_t)value;
    return true;
}

/* "10.1.0.0/16", "::1": bits beyond the prefix are ignored. */
static bool parse_range(const char *text, struct config_range *range) {
    char address[INET6_ADDRSTRLEN + 1];
    size_t length = strcspn(text, "/");
    if (length >= sizeof address) return false;
    memcpy(address, text, length);
    address[length] = 0;
    memset(range, 0, sizeof *range);
    range->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    uint64_t bits = range->family == AF_INET ? 32 : 128, prefix = bits;
    if (inet_pton(range->family, address, range->bytes) != 1) return false;
    if (text[length] && (!size_parse_count(text + length + 1, &prefix) || prefix > bits)) return false;
    range->prefix_bits = (uint8_t)prefix;
    return true;
}

/* "11112", "*:11112", "127.0.0.1:11112", "[::1]:11112" */
static bool parse_listen(struct config_memory *memory, const char *text, struct config_listen *listen) {
    const char *colon = strrchr(text, ':');
    const char *port = colon ? colon + 1 : text;
    const char *from = text;
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool bracketed = length >= 2 && from[0] == '[' && from[length - 1] == ']';
    if (bracketed) {
        from++;
        length -= 2;
    }
    char *address = colon ? config_memory_text(memory, from, length) : config_memory_text(memory, "*", 1);
    if (!address || !address_is_valid(address) || (strchr(address, ':') && !bracketed)) return false;
    listen->address = address;
    return parse_port(port, &listen->port);
}

/* "ARCHIVE=pacs.example.org:104", "A=[fd00::2]:104" */
static bool parse_peer(struct config_memory *memory, const char *text, struct config_peer *peer) {
    const char *equals = strchr(text, '=');
    const char *colon = strrchr(text, ':');
    if (!equals || !colon || colon <= equals + 1) return false;
    char *aet = config_memory_text(memory, text, (size_t)(equals - text));
    const char *from = equals + 1;
    size_t length = (size_t)(colon - from);
    if (length > 2 && from[0] == '[' && from[length - 1] == ']') {
        from++;
        length -= 2;
    }
    char *host = config_memory_text(memory, from, length);
    if (!aet || !host || !aet_is_valid(aet) || strpbrk(host, " []/=")) return false;
    peer->aet = copy_trimmed(memory, aet);
    peer->host = host;
    return peer->aet && parse_port(colon + 1, &peer->port) && peer->port > 0;
}

static bool parse_syntax(const char *words, const char *text, struct config_syntax *syntax) {
    static const enum config_syntax_class classes[] = {CONFIG_SYNTAX_LOSSLESS,    CONFIG_SYNTAX_EXPLICIT_LE,
                                                       CONFIG_SYNTAX_IMPLICIT_LE, CONFIG_SYNTAX_EXPLICIT_BE,
                                                       CONFIG_SYNTAX_DEFLATED,    CONFIG_SYNTAX_LOSSY,
                                                       CONFIG_SYNTAX_JPEG_LOSSLESS};
    int word = config_table_word(words, text);
    if (word >= 0) {
        invariant((size_t)word < array_count(classes));
        syntax->kind = classes[word];
        return true;
    }
    if (!uid_is_valid_text(text)) return false;
    syntax->kind = CONFIG_SYNTAX_UID;
    snprintf(syntax->uid, sizeof syntax->uid, "%s", text);
    return true;
}

/* ---- scalars ---- */

static bool in_range(const struct config_key *key, uint64_t value) { return value >= key->minimum && value <= key->maximum; }

static bool read_flag(const struct config_key *key, const char *text, bool *flag) {
    int word = config_table_word(key->words, text);
    if (word < 0) word = config_table_word("false|true", text);
    if (word < 0) word = config_table_word("off|on", text);
    if (word < 0) return false;
    *flag = word == 1;
    return true;
}

static bool read_u32(const struct config_key *key, bool (*parse)(const char *, uint64_t *), const char *text, uint32_t *place) {
    uint64_t value;
    if (!parse(text, &value) || !in_range(key, value) || value > UINT32_MAX) return false;
    *place = (uint32_t)value;
    return true;
}

static bool read_scalar(const struct config_value_context *context, const struct config_key *key, const char *text, void *place) {
    uint64_t value = 0;
    int word;
    switch (key->type) {
    case CONFIG_TYPE_PATH:
        if (key->minimum && !*text) return false;
        *(const char **)place = *text ? config_memory_text(context->memory, text, strlen(text)) : NULL;
        return true;
    case CONFIG_TYPE_AET:
        if (!aet_is_valid(text)) return false;
        *(const char **)place = copy_trimmed(context->memory, text);
        return true;
    case CONFIG_TYPE_ADDRESS:
        if (!address_is_valid(text)) return false;
        *(const char **)place = config_memory_text(context->memory, text, strlen(text));
        return true;
    case CONFIG_TYPE_RANGE: return parse_range(text, place);
    case CONFIG_TYPE_NUMBER: return read_u32(key, size_parse_count, text, place);
    case CONFIG_TYPE_PDU_LENGTH:
        if (size_parse_count(text, &value) && value == 0) {
            *(uint32_t *)place = 0;
            return true;
        }
        return read_u32(key, size_parse_count, text, place);
    case CONFIG_TYPE_RATE: return read_u32(key, size_parse_bytes, text, place);
    case CONFIG_TYPE_DURATION: return read_u32(key, size_parse_ms, text, place);
    case CONFIG_TYPE_SIZE:
        if (!size_parse_bytes(text, &value) || !in_range(key, value)) return false;
        *(uint64_t *)place = value;
        return true;
    case CONFIG_TYPE_WORD:
        word = config_table_word(key->words, text);
        if (word >= 0) memcpy(place, &word, sizeof word);
        return word >= 0;
    case CONFIG_TYPE_FLAG: return read_flag(key, text, place);
    default: invariant(!"a scalar's type"); return false;
    }
}
_Static_assert(sizeof(enum config_called_aet) == sizeof(int) && sizeof(enum log_level) == sizeof(int),
               "a word is written as an int");

/* ---- lists ---- */

/* One item into `item`, which is zeroed; `bits` is where operations gather. */
static bool read_item(const struct config_value_context *context, const struct config_key *key, const char *text, void *item) {
    int word;
    switch (key->type) {
    case CONFIG_TYPE_PATHS:
        *(const char **)item = config_memory_text(context->memory, text, strlen(text));
        return *text != 0;
    case CONFIG_TYPE_UIDS:
        *(const char **)item = config_memory_text(context->memory, text, strlen(text));
        return uid_is_valid_text(text);
    case CONFIG_TYPE_OPERATIONS:
        word = config_table_word(key->words, text);
        if (word >= 0) *(uint32_t *)item |= 1u << word;
        return word >= 0;
    case CONFIG_TYPE_PREFERENCE: return parse_syntax(key->words, text, item);
    case CONFIG_TYPE_LISTENS: return parse_listen(context->memory, text, item);
    case CONFIG_TYPE_PEERS: return parse_peer(context->memory, text, item);
    default: invariant(!"a list's type"); return false;
    }
}

static size_t item_bytes(enum config_type type) {
    switch (type) {
    case CONFIG_TYPE_PREFERENCE: return sizeof(struct config_syntax);
    case CONFIG_TYPE_LISTENS: return sizeof(struct config_listen);
    case CONFIG_TYPE_PEERS: return sizeof(struct config_peer);
    case CONFIG_TYPE_OPERATIONS: return sizeof(uint32_t);
    default: return sizeof(const char *);
    }
}

/* All lists are a pointer and a size_t behind it. */
struct list_place {
    const void *items;
    size_t count;
};
_Static_assert(sizeof(struct list_place) == sizeof(struct config_texts) &&
               offsetof(struct config_texts, count) == offsetof(struct list_place, count) &&
               offsetof(struct config_preference, count) == offsetof(struct list_place, count) &&
               offsetof(struct config, listen_count) - offsetof(struct config, listen) == offsetof(struct list_place, count) &&
               offsetof(struct config, client_count) - offsetof(struct config, clients) == offsetof(struct list_place, count) &&
               offsetof(struct config, peer_count) - offsetof(struct config, peers) == offsetof(struct list_place, count),
               "all lists have the same shape");

static void complain(const struct config_value_context *context, const struct config_key *key, const struct config_node *node) {
    char allowed[CONFIG_ALLOWED_BYTES];
    config_table_allowed(key, allowed, sizeof allowed);
    if (node->kind != CONFIG_NODE_SCALAR)
        config_errors_add(context->errors, node->line, context->name, "a %s can't stand here (allowed: %s)",
                          node->kind == CONFIG_NODE_LIST ? "list" : "map", allowed);
    else if (*node->text)
        config_errors_add(context->errors, node->line, context->name, "'%s' is not allowed (allowed: %s)", node->text, allowed);
    else
        config_errors_add(context->errors, node->line, context->name, "has no value (allowed: %s)", allowed);
}

/* The items of a node: of a list, or itself as the only one; an empty scalar is an empty list. */
static const struct config_node *items_of(const struct config_node *node, size_t *count) {
    if (node->kind == CONFIG_NODE_LIST) {
        *count = node->count;
        return node->items;
    }
    *count = 1;
    return node;
}

static void read_list(const struct config_value_context *context, const struct config_key *key, const struct config_node *node,
                      void *at) {
    size_t count, good = 0, width = item_bytes(key->type);
    const struct config_node *from = items_of(node, &count);
    bool bits = key->type == CONFIG_TYPE_OPERATIONS;
    struct list_place old = {0};
    if (context->append && !bits) memcpy(&old, at, sizeof old);
    if (node->kind == CONFIG_NODE_MAP || old.count + count > key->maximum || count < key->minimum) {
        complain(context, key, node);
        return;
    }
    unsigned char *items = config_memory_take(context->memory, (old.count + count + 1) * width);
    if (!items) return;
    if (old.count) memcpy(items, old.items, old.count * width);
    for (size_t i = 0; i < count; i++) {
        void *item = bits ? items : items + (old.count + i) * width;
        if (from[i].kind == CONFIG_NODE_SCALAR && read_item(context, key, from[i].text, item))
            good++;
        else
            complain(context, key, &from[i]);
    }
    if (good < count) return;
    if (bits)
        memcpy(at, items, sizeof(uint32_t));
    else
        memcpy(at, &(struct list_place){.items = items, .count = old.count + count}, sizeof(struct list_place));
}

void config_value_read(const struct config_value_context *context, const struct config_key *key, const struct config_node *node,
                       void *base) {
    void *place = (unsigned char *)base + key->offset;
    if (config_type_is_list(key->type))
        read_list(context, key, node, place);
    else if (node->kind != CONFIG_NODE_SCALAR || !read_scalar(context, key, node->text, place))
        complain(context, key, node);
}
