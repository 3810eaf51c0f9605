/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest/object.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/base/check.h"

/* From a state (row) to which others. Those who are refused or failed go straight to ANSWERED. */
static const uint8_t legal_steps[] = {
    [OBJECT_FREE] = 1 << OBJECT_RECEIVING,
    [OBJECT_RECEIVING] = 1 << OBJECT_DECIDING | 1 << OBJECT_ANSWERED | 1 << OBJECT_FREE,
    [OBJECT_DECIDING] = 1 << OBJECT_HELD | 1 << OBJECT_WRITING | 1 << OBJECT_ANSWERED,
    [OBJECT_HELD] = 1 << OBJECT_DECIDING,
    [OBJECT_WRITING] = 1 << OBJECT_COMMITTING | 1 << OBJECT_ANSWERED,
    [OBJECT_COMMITTING] = 1 << OBJECT_ANSWERED,
    [OBJECT_ANSWERED] = 1 << OBJECT_FREE,
};

void object_move(struct object *object, enum object_state to) {
    invariant(legal_steps[object->state] & 1 << to);
    object->state = to;
}

const char *object_state_name(enum object_state state) {
    static const char *const names[] = {
        [OBJECT_FREE] = "free",       [OBJECT_RECEIVING] = "receiving",   [OBJECT_DECIDING] = "deciding", [OBJECT_HELD] = "held",
        [OBJECT_WRITING] = "writing", [OBJECT_COMMITTING] = "committing", [OBJECT_ANSWERED] = "answered",
    };
    return names[state];
}

static struct slice captured_uid(const struct object *object, uint32_t tag) {
    struct slice value = {0};
    attributes_find(attributes_block(&object->attributes), tag, &value);
    return slice_unpadded(value);
}

struct object_uids object_uids(const struct object *object) {
    return (struct object_uids){
        .study_uid = captured_uid(object, 0x0020000D),
        .series_uid = captured_uid(object, 0x0020000E),
        .sop_uid = captured_uid(object, 0x00080018),
    };
}

void object_refuse(struct object *object, uint16_t status, uint32_t offending_element, const char *format, ...) {
    object->verdict = OBJECT_REFUSED;
    object->refusal.status = status;
    object->refusal.offending_element = offending_element;
    va_list args;
    va_start(args, format);
    vsnprintf(object->refusal.comment, sizeof object->refusal.comment, format, args);
    va_end(args);
}
