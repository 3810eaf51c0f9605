/* SPDX-License-Identifier: Apache-2.0 */
/* context_table: a header, entries of 8 bytes, then the text of the UIDs. */
#include "net/ulp/context_table.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "net/ulp/item.h"

#define NOT_PROPOSED 0xff

struct entry {
    uint16_t abstract_at, transfer_at; /* in the text */
    uint8_t abstract_length, transfer_length;
    uint8_t id, result;
};
_Static_assert(sizeof(struct entry) == 8, "128 entries are 1 KiB");

struct context_table {
    uint32_t text_length;
    uint16_t count;
    uint8_t index_of[PDU_CONTEXTS_MAX]; /* by ID / 2; NOT_PROPOSED */
    struct entry entries[];             /* then the text */
};
_Static_assert(PDU_CONTEXTS_MAX <= NOT_PROPOSED, "an index is a byte");

static size_t table_bytes(size_t count, size_t text_length) {
    return sizeof(struct context_table) + count * sizeof(struct entry) + text_length;
}
static uint8_t *table_text(const struct context_table *table) { return (uint8_t *)&table->entries[table->count]; }

/* Where s stands in the text so far, added if it does not: contexts share few UIDs. */
static uint16_t intern(struct context_table *table, struct slice s) {
    uint8_t *text = table_text(table);
    if (s.length == 0) return 0;
    const uint8_t *found = memmem(text, table->text_length, s.bytes, s.length);
    if (found) return (uint16_t)(found - text);
    memcpy(text + table->text_length, s.bytes, s.length);
    table->text_length += (uint32_t)s.length;
    return (uint16_t)(table->text_length - s.length);
}

static bool was_proposed(const struct presentation_context *proposed, struct slice transfer_syntax) {
    struct reader r = item_reader(proposed->transfer_syntaxes);
    struct slice uid;
    while (pdu_next_transfer_syntax(&r, &uid))
        if (slice_equal(uid, transfer_syntax)) return true;
    return false;
}

/* The result of one proposed context, and its transfer syntax when accepted. */
static uint8_t settle(const struct presentation_context *proposed, const struct associate *ac, struct slice *transfer_syntax,
                      bool *foreign) {
    for (size_t i = 0; i < ac->context_count; i++) {
        const struct presentation_context *answer = &ac->contexts[i];
        if (answer->id != proposed->id) continue;
        if (answer->result != CONTEXT_ACCEPTANCE) return answer->result;
        struct reader r = item_reader(answer->transfer_syntaxes);
        bool named = pdu_next_transfer_syntax(&r, transfer_syntax) && transfer_syntax->length > 0;
        if (named && transfer_syntax->length <= UID_BYTES_MAX && was_proposed(proposed, *transfer_syntax))
            return CONTEXT_ACCEPTANCE;
        *foreign = true;
        *transfer_syntax = slice_of(NULL, 0);
        return CONTEXT_TRANSFER_SYNTAXES_NOT_SUPPORTED;
    }
    return CONTEXT_NO_REASON;
}

static void add_context(struct context_table *table, size_t index, const struct presentation_context *proposed,
                        const struct associate *ac, bool *foreign) {
    struct slice transfer_syntax = slice_of(NULL, 0), abstract_syntax = proposed->abstract_syntax;
    if (abstract_syntax.length > UID_BYTES_MAX) abstract_syntax.length = UID_BYTES_MAX;
    struct entry *entry = &table->entries[index];
    entry->id = proposed->id;
    entry->result = settle(proposed, ac, &transfer_syntax, foreign);
    entry->abstract_at = intern(table, abstract_syntax);
    entry->abstract_length = (uint8_t)abstract_syntax.length;
    entry->transfer_at = intern(table, transfer_syntax);
    entry->transfer_length = (uint8_t)transfer_syntax.length;
    table->index_of[proposed->id / 2] = (uint8_t)index;
}

struct context_table *context_table_create(const struct associate *rq, const struct associate *ac, bool *foreign) {
    struct context_table *table = malloc(table_bytes(rq->context_count, (size_t)rq->context_count * 2 * UID_BYTES_MAX));
    if (!table) return NULL;
    *foreign = false;
    table->text_length = 0;
    table->count = rq->context_count;
    memset(table->index_of, NOT_PROPOSED, sizeof table->index_of);
    for (size_t i = 0; i < rq->context_count; i++) add_context(table, i, &rq->contexts[i], ac, foreign);
    for (size_t i = 0; i < ac->context_count; i++)
        if (table->index_of[ac->contexts[i].id / 2] == NOT_PROPOSED) *foreign = true;
    struct context_table *exact = realloc(table, table_bytes(table->count, table->text_length));
    return exact ? exact : table;
}

void context_table_destroy(struct context_table *table) { free(table); }

size_t context_table_count(const struct context_table *table) { return table->count; }

size_t context_table_bytes(const struct context_table *table) { return table_bytes(table->count, table->text_length); }

struct context context_table_at(const struct context_table *table, size_t index) {
    invariant(index < table->count);
    const struct entry *entry = &table->entries[index];
    const uint8_t *text = table_text(table);
    return (struct context){
        .id = entry->id,
        .result = entry->result,
        .abstract_syntax = slice_of(text + entry->abstract_at, entry->abstract_length),
        .transfer_syntax = slice_of(text + entry->transfer_at, entry->transfer_length),
    };
}

static const struct entry *find(const struct context_table *table, uint8_t id) {
    uint8_t index = id % 2 ? table->index_of[id / 2] : NOT_PROPOSED;
    return index == NOT_PROPOSED ? NULL : &table->entries[index];
}

bool context_table_find(const struct context_table *table, uint8_t id, struct context *out) {
    const struct entry *entry = find(table, id);
    if (entry) *out = context_table_at(table, (size_t)(entry - table->entries));
    return entry != NULL;
}

bool context_table_is_accepted(const struct context_table *table, uint8_t id) {
    const struct entry *entry = find(table, id);
    return entry && entry->result == CONTEXT_ACCEPTANCE;
}
