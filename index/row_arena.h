/* SPDX-License-Identifier: Apache-2.0 */
/* row_arena: memory of the rows that a batch has in hand: taken in small pieces, given back all at once; its blocks are kept for
 * the next use. One owner, the committer. */
#ifndef LEAT_INDEX_ROW_ARENA_H
#define LEAT_INDEX_ROW_ARENA_H

#include "engine/base/slice.h"

struct row_arena_block;

struct row_arena {
    struct row_arena_block *first, *current;
    size_t used; /* bytes handed out since the reset */
};

void row_arena_init(struct row_arena *arena);
void row_arena_release(struct row_arena *arena);
/* Everything taken is gone; the blocks stay. */
void row_arena_reset(struct row_arena *arena);
/* Zeroed, aligned to 16. Aborts the process when the machine has no memory left (a block is 1 MiB, taken once). */
void *row_arena_take(struct row_arena *arena, size_t bytes);
struct slice row_arena_copy(struct row_arena *arena, struct slice s);

#endif
