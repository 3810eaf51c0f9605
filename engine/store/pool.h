/* SPDX-License-Identifier: Apache-2.0 */
/* pool: files whose blocks were written before, ready to become segments: an fdatasync after writing into them has no journal
 * commit to wait for. Filled in idle time, a few MiB at a time, by a job on the disk's background thread, which alone touches
 * struct pool after pool_open. */
#ifndef LEAT_STORE_POOL_H
#define LEAT_STORE_POOL_H

#include "engine/store/disk.h"
#include "engine/store/store.h"

struct pool {
    struct store *store;
    struct disk_job job;
    bool running, stopped;
    uint32_t counts[STORE_VOLUMES_MAX][2]; /* ready files of each volume, bulk and small */
    /* the file that is being filled */
    struct disk_file *file;
    uint32_t volume;
    enum store_kind kind;
    uint64_t at;
    uint32_t name;
    uint64_t activity_seen;
};

/* Counts what is there, removes what was cut short or has become a segment. read_only stores don't call it. */
bool pool_open(struct pool *pool, struct store *store, struct fault *fault);
/* Begins to fill what is lacking, if anything is and nothing runs. Background thread, or before any job was started. */
void pool_kick(struct pool *pool);
/* Takes a ready file of `bytes`, or NULL: opened for writing, still in the pool's folder under `path`. Background thread. */
struct disk_file *pool_take(struct pool *pool, uint32_t volume, enum store_kind kind, uint64_t bytes, char path[]);
/* Where a file of that kind may be put back; false when there are enough. Background thread. */
bool pool_give(struct pool *pool, uint32_t volume, enum store_kind kind, char path[]);
void pool_close(struct pool *pool);

#endif
