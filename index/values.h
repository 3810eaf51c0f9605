/* SPDX-License-Identifier: Apache-2.0 */
/* values: the attributes of one level (patient, study, series, instance) in the form in which the index keeps them: one flat block of
 * entries, sorted by code, text in UTF-8, each value with the sequence's group it came with. A block is immutable; changing one makes
 * another. Pure functions over the caller's memory, any thread.
 *
 * entry = code (varint, see codes.h; 0 = tag and VR follow, 6 bytes), length (varint), value.
 * Text values (every VR with characters) are UTF-8, without trailing padding; several values stay separated by a backslash. Numbers (US,
 * UL, SS, SL, FL, FD, AT) are little endian as they came. An absent attribute has no entry; one that was sent empty has length 0. */
#ifndef LEAT_INDEX_VALUES_H
#define LEAT_INDEX_VALUES_H

#include "engine/base/cursor.h"

enum values_level { VALUES_PATIENT, VALUES_STUDY, VALUES_SERIES, VALUES_INSTANCE, VALUES_LEVELS };

/* One attribute of a block; value points into the block. */
struct value {
    uint32_t tag; /* group << 16 | element */
    char vr[2];
    struct slice value;
};

/* Steps through a block: false at its end (or where it is malformed: r->failed). Start with reader_over(block). */
bool values_next(struct reader *r, struct value *out);

/* The value of `tag` in `block`, or false where it has none. */
bool values_find(struct slice block, uint32_t tag, struct slice *value);

/* Picks the attributes of one level out of a record's attributes block (codec/dicom/attributes.h), as a block of ours written to `out`.
 * Patient ID and its issuer are not among the patient's (they are the row's identity), nor the UIDs of the levels. Returns its length; a
 * value that does not fit into what is left of `capacity` is left out and *dropped counts it. */
size_t values_pick(struct slice attributes, enum values_level level, uint8_t *out, size_t capacity, uint32_t *dropped);

/* One attribute of a record's block as UTF-8 without padding, whatever its level; the length, at most `capacity`; 0 when absent. */
size_t values_text(struct slice attributes, uint32_t tag, char *out, size_t capacity);

#endif
