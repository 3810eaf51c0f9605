/* SPDX-License-Identifier: Apache-2.0 */
/* message_ids: the Message IDs of the operations that an association has under way, at most its asynchronous window (PS3.7
 * D.3.3.3). In place, bounded; only the association's owner calls. */
#ifndef LEAT_DIMSE_MESSAGE_IDS_H
#define LEAT_DIMSE_MESSAGE_IDS_H

#include "engine/base/limits.h"
#include "engine/base/slice.h"

struct message_ids {
    uint16_t count;
    uint16_t window; /* 1 .. LIMIT_ASYNC_WINDOW_MAX */
    uint16_t ids[LIMIT_ASYNC_WINDOW_MAX];
};

enum message_ids_result { MESSAGE_IDS_ADDED, MESSAGE_IDS_IN_USE, MESSAGE_IDS_FULL };

void message_ids_init(struct message_ids *ids, uint32_t window); /* 0 (unlimited) and more than the maximum become the maximum */
/* IN_USE goes before FULL: a duplicate is a duplicate. FULL: the next request waits, as it does without a window. */
enum message_ids_result message_ids_add(struct message_ids *ids, uint16_t id);
bool message_ids_contains(const struct message_ids *ids, uint16_t id);
void message_ids_remove(struct message_ids *ids, uint16_t id); /* invariant: it is there */

#endif
