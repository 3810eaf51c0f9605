/* SPDX-License-Identifier: Apache-2.0 */
/* chunk: the memory budget for objects: one mapping, cut into chunks of 256 KiB, each 4096-aligned (so O_DIRECT can write from
 * it). Memory is touched only when a chunk is first used, and the chunk given back last is taken first, so that the resident size
 * follows the high-water mark of use.
 *
 * One lock-free free list is shared by all threads (chunk_take_shared, chunk_give); a chunk_cache is a small stock of one
 * thread's own before it (chunk_take, chunk_cache_give). No chunk is an ordinary state: NULL, and the caller waits or spills.
 * Life: pool create -> caches init -> take/give -> caches release -> pool destroy (every chunk given back: an invariant). */
#ifndef LEAT_RUNTIME_CHUNK_H
#define LEAT_RUNTIME_CHUNK_H

#include <stdatomic.h>
#include <stddef.h>

#include "engine/base/fault.h"

#define CHUNK_BYTES (256u * 1024u)
#define CHUNK_ALIGNMENT 4096u
#define CHUNK_CACHE_MAXIMUM 16u

struct chunk_pool;

struct chunk_options {
    uint64_t budget_bytes; /* rounded down to whole chunks; at least one */
    bool huge_pages;       /* MADV_HUGEPAGE; a kernel that refuses is no fault */
};

/* NULL: the address space could not be mapped (FAULT_MEMORY). */
struct chunk_pool *chunk_pool_create(const struct chunk_options *options, struct fault *fault);
void chunk_pool_destroy(struct chunk_pool *pool); /* NULL is allowed */

/* Any thread. */
uint32_t chunk_pool_total(const struct chunk_pool *pool);
uint32_t chunk_pool_free(const struct chunk_pool *pool);   /* chunks that nobody uses, those in caches included; about */
uint32_t chunk_pool_lowest(const struct chunk_pool *pool); /* the fewest that were in the shared list since the pool began */
bool chunk_pool_holds(const struct chunk_pool *pool, const void *address); /* inside the mapping? */

/* Any thread: one from / to the shared list. Take: NULL = none. */
void *chunk_take_shared(struct chunk_pool *pool);
void chunk_give(struct chunk_pool *pool, void *chunk);

/* A stock of one thread's own. */
struct chunk_cache {
    struct chunk_pool *pool;
    void *chunks[CHUNK_CACHE_MAXIMUM];
    uint32_t count, limit;
    uint32_t slot; /* where the pool reads our count */
};

/* limit: chunks kept at most (0 to CHUNK_CACHE_MAXIMUM; 0 = none: small budgets). At most 256 caches a pool (an invariant). */
void chunk_cache_init(struct chunk_cache *cache, struct chunk_pool *pool, uint32_t limit);
void chunk_cache_release(struct chunk_cache *cache); /* gives its stock back; on its thread, or after that ended */

/* The cache's thread only. NULL: none in the cache and none in the shared list (others' caches are not searched). */
void *chunk_take(struct chunk_cache *cache);
void chunk_cache_give(struct chunk_cache *cache, void *chunk); /* chunks of any thread; what is over the limit goes to the list */

#endif
