/* SPDX-License-Identifier: Apache-2.0 */
/* chunk: see chunk.h. The shared free list is a stack of chunk numbers: `top` holds the first one and a tag that every change
 * counts up, so that a compare-and-swap never mistakes a list that came back to the same first chunk for an unchanged one; the
 * links stand in an array beside the chunks, so that chunks nobody used are never touched. */
#include "engine/runtime/chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/base/check.h"

#define CACHES_MAXIMUM 256u
#define HUGE_PAGE_BYTES (2u * 1024u * 1024u)

struct cache_count {
    _Alignas(64) _Atomic uint32_t count; /* a cache's stock: stored by its thread, read by chunk_pool_free (relaxed: a level) */
};

struct chunk_pool {
    void *mapping;
    size_t mapping_bytes;
    uint8_t *base;
    uint32_t total;
    _Atomic uint32_t *next;   /* chunk number + 1 of the one below, 0 = none. Relaxed: ordered by top's release and acquire */
    _Atomic uint8_t *taken;   /* 1 = with a user; catches a chunk that is given twice (relaxed) */
    struct cache_count *caches;
    _Atomic uint32_t cache_count; /* slots handed out (relaxed) */
    _Alignas(64) _Atomic uint64_t top;   /* tag << 32 | chunk number + 1; push releases, pop acquires: the bytes go along */
    _Alignas(64) _Atomic int32_t shared; /* chunks in the list (relaxed: a level); below 0 when a pop overtakes a push */
    _Atomic int32_t lowest;              /* the least that `shared` has been (relaxed) */
};

static bool pool_map(struct chunk_pool *pool, bool huge_pages, struct fault *fault) {
    pool->mapping_bytes = (size_t)pool->total * CHUNK_BYTES + HUGE_PAGE_BYTES;
    pool->mapping = mmap(NULL, pool->mapping_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pool->mapping == MAP_FAILED) {
        pool->mapping = NULL;
        fault_set_os(fault, errno, "the memory budget of %zu bytes can't be mapped", (size_t)pool->total * CHUNK_BYTES);
        if (fault) fault->code = FAULT_MEMORY;
        return false;
    }
    pool->base = (uint8_t *)(((uintptr_t)pool->mapping + HUGE_PAGE_BYTES - 1) & ~(uintptr_t)(HUGE_PAGE_BYTES - 1));
    madvise(pool->mapping, pool->mapping_bytes, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE); /* a refusal costs speed only */
    return true;
}

struct chunk_pool *chunk_pool_create(const struct chunk_options *options, struct fault *fault) {
    uint64_t total = options->budget_bytes / CHUNK_BYTES;
    if (total == 0) total = 1;
    if (total >= UINT32_MAX / 2) {
        fault_set(fault, FAULT_LIMIT, 0, "a memory budget of %llu bytes is too large", (unsigned long long)options->budget_bytes);
        return NULL;
    }
    struct chunk_pool *pool = aligned_alloc(64, sizeof(*pool));
    if (pool) {
        *pool = (struct chunk_pool){.total = (uint32_t)total};
        pool->next = calloc(total, sizeof(*pool->next));
        pool->taken = calloc(total, sizeof(*pool->taken));
        pool->caches = aligned_alloc(64, CACHES_MAXIMUM * sizeof(*pool->caches));
    }
    if (!pool || !pool->next || !pool->taken || !pool->caches) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for a chunk pool");
        chunk_pool_destroy(pool);
        return NULL;
    }
    if (!pool_map(pool, options->huge_pages, fault)) {
        chunk_pool_destroy(pool);
        return NULL;
    }
    for (uint32_t i = 0; i < CACHES_MAXIMUM; i++) atomic_init(&pool->caches[i].count, 0);
    for (uint32_t i = 0; i < total; i++) atomic_init(&pool->next[i], i + 1 < total ? i + 2 : 0);
    atomic_init(&pool->top, 1);
    atomic_init(&pool->shared, (int32_t)total);
    atomic_init(&pool->lowest, (int32_t)total);
    return pool;
}

void chunk_pool_destroy(struct chunk_pool *pool) {
    if (!pool) return;
    if (pool->mapping) {
        invariant(chunk_pool_free(pool) == pool->total);
        munmap(pool->mapping, pool->mapping_bytes);
    }
    free((void *)pool->next);
    free((void *)pool->taken);
    free(pool->caches);
    free(pool);
}

uint32_t chunk_pool_total(const struct chunk_pool *pool) { return pool->total; }

uint32_t chunk_pool_free(const struct chunk_pool *pool) {
    int64_t count = atomic_load_explicit(&pool->shared, memory_order_relaxed);
    uint32_t caches = atomic_load_explicit(&pool->cache_count, memory_order_relaxed);
    for (uint32_t i = 0; i < caches && i < CACHES_MAXIMUM; i++)
        count += atomic_load_explicit(&pool->caches[i].count, memory_order_relaxed);
    return count < 0 ? 0 : count > pool->total ? pool->total : (uint32_t)count;
}

uint32_t chunk_pool_lowest(const struct chunk_pool *pool) {
    int32_t lowest = atomic_load_explicit(&pool->lowest, memory_order_relaxed);
    return lowest < 0 ? 0 : (uint32_t)lowest;
}

bool chunk_pool_holds(const struct chunk_pool *pool, const void *address) {
    return (uintptr_t)address - (uintptr_t)pool->base < (uintptr_t)pool->total * CHUNK_BYTES;
}

static uint32_t pool_number(const struct chunk_pool *pool, const void *chunk) {
    invariant(chunk_pool_holds(pool, chunk));
    size_t offset = (size_t)((const uint8_t *)chunk - pool->base);
    invariant(offset % CHUNK_BYTES == 0);
    return (uint32_t)(offset / CHUNK_BYTES);
}

static void pool_mark(struct chunk_pool *pool, uint32_t number, uint8_t taken) {
    uint8_t before = atomic_exchange_explicit(&pool->taken[number], taken, memory_order_relaxed);
    invariant(before != taken); /* given twice, or a broken list */
}

/* ---- the shared list ---- */

static void *list_pop(struct chunk_pool *pool) {
    uint64_t top = atomic_load_explicit(&pool->top, memory_order_acquire); /* pairs with list_push's release */
    uint64_t below;
    do {
        if ((uint32_t)top == 0) return NULL;
        uint32_t next = atomic_load_explicit(&pool->next[(uint32_t)top - 1], memory_order_relaxed); /* stale: the tag tells */
        below = ((top >> 32) + 1) << 32 | next;
    } while (!atomic_compare_exchange_weak_explicit(&pool->top, &top, below, memory_order_acquire, memory_order_acquire));
    int32_t left = atomic_fetch_sub_explicit(&pool->shared, 1, memory_order_relaxed) - 1;
    int32_t lowest = atomic_load_explicit(&pool->lowest, memory_order_relaxed);
    while (left < lowest && !atomic_compare_exchange_weak_explicit(&pool->lowest, &lowest, left, memory_order_relaxed,
                                                                   memory_order_relaxed)) {
    }
    return pool->base + (size_t)((uint32_t)top - 1) * CHUNK_BYTES;
}

static void list_push(struct chunk_pool *pool, void *chunk) {
    uint32_t number = pool_number(pool, chunk);
    uint64_t top = atomic_load_explicit(&pool->top, memory_order_relaxed); /* nothing is read through it */
    uint64_t above;
    do {
        atomic_store_explicit(&pool->next[number], (uint32_t)top, memory_order_relaxed);
        above = ((top >> 32) + 1) << 32 | (number + 1);
    } while (!atomic_compare_exchange_weak_explicit(&pool->top, &top, above, memory_order_release, memory_order_relaxed));
    atomic_fetch_add_explicit(&pool->shared, 1, memory_order_relaxed);
}

void *chunk_take_shared(struct chunk_pool *pool) {
    void *chunk = list_pop(pool);
    if (chunk) pool_mark(pool, pool_number(pool, chunk), 1);
    return chunk;
}

void chunk_give(struct chunk_pool *pool, void *chunk) {
    pool_mark(pool, pool_number(pool, chunk), 0);
    list_push(pool, chunk);
}

/* ---- caches ---- */

static void cache_publish(struct chunk_cache *cache) {
    atomic_store_explicit(&cache->pool->caches[cache->slot].count, cache->count, memory_order_relaxed);
}

void chunk_cache_init(struct chunk_cache *cache, struct chunk_pool *pool, uint32_t limit) {
    invariant(limit <= CHUNK_CACHE_MAXIMUM);
    uint32_t slot = atomic_fetch_add_explicit(&pool->cache_count, 1, memory_order_relaxed);
    invariant(slot < CACHES_MAXIMUM);
    *cache = (struct chunk_cache){.pool = pool, .limit = limit, .slot = slot};
}

void chunk_cache_release(struct chunk_cache *cache) {
    while (cache->count) list_push(cache->pool, cache->chunks[--cache->count]);
    cache_publish(cache);
}

void *chunk_take(struct chunk_cache *cache) {
    if (cache->count == 0) return chunk_take_shared(cache->pool);
    void *chunk = cache->chunks[--cache->count];
    cache_publish(cache);
    pool_mark(cache->pool, pool_number(cache->pool, chunk), 1);
    return chunk;
}

void chunk_cache_give(struct chunk_cache *cache, void *chunk) {
    if (cache->count == cache->limit) {
        chunk_give(cache->pool, chunk);
        return;
    }
    pool_mark(cache->pool, pool_number(cache->pool, chunk), 0);
    cache->chunks[cache->count++] = chunk;
    cache_publish(cache);
}
