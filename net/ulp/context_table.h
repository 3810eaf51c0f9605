/* SPDX-License-Identifier: Apache-2.0 */
/* context_table: what is remembered of the presentation contexts once they are negotiated: ID, result, abstract and transfer
 * syntax, in one allocation of just the right size, each UID text once. Written once by context_table_create, then only read. */
#ifndef LEAT_ULP_CONTEXT_TABLE_H
#define LEAT_ULP_CONTEXT_TABLE_H

#include "net/ulp/pdu.h"

/* A presentation context after negotiation. The slices live as long as the table. */
struct context {
    uint8_t id, result;            /* enum context_result */
    struct slice abstract_syntax;  /* cut to 64 bytes */
    struct slice transfer_syntax;  /* empty unless result is CONTEXT_ACCEPTANCE */
};

struct context_table;

/* From request and answer. A context without an answer has CONTEXT_NO_REASON; one that was accepted with a transfer syntax
 * that was not proposed, CONTEXT_TRANSFER_SYNTAXES_NOT_SUPPORTED. *foreign: that happened, or the answer names a context that
 * was not proposed. NULL: no memory. Freed by context_table_destroy. */
struct context_table *context_table_create(const struct associate *rq, const struct associate *ac, bool *foreign);
void context_table_destroy(struct context_table *table);

size_t context_table_count(const struct context_table *table);
struct context context_table_at(const struct context_table *table, size_t index);
bool context_table_find(const struct context_table *table, uint8_t id, struct context *out);
bool context_table_is_accepted(const struct context_table *table, uint8_t id);
size_t context_table_bytes(const struct context_table *table); /* its size */

#endif
