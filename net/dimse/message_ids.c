/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dimse/message_ids.h"

#include "engine/base/check.h"

void message_ids_init(struct message_ids *ids, uint32_t window) {
    ids->count = 0;
    ids->window = (uint16_t)(window == 0 || window > LIMIT_ASYNC_WINDOW_MAX ? LIMIT_ASYNC_WINDOW_MAX : window);
}

static size_t place_of(const struct message_ids *ids, uint16_t id) {
    size_t i = 0;
    while (i < ids->count && ids->ids[i] != id) i++;
    return i;
}

enum message_ids_result message_ids_add(struct message_ids *ids, uint16_t id) {
    if (message_ids_contains(ids, id)) return MESSAGE_IDS_IN_USE;
    if (ids->count >= ids->window) return MESSAGE_IDS_FULL;
    ids->ids[ids->count++] = id;
    return MESSAGE_IDS_ADDED;
}

bool message_ids_contains(const struct message_ids *ids, uint16_t id) { return place_of(ids, id) < ids->count; }

void message_ids_remove(struct message_ids *ids, uint16_t id) {
    size_t place = place_of(ids, id);
    invariant(place < ids->count);
    ids->ids[place] = ids->ids[--ids->count];
}
