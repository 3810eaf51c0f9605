/* SPDX-License-Identifier: Apache-2.0 */
/* config_value: one value of the configuration, from a node to its place in the struct. Internal to engine/base/config*. Start-up
 * thread only. */
#ifndef LEAT_BASE_CONFIG_VALUE_H
#define LEAT_BASE_CONFIG_VALUE_H

#include "engine/base/config_node.h"
#include "engine/base/config_table.h"

struct config_value_context {
    struct config_memory *memory;
    struct config_errors *errors;
    const char *name;   /* of the key in errors: "clients[2].aet", "--port" */
    bool append;        /* a list's items go behind those that are there */
};

/* Reads node as key's type into `base` (what key->offset is relative to). Errors are added; the place keeps its former value
 * then. Not for CONFIG_TYPE_CLIENTS (config.c). */
void config_value_read(const struct config_value_context *context, const struct config_key *key, const struct config_node *node,
                       void *base);

#endif
