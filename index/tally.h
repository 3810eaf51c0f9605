/* SPDX-License-Identifier: Apache-2.0 */
/* tally: texts with how many of each there are, sorted, in one flat block: a series' SOP classes, a study's modalities. A block
 * is immutable; a change makes another one in an arena. entry = text (length before it), count (varint, > 0). */
#ifndef LEAT_INDEX_TALLY_H
#define LEAT_INDEX_TALLY_H

#include "engine/base/cursor.h"
#include "index/row_arena.h"

/* Steps through a block; false at its end or where it is malformed (r->failed). */
bool tally_next(struct reader *r, struct slice *text, uint64_t *count);

/* `tally` with `delta` more of `text`; at 0 the entry goes. */
struct slice tally_change(struct slice tally, struct slice text, int64_t delta, struct row_arena *arena);

/* The texts, separated by backslashes, cut after a whole one; the length. */
size_t tally_join(struct slice tally, char *out, size_t capacity);

#endif
