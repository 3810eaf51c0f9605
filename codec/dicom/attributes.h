/* SPDX-License-Identifier: Apache-2.0 */
/* attributes: captured elements of a data set, one after another in a flat buffer of the caller's. The same bytes go into the log
 * record, so the layout is frozen (all numbers little endian, no padding between entries):
 *
 *     tag     4   group << 16 | element
 *     vr      2   two letters; "UN" when nobody knows
 *     flags   2   ATTRIBUTE_CUT
 *     length  4   of the value that follows
 *     value   n   as in the data set, padding included; binary numbers in little endian
 *
 * Phases: init, then add (or begin, append ..., end), then read it with find or next. One owner; nothing is allocated. */
#ifndef LEAT_DICOM_ATTRIBUTES_H
#define LEAT_DICOM_ATTRIBUTES_H

#include "engine/base/cursor.h"

#define ATTRIBUTE_HEADER_BYTES 12
#define ATTRIBUTE_CUT 1u /* the value in the data set is longer; of a sequence nothing is kept */

struct attributes {
    uint8_t *buffer;
    uint32_t capacity;
    uint32_t length;  /* bytes of whole entries: slice_of(buffer, length) is the block */
    uint32_t dropped; /* entries for which there was no room */
    uint32_t open;    /* header and value bytes of the entry begun at `length`; 0: none */
};

struct attribute {
    uint32_t tag;
    char vr[3]; /* with a terminating NUL, for printing */
    uint16_t flags;
    struct slice value; /* inside the block */
};

/* buffer stays the caller's and has to outlive *a. */
void attributes_init(struct attributes *a, void *buffer, uint32_t capacity);

/* Appends a whole entry. false: no room, counted in `dropped`, the block is as before. No entry may be open. */
bool attributes_add(struct attributes *a, uint32_t tag, const char vr[2], uint16_t flags, struct slice value);

/* The same in pieces, for a value that arrives in pieces: begin, any number of appends, end; or abandon. An append without room
 * drops the whole entry (counted), and the rest of its appends and its end do nothing and return false. */
bool attributes_begin(struct attributes *a, uint32_t tag, const char vr[2]);
bool attributes_append(struct attributes *a, const void *bytes, size_t n);
bool attributes_end(struct attributes *a, uint16_t flags);
void attributes_abandon(struct attributes *a);

/* The value bytes of the open entry, to be changed in place before the end; NULL and 0 when none is open. */
uint8_t *attributes_open_value(struct attributes *a, uint32_t *length);

/* What was captured, good until the next add. */
static inline struct slice attributes_block(const struct attributes *a) { return slice_of(a->buffer, a->length); }

/* The first entry of that tag in a block. false: there is none (or the block is malformed before it); *value is then empty. */
bool attributes_find(struct slice block, uint32_t tag, struct slice *value);

/* The same, the whole entry. */
bool attributes_get(struct slice block, uint32_t tag, struct attribute *out);

/* The next entry of r = reader_over(block). false at the end, or on a malformed block: then r->failed. Never reads beyond it. */
bool attributes_next(struct reader *r, struct attribute *out);

#endif
