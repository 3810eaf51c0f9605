/* SPDX-License-Identifier: Apache-2.0 */
/* values: the attributes of one level (patient, study, series, instance) in the form in which the index keeps them: one flat
 * block of entries, codes ascending, text in UTF-8. A block is immutable; changing one makes another. Pure functions over the
 * caller's memory, any thread.
 *
 * entry = code (varint, codec/dicom/indexed.h; 0: tag, 4 bytes LE, and VR, 2 bytes, follow), length (varint), value.
 * Text values (every VR with characters) are UTF-8, without trailing padding; several values stay separated by a backslash.
 * Numbers (US, UL, SS, SL, FL, FD, AT) are little endian. An absent attribute has no entry; one that was sent empty has length 0.
 *
 * changes = what an operator changed, in the same form, where each value is: sequence (8 bytes BE), flags (VALUES_WITHDRAWN),
 * text. For each attribute the highest sequence wins; a change stands above whatever objects say, until it is withdrawn. */
#ifndef LEAT_INDEX_VALUES_H
#define LEAT_INDEX_VALUES_H

#include "codec/dicom/attributes.h"
#include "codec/dicom/indexed.h"

/* Of a block: twice INDEXED_BLOCK_BYTES_MAX, since Latin-1 doubles in UTF-8; what is beyond is left out. */
#define VALUES_BYTES_MAX 65536u
#define VALUES_WITHDRAWN 1u /* the change is no more: objects' values count again */

/* One attribute of a block; value points into the block. */
struct value {
    uint32_t tag; /* group << 16 | element */
    char vr[3];
    uint8_t code; /* 0: not in indexed.h */
    struct slice value;
};

/* Steps through a block: false at its end (or where it is malformed: r->failed). Start with reader_over(block). */
bool values_next(struct reader *r, struct value *out);

/* The value of `tag` in `block`, or false (and an empty value) where it has none. */
bool values_find(struct slice block, uint32_t tag, struct slice *value);

/* A record's attributes block, sorted out: borrowed, as long as the block lasts. */
struct values_source {
    struct slice charset;                              /* (0008,0005) */
    const struct indexed_attribute *known[INDEXED_COUNT_MAX]; /* by code; NULL: absent */
    struct slice value[INDEXED_COUNT_MAX];             /* the first of several counts */
    uint8_t codes[INDEXED_COUNT_MAX];                  /* those that are there, ascending */
    uint32_t count;
};
void values_gather(struct values_source *source, struct slice attributes);

/* The attributes of one level as a block of ours, into out[capacity]; what does not fit is left out. Not among them: identifiers
 * that rows hold themselves (UIDs of the levels, SOP class, Patient ID and issuer) and the character set. Returns the length. */
size_t values_pick(const struct values_source *source, enum indexed_level level, uint8_t *out, size_t capacity);

/* One attribute as UTF-8 without padding at its end, cut at `capacity`; 0 when absent or not in indexed.h. */
size_t values_text(const struct values_source *source, uint32_t tag, char *out, size_t capacity);

/* `block` with `changes` above it, into out[VALUES_BYTES_MAX]; without changes it is `block` itself. */
struct slice values_effective(struct slice block, struct slice changes, uint8_t *out);

/* The value of `tag` in a row: the standing change, else the block's. False: it has none. */
bool values_find_effective(struct slice block, struct slice changes, uint32_t tag, struct slice *value);

/* `changes` with one more, into out[capacity]; `changes` itself when it already has this or a later one of that attribute, or
 * when there is no room. `tag` has to be in indexed.h. */
struct slice values_change(struct slice changes, uint32_t tag, uint64_t sequence, uint8_t flags, struct slice text, uint8_t *out,
                           size_t capacity);

#endif
