/* SPDX-License-Identifier: Apache-2.0 */
/* row_arena: see row_arena.h. */
#include "index/row_arena.h"

#include <stdlib.h>

#include "engine/base/check.h"

#define BLOCK_BYTES ((size_t)1 << 20)

struct row_arena_block {
    struct row_arena_block *next;
    size_t capacity, used;
    _Alignas(16) uint8_t bytes[];
};

void row_arena_init(struct row_arena *arena) { *arena = (struct row_arena){0}; }

void row_arena_release(struct row_arena *arena) {
    while (arena->first) {
        struct row_arena_block *block = arena->first;
        arena->first = block->next;
        free(block);
    }
    *arena = (struct row_arena){0};
}

void row_arena_reset(struct row_arena *arena) {
    for (struct row_arena_block *block = arena->first; block; block = block->next) block->used = 0;
    arena->current = arena->first;
    arena->used = 0;
}

static struct row_arena_block *grow(struct row_arena *arena, size_t bytes) {
    size_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct row_arena_block *block = malloc(sizeof *block + capacity);
    invariant(block != NULL);
    block->next = NULL;
    block->capacity = capacity;
    block->used = 0;
    if (arena->current) {
        block->next = arena->current->next;
        arena->current->next = block;
    } else {
        arena->first = block;
    }
    return block;
}

void *row_arena_take(struct row_arena *arena, size_t bytes) {
    bytes = (bytes + 15) & ~(size_t)15;
    while (!arena->current || arena->current->capacity - arena->current->used < bytes) {
        bool has_next = arena->current && arena->current->next;
        arena->current = has_next ? arena->current->next : grow(arena, bytes);
    }
    uint8_t *at = arena->current->bytes + arena->current->used;
    arena->current->used += bytes;
    arena->used += bytes;
    memset(at, 0, bytes);
    return at;
}

struct slice row_arena_copy(struct row_arena *arena, struct slice s) {
    if (s.length == 0) return slice_of("", 0);
    uint8_t *copy = row_arena_take(arena, s.length);
    memcpy(copy, s.bytes, s.length);
    return slice_of(copy, s.length);
}
