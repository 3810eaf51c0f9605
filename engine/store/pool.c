/* SPDX-License-Identifier: Apache-2.0 */
/* pool: names in VOLUME/pool/: bulk-XXXXXXXX and small-XXXXXXXX are ready; a name that ends with .part is being filled. Opening a
 * pool removes .part files, files of another size than segments have now, and files that are segments already (a rename of which
 * the machine kept both names). */
#include "engine/store/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/log.h"
#include "engine/base/random.h"
#include "engine/store/segment.h"
#include "engine/store/store_state.h"

#define FILL_BYTES (4u * 1024u * 1024u)
#define IDLE_DELAY_MS 10u  /* between pieces while nobody writes: some 400 MB/s at most */
#define BUSY_DELAY_MS 250u

static const char *kind_name(enum store_kind kind) { return kind == STORE_BULK ? "bulk" : "small"; }
static uint64_t kind_bytes(const struct store *store, enum store_kind kind) {
    return kind == STORE_BULK ? store->options.bulk_segment_bytes : store->options.small_segment_bytes;
}
static uint32_t kind_wanted(const struct store *store, enum store_kind kind) {
    return kind == STORE_BULK ? store->options.bulk_pool : store->options.small_pool;
}
static uint32_t *count_of(struct pool *pool, uint32_t volume, enum store_kind kind) {
    return &pool->counts[volume][kind == STORE_BULK ? 0 : 1];
}

static void name_of(const struct pool *pool, uint32_t volume, enum store_kind kind, uint32_t name, const char *suffix,
                    char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s/pool/%s-%08x%s", pool->store->volumes[volume].path, kind_name(kind), name, suffix);
}

/* ---- what is there ---- */

struct names {
    struct pool *pool;
    uint32_t volume;
    enum store_kind kind; /* look for one of these; 0: for all */
    uint64_t bytes;
    uint32_t found;
    char first[64];
    char junk[16][64];
    uint32_t junk_count;
};

/* Two names of one file: the segment keeps it. */
static bool is_segment(struct pool *pool, uint32_t volume, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/pool/%s", pool->store->volumes[volume].path, name);
    struct disk_file *file;
    if (disk_open(pool->store->disk, path, DISK_READ, &file)) return true;
    uint8_t block[SEGMENT_HEADER_BYTES];
    int64_t n = disk_read_full(file, block, sizeof block, 0);
    disk_close(file);
    if (n < 0) return true;
    struct segment_header header;
    if (n < (int64_t)sizeof block || !segment_decode(block, &header, NULL)) return false;
    struct manifest_segment entry;
    return manifest_get_segment(&pool->store->manifest, header.number, &entry) && entry.state != MANIFEST_GONE
           && memcmp(entry.id, header.id, RECORD_ID_BYTES) == 0;
}

static enum store_kind kind_from(const char *name) {
    if (strncmp(name, "bulk-", 5) == 0) return STORE_BULK;
    return strncmp(name, "small-", 6) == 0 ? STORE_SMALL : (enum store_kind)0;
}

static void sort_name(void *context, const char *name, bool is_dir, uint64_t bytes) {
    struct names *names = context;
    enum store_kind kind = kind_from(name);
    if (is_dir || kind == 0 || strlen(name) >= sizeof names->first) return;
    bool good = !strchr(name, '.') && bytes == kind_bytes(names->pool->store, kind);
    if (good && (names->kind == 0 || names->kind == kind)) {
        if (names->found++ == 0) memcpy(names->first, name, strlen(name) + 1);
    }
    if (!good && names->junk_count < 16) memcpy(names->junk[names->junk_count++], name, strlen(name) + 1);
}

static void look(struct pool *pool, uint32_t volume, enum store_kind kind, struct names *names) {
    char path[PATH_MAX];
    *names = (struct names){.pool = pool, .volume = volume, .kind = kind};
    volume_path(&pool->store->volumes[volume], "pool", path);
    disk_list(pool->store->disk, path, sort_name, names);
}

static void remove_name(struct pool *pool, uint32_t volume, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/pool/%s", pool->store->volumes[volume].path, name);
    disk_unlink(pool->store->disk, path);
}

bool pool_open(struct pool *pool, struct store *store, struct fault *fault) {
    *pool = (struct pool){.store = store};
    struct names *names = malloc(sizeof *names);
    if (!names) return fault_set(fault, FAULT_MEMORY, 0, "no memory to look at the pool");
    for (uint32_t v = 0; v < store->volume_count; v++) {
        if (store->volumes[v].absent || store->volumes[v].retired) continue;
        for (int kind = STORE_BULK; kind <= STORE_SMALL; kind++) {
            for (;;) { /* each file that is taken out is looked at, so that what counts is only counted */
                look(pool, v, (enum store_kind)kind, names);
                for (uint32_t i = 0; i < names->junk_count; i++) remove_name(pool, v, names->junk[i]);
                if (names->found == 0 || !is_segment(pool, v, names->first)) break;
                remove_name(pool, v, names->first);
                struct names *again = names;
                uint32_t before = names->found;
                look(pool, v, (enum store_kind)kind, again);
                if (again->found >= before) break; /* it can't be removed */
            }
            *count_of(pool, v, (enum store_kind)kind) = names->found;
        }
    }
    free(names);
    return true;
}

/* ---- taking and giving ---- */

struct disk_file *pool_take(struct pool *pool, uint32_t volume, enum store_kind kind, uint64_t bytes, char path[]) {
    struct disk_file *file = NULL;
    uint32_t *count = count_of(pool, volume, kind);
    while (*count > 0 && !file) {
        struct names *names = malloc(sizeof *names);
        if (!names) return NULL;
        look(pool, volume, kind, names);
        bool found = names->found > 0;
        if (found) snprintf(path, PATH_MAX, "%s/pool/%s", pool->store->volumes[volume].path, names->first);
        bool bad = found && is_segment(pool, volume, names->first);
        free(names);
        if (!found) {
            *count = 0;
            return NULL;
        }
        --*count;
        if (bad || bytes != kind_bytes(pool->store, kind)
            || disk_open(pool->store->disk, path, DISK_WRITE | DISK_DIRECT, &file)) {
            file = NULL;
            disk_unlink(pool->store->disk, path);
        }
    }
    return file;
}

bool pool_give(struct pool *pool, uint32_t volume, enum store_kind kind, char path[]) {
    if (*count_of(pool, volume, kind) >= kind_wanted(pool->store, kind)) return false;
    uint32_t name;
    random_bytes(&name, sizeof name);
    name_of(pool, volume, kind, name, "", path);
    ++*count_of(pool, volume, kind);
    return true;
}

/* ---- filling ---- */

static bool choose(struct pool *pool) {
    static const enum store_kind order[] = {STORE_SMALL, STORE_BULK};
    for (size_t k = 0; k < 2; k++) {
        for (uint32_t v = 0; v < pool->store->volume_count; v++) {
            const struct volume *volume = &pool->store->volumes[v];
            if (volume->absent || volume->retired || *count_of(pool, v, order[k]) >= kind_wanted(pool->store, order[k])) continue;
            struct disk_space space;
            uint64_t bytes = kind_bytes(pool->store, order[k]);
            if (disk_get_space(pool->store->disk, volume->path, &space)
                || space.free_bytes < 4 * bytes + pool->store->options.watermark_bytes)
                continue;
            pool->volume = v;
            pool->kind = order[k];
            return true;
        }
    }
    return false;
}

static void drop_part(struct pool *pool) {
    char path[PATH_MAX];
    disk_close(pool->file);
    pool->file = NULL;
    name_of(pool, pool->volume, pool->kind, pool->name, ".part", path);
    disk_unlink(pool->store->disk, path);
}

static bool begin(struct pool *pool) {
    char path[PATH_MAX];
    if (!choose(pool)) return false;
    random_bytes(&pool->name, sizeof pool->name);
    name_of(pool, pool->volume, pool->kind, pool->name, ".part", path);
    if (disk_open(pool->store->disk, path, DISK_WRITE | DISK_CREATE | DISK_DIRECT, &pool->file)) {
        pool->file = NULL;
        return false;
    }
    pool->at = 0;
    if (disk_allocate(pool->file, kind_bytes(pool->store, pool->kind)) == 0) return true;
    drop_part(pool);
    return false;
}

static bool finish(struct pool *pool) {
    char part[PATH_MAX], path[PATH_MAX];
    int error = disk_fdatasync(pool->file);
    if (error) {
        store_state_sync_failed(pool->store, pool->store->volumes[pool->volume].filesystem);
        drop_part(pool);
        return false;
    }
    disk_close(pool->file);
    pool->file = NULL;
    name_of(pool, pool->volume, pool->kind, pool->name, ".part", part);
    name_of(pool, pool->volume, pool->kind, pool->name, "", path);
    if (disk_rename(pool->store->disk, part, path)) return false;
    ++*count_of(pool, pool->volume, pool->kind);
    return true;
}

static bool fill_piece(struct pool *pool) {
    uint64_t bytes = kind_bytes(pool->store, pool->kind);
    size_t piece = bytes - pool->at < FILL_BYTES ? (size_t)(bytes - pool->at) : FILL_BYTES;
    void *zeros = NULL;
    if (posix_memalign(&zeros, DISK_BLOCK_BYTES, piece)) return false;
    memset(zeros, 0, piece);
    int error = disk_write_full(pool->file, zeros, piece, pool->at);
    free(zeros);
    if (error) {
        drop_part(pool);
        return false;
    }
    pool->at += piece;
    return pool->at < bytes || finish(pool);
}

/* One step. False: nothing is left to do, or nothing can be done. */
static bool step(struct pool *pool, uint32_t *delay_ms) {
    struct store *store = pool->store;
    if (atomic_load_explicit(&store->closing, memory_order_acquire) ||
        atomic_load_explicit(&store->read_only, memory_order_acquire))
        return false;
    uint64_t activity = atomic_load_explicit(&store->activity, memory_order_relaxed);
    bool busy = activity != pool->activity_seen;
    pool->activity_seen = activity;
    *delay_ms = busy ? BUSY_DELAY_MS : IDLE_DELAY_MS;
    if (busy) return true;
    return (pool->file || begin(pool)) && fill_piece(pool);
}

static void work(struct disk_job *job) {
    struct pool *pool = (struct pool *)(void *)((char *)job - offsetof(struct pool, job));
    uint32_t delay_ms;
    if (step(pool, &delay_ms)) {
        disk_start_job(pool->store->disk, NULL, job, delay_ms);
        return;
    }
    if (pool->file) drop_part(pool);
    pool->running = false;
}

void pool_kick(struct pool *pool) {
    if (pool->running || pool->stopped || !pool->store) return;
    if (pool->store->options.bulk_pool == 0 && pool->store->options.small_pool == 0) return;
    pool->running = true;
    pool->job = (struct disk_job){.work = work};
    disk_start_job(pool->store->disk, NULL, &pool->job, IDLE_DELAY_MS);
}

void pool_close(struct pool *pool) {
    pool->stopped = true;
    if (pool->file) disk_close(pool->file); /* the disk stopped in the middle (a simulated cut) */
    pool->file = NULL;
}
