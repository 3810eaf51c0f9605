/* SPDX-License-Identifier: Apache-2.0 */
/* config: defaults, file, command line, clients, and the checks that span several keys, in this order; every error is kept. What
 * a caller may do is in config_match.c. */
#include "engine/base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/config_value.h"

#define NAME_BYTES 128u
#define KEYS_MOST 64u

/* One walk over a map of keys: the file's top, or one entry of clients. */
struct walk {
    struct config *config;
    struct config_rules *rules;   /* that RULES keys go to */
    struct config_client *client; /* NULL at the top */
    struct config_memory *memory;
    struct config_errors *errors;
    unsigned *seen;               /* line of each key of the table, 0 = not written */
    const struct config_node *clients;
    char where[32];               /* "" or "clients[2]." */
};

/* ---- names ---- */

static bool may_stand(const struct config_key *key, bool in_client) {
    return key->scope == CONFIG_SCOPE_RULES || (key->scope == CONFIG_SCOPE_CLIENT) == in_client;
}

static size_t find_key(const char *name, bool in_client) {
    size_t i = 0;
    while (i < config_table_count &&
           (strcmp(config_table_keys[i].name, name) != 0 || !may_stand(&config_table_keys[i], in_client)))
        i++;
    return i;
}

static bool is_section(const char *name, bool in_client) {
    size_t length = strlen(name);
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_key *key = &config_table_keys[i];
        if (may_stand(key, in_client) && strncmp(key->name, name, length) == 0 && key->name[length] == '.') return true;
    }
    return false;
}

/* Levenshtein's distance, for names up to NAME_BYTES. */
static size_t distance(const char *a, const char *b) {
    size_t row[NAME_BYTES], length = strlen(b);
    if (length >= NAME_BYTES || strlen(a) >= NAME_BYTES) return NAME_BYTES;
    for (size_t j = 0; j <= length; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[length];
}

static void consider(const char *name, const char *candidate, const char *whole, const char **nearest, size_t *least) {
    size_t d = distance(name, candidate);
    if (d < *least) {
        *least = d;
        *nearest = whole;
    }
}

/* The key that was meant, or NULL: near in whole, in its last part, or in its section. */
static const char *guess(const char *name, bool in_client) {
    const char *nearest = NULL;
    size_t least = strlen(name) / 3 + 2;
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < config_table_count; i++) {
        const char *key = config_table_keys[i].name;
        if (!may_stand(&config_table_keys[i], in_client)) continue;
        consider(name, key, key, &nearest, &least);
        const char *last = strchr(key, '.');
        if (last) consider(dot ? dot + 1 : name, last + 1, key, &nearest, &least);
        if (last && !dot) {
            char section[NAME_BYTES];
            snprintf(section, sizeof section, "%.*s", (int)(last - key), key);
            consider(name, section, key, &nearest, &least);
        }
    }
    return nearest;
}

static void complain_unknown(const struct walk *walk, unsigned line, const char *name, const char *shown) {
    const char *meant = guess(name, walk->client != NULL);
    if (meant)
        config_errors_add(walk->errors, line, shown, "no such key; did you mean '%s'?", meant);
    else
        config_errors_add(walk->errors, line, shown, "no such key; 'leat check-config --keys' lists them");
}

/* ---- values ---- */

static void *base_of(const struct walk *walk, const struct config_key *key) {
    switch (key->scope) {
    case CONFIG_SCOPE_RULES: return walk->rules;
    case CONFIG_SCOPE_CLIENT: return walk->client;
    default: return walk->config;
    }
}

static void read_key(struct walk *walk, size_t index, const struct config_node *node, const char *shown) {
    const struct config_key *key = &config_table_keys[index];
    if (walk->seen[index]) {
        config_errors_add(walk->errors, node->line, shown, "written twice (first in line %u)", walk->seen[index]);
        return;
    }
    walk->seen[index] = node->line;
    struct config_value_context context = {.memory = walk->memory, .errors = walk->errors, .name = shown};
    if (key->type != CONFIG_TYPE_CLIENTS)
        config_value_read(&context, key, node, base_of(walk, key));
    else if (node->kind == CONFIG_NODE_LIST && node->count <= key->maximum)
        walk->clients = node;
    else
        config_errors_add(walk->errors, node->line, shown, "must be a list of at most %u entries", LIMIT_CLIENTS);
}

/* A section whose keys are all comments. */
static bool is_empty(const struct config_node *node) { return node->kind == CONFIG_NODE_SCALAR && !*node->text; }

static void read_map(struct walk *walk, const struct config_node *map, const char *section) {
    bool in_client = walk->client != NULL;
    for (size_t i = 0; i < map->count && walk->errors->count < CONFIG_ERRORS_MOST; i++) {
        const struct config_node *node = &map->items[i];
        char name[NAME_BYTES], shown[NAME_BYTES + sizeof walk->where];
        int n = snprintf(name, sizeof name, "%s%s%s", section, *section ? "." : "", node->key);
        snprintf(shown, sizeof shown, "%s%s", walk->where, name);
        size_t index = n < (int)sizeof name ? find_key(name, in_client) : config_table_count;
        if (index < config_table_count)
            read_key(walk, index, node, shown);
        else if (!*section && is_section(name, in_client) && (node->kind == CONFIG_NODE_MAP || is_empty(node)))
            read_map(walk, node, name);
        else if (!*section && is_section(name, in_client))
            config_errors_add(walk->errors, node->line, shown, "is a map of keys (such as '%s')", guess(name, in_client));
        else
            complain_unknown(walk, node->line, name, shown);
    }
}

static void read_defaults(struct walk *walk) {
    for (size_t i = 0; i < config_table_count; i++) {
        const struct config_key *key = &config_table_keys[i];
        if (key->scope == CONFIG_SCOPE_CLIENT || key->type == CONFIG_TYPE_CLIENTS) continue;
        struct config_node *node = config_node_from_text(walk->memory, key->initial, config_type_is_list(key->type));
        struct config_value_context context = {.memory = walk->memory, .errors = walk->errors, .name = key->name};
        if (node) config_value_read(&context, key, node, base_of(walk, key));
    }
    invariant(walk->errors->count == 0);
}

static void read_clients(struct walk *walk) {
    size_t count = walk->clients ? walk->clients->count : 0;
    struct config_client *clients = config_memory_take(walk->memory, (count + 1) * sizeof *clients);
    if (!clients) return;
    for (size_t i = 0; i < count; i++) {
        const struct config_node *entry = &walk->clients->items[i];
        unsigned seen[KEYS_MOST] = {0};
        struct walk inner = *walk;
        clients[i].rules = walk->config->everyone;
        clients[i].rules.client = i;
        inner.client = &clients[i];
        inner.rules = &clients[i].rules;
        inner.seen = seen;
        snprintf(inner.where, sizeof inner.where, "clients[%zu].", i);
        if (entry->kind == CONFIG_NODE_MAP)
            read_map(&inner, entry, "");
        else
            config_errors_add(walk->errors, entry->line, "clients", "each entry is a map (such as '- aet: CT1')");
    }
    walk->config->clients = clients;
    walk->config->client_count = count;
}

/* ---- command line ---- */

static bool read_settings(struct walk *walk, const struct config_setting *settings, size_t count) {
    bool address_given = false;
    const char *file = walk->errors->file;
    walk->errors->file = "command line";
    for (size_t i = 0; i < count; i++) {
        size_t index = find_key(settings[i].key, false);
        invariant(index < config_table_count && config_table_keys[index].type != CONFIG_TYPE_CLIENTS);
        const struct config_key *key = &config_table_keys[index];
        char shown[NAME_BYTES];
        snprintf(shown, sizeof shown, "%s%s", key->option ? "--" : "", key->option ? key->option : key->name);
        struct config_value_context context = {.memory = walk->memory, .errors = walk->errors, .name = shown, .append = true};
        struct config_node *node = config_node_from_text(walk->memory, settings[i].value, config_type_is_list(key->type));
        if (node) config_value_read(&context, key, node, base_of(walk, key));
        address_given |= strcmp(key->name, "port") == 0 || strcmp(key->name, "bind") == 0;
    }
    walk->errors->file = file;
    return address_given;
}

/* ---- what spans several keys ---- */

static unsigned line_of_key(const struct walk *walk, const char *name) { return walk->seen[find_key(name, false)]; }

static void settle_listen(struct walk *walk, bool address_given) {
    struct config *config = walk->config;
    unsigned line = line_of_key(walk, "listen");
    if (config->listen_count && line && (line_of_key(walk, "bind") || line_of_key(walk, "port")))
        config_errors_add(walk->errors, line, "listen", "stands beside bind or port; write every address in listen");
    for (size_t i = 0; i < config->listen_count; i++)
        for (size_t j = 0; j < i; j++)
            if (config->listen[i].port && config->listen[i].port == config->listen[j].port &&
                strcmp(config->listen[i].address, config->listen[j].address) == 0)
                config_errors_add(walk->errors, line, "listen", "'%s:%u' stands there twice", config->listen[i].address,
                                  config->listen[i].port);
    if (config->listen_count && !address_given) return;
    struct config_listen *one = config_memory_take(walk->memory, sizeof *one);
    if (!one) return;
    *one = (struct config_listen){.address = config->bind, .port = (uint16_t)config->port};
    config->listen = one;
    config->listen_count = 1;
}

static void check_volumes(const struct walk *walk) {
    const struct config_texts *volumes = &walk->config->volumes;
    for (size_t i = 0; i < volumes->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(volumes->items[i], volumes->items[j]) == 0)
                config_errors_add(walk->errors, line_of_key(walk, "volumes"), "volumes", "'%s' stands there twice",
                                  volumes->items[i]);
}

static void check_peers(const struct walk *walk) {
    for (size_t i = 0; i < walk->config->peer_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(walk->config->peers[i].aet, walk->config->peers[j].aet) == 0)
                config_errors_add(walk->errors, line_of_key(walk, "peers"), "peers", "'%s' stands there twice",
                                  walk->config->peers[i].aet);
}

/* An entry behind one that takes the same callers would never hold. */
static void check_clients(const struct walk *walk) {
    const struct config_client *clients = walk->config->clients;
    for (size_t i = 0; i < walk->config->client_count; i++) {
        for (size_t j = 0; j < i; j++) {
            bool same_aet = !clients[j].aet || (clients[i].aet && strcmp(clients[i].aet, clients[j].aet) == 0);
            bool same_range = clients[j].range.family == AF_UNSPEC ||
                              memcmp(&clients[i].range, &clients[j].range, sizeof clients[i].range) == 0;
            if (!same_aet || !same_range) continue;
            config_errors_add(walk->errors, walk->clients->items[i].line, "clients",
                              "entry %zu can never hold: entry %zu takes its callers before it", i, j);
            break;
        }
    }
}

/* ---- life ---- */

static void fill(struct walk *walk, const struct slice *text, const struct config_setting *settings, size_t setting_count) {
    walk->config->everyone.client = CONFIG_NO_CLIENT;
    read_defaults(walk);
    struct config_node *root = text ? config_yaml_parse(*text, walk->memory, walk->errors) : NULL;
    if (root && root->kind == CONFIG_NODE_MAP)
        read_map(walk, root, "");
    else if (root)
        config_errors_add(walk->errors, root->line, NULL, "a configuration is a map of keys (such as 'port: 11112')");
    bool address_given = read_settings(walk, settings, setting_count);
    read_clients(walk);
    settle_listen(walk, address_given);
    check_volumes(walk);
    check_peers(walk);
    check_clients(walk);
}

static struct config *create(const char *name, const struct slice *text, const struct config_setting *settings,
                             size_t setting_count, char **errors_text) {
    invariant(config_table_count <= KEYS_MOST);
    unsigned seen[KEYS_MOST] = {0};
    struct config_errors errors = {.file = name};
    struct config_memory *memory = config_memory_create();
    struct config *config = memory ? config_memory_take(memory, sizeof *config) : NULL;
    if (config) {
        struct walk walk = {.config = config, .rules = &config->everyone, .memory = memory, .errors = &errors, .seen = seen};
        fill(&walk, text, settings, setting_count);
        config->memory = memory;
    }
    if (!memory || config_memory_failed(memory)) config_errors_add(&errors, 0, NULL, "no memory");
    *errors_text = errors.text;
    if (errors.count == 0) return config;
    config_memory_destroy(memory);
    return NULL;
}

struct config *config_create_from_text(const char *name, struct slice text, const struct config_setting *settings,
                                       size_t setting_count, char **errors) {
    return create(name, &text, settings, setting_count, errors);
}

/* The whole file, malloc'ed; NULL and errno on failure. */
static char *read_file(const char *path, size_t *length) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    char *text = malloc(LIMIT_CONFIG_BYTES + 1);
    *length = 0;
    ssize_t got = text ? 1 : -1;
    while (got > 0 && *length <= LIMIT_CONFIG_BYTES) {
        got = read(fd, text + *length, LIMIT_CONFIG_BYTES + 1 - *length);
        if (got > 0) *length += (size_t)got;
    }
    int saved = got < 0 ? errno : *length > LIMIT_CONFIG_BYTES ? EFBIG : 0;
    close(fd);
    if (!saved) return text;
    free(text);
    errno = saved;
    return NULL;
}

struct config *config_create(const char *path, const struct config_setting *settings, size_t setting_count, char **errors) {
    if (!path) return create("defaults", NULL, settings, setting_count, errors);
    size_t length;
    char *text = read_file(path, &length);
    if (!text) {
        struct config_errors one = {.file = path};
        config_errors_add(&one, 0, NULL, "can't be read: %s", strerror(errno));
        *errors = one.text;
        return NULL;
    }
    struct config *config = config_create_from_text(path, slice_of(text, length), settings, setting_count, errors);
    free(text);
    return config;
}

void config_destroy(struct config *config) {
    if (config) config_memory_destroy(config->memory);
}
