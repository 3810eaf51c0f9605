/* SPDX-License-Identifier: Apache-2.0 */
/* config_table: the keys of the configuration, each a row: where its value goes, its type, default, range and meaning. Internal
 * to engine/base/config*; others see config_row (config.h). Constants; any thread. */
#ifndef LEAT_BASE_CONFIG_TABLE_H
#define LEAT_BASE_CONFIG_TABLE_H

#include "engine/base/config.h"

/* What the value is, and so what stands at row->offset. */
enum config_type {
    CONFIG_TYPE_PATH,       /* const char *; "" = NULL */
    CONFIG_TYPE_PATHS,      /* struct config_texts */
    CONFIG_TYPE_AET,        /* const char * */
    CONFIG_TYPE_ADDRESS,    /* const char *: numeric, or "*" */
    CONFIG_TYPE_RANGE,      /* struct config_range */
    CONFIG_TYPE_NUMBER,     /* uint32_t */
    CONFIG_TYPE_PDU_LENGTH, /* uint32_t: in the range, or 0 for unlimited */
    CONFIG_TYPE_SIZE,       /* uint64_t, bytes */
    CONFIG_TYPE_RATE,       /* uint32_t, bytes a second */
    CONFIG_TYPE_DURATION,   /* uint32_t, milliseconds */
    CONFIG_TYPE_WORD,       /* an enum: the place of the word in row->words */
    CONFIG_TYPE_FLAG,       /* bool: the second of two words is true */
    CONFIG_TYPE_OPERATIONS, /* uint32_t: bits, in the order of row->words */
    CONFIG_TYPE_UIDS,       /* struct config_texts */
    CONFIG_TYPE_PREFERENCE, /* struct config_preference (items and count) */
    CONFIG_TYPE_LISTENS,    /* const struct config_listen *, size_t behind it */
    CONFIG_TYPE_PEERS,      /* const struct config_peer *, size_t behind it */
    CONFIG_TYPE_CLIENTS,    /* const struct config_client *, size_t behind it */
};

/* Where a key may stand, and what its offset is relative to. */
enum config_scope {
    CONFIG_SCOPE_GLOBAL, /* top of the file; struct config */
    CONFIG_SCOPE_RULES,  /* top of the file (everyone) and in an entry of clients; struct config_rules */
    CONFIG_SCOPE_CLIENT, /* in an entry of clients only; struct config_client */
};

struct config_key {
    const char *name;
    enum config_scope scope;
    enum config_type type;
    size_t offset;
    const char *initial;       /* "" = none */
    uint64_t minimum, maximum; /* of numbers, sizes, durations; of lists: how many */
    const char *words;         /* "any|strict" */
    const char *option;
    const char *meaning;
};

extern const struct config_key config_table_keys[];
extern const size_t config_table_count;

bool config_type_is_list(enum config_type type);

/* "a size from 32 MiB to 4 TiB, such as 256MiB" */
void config_table_allowed(const struct config_key *key, char *out, size_t capacity);

/* The place of `text` among "a|b|c", or -1. */
int config_table_word(const char *words, const char *text);

#endif
