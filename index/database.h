/* SPDX-License-Identifier: Apache-2.0 */
/* database: RocksDB behind a C ABI: sorted rows of bytes in one column family, no write-ahead log (the logs of engine/store are
 * it). The only file that includes RocksDB is database.cc; no exception leaves it. rocksdb/c.h is not used: it lacks Resume,
 * EventListener and SstFileManager, and copies every value that it reads.
 *
 * A batch is written whole, and what a crash leaves is every batch up to some point: with one column family, memtables reach the
 * disk in the order in which they were written. Threads: reads by any; database_write, database_flush, database_resume by one. */
#ifndef LEAT_INDEX_DATABASE_H
#define LEAT_INDEX_DATABASE_H

#ifdef __cplusplus
#include <cstddef>
#include <cstdint>
extern "C" {
#include "engine/base/fault.h"
struct slice { /* engine/base/slice.h, whose helpers are C only */
    const uint8_t *bytes;
    size_t length;
};
#else
#include "engine/base/fault.h"
#include "engine/base/slice.h"
#endif

struct database;

struct database_options {
    uint64_t memory_bytes; /* block cache and write buffers together; filters and indexes of the tables come on top unless: */
    bool direct_io;        /* flush and compaction */
    bool read_only;
    bool filters_in_cache; /* they share the block cache: bounded, slower (README.md, "Memory") */
};

/* NULL on failure: FAULT_MISSING (read_only and nothing there), FAULT_LOCKED, FAULT_CORRUPT, FAULT_IO, FAULT_NO_SPACE. */
struct database *database_open(const char *dir, const struct database_options *options, struct fault *fault);
/* `flush` false leaves what a crash would. */
void database_close(struct database *database, bool flush);
/* Removes all rows of a closed database. */
bool database_destroy(const char *dir, struct fault *fault);

enum database_found { DATABASE_ABSENT, DATABASE_PRESENT, DATABASE_FAILED };

/* A value that stays pinned until database_value_release; a value may be used again without it. */
struct database_value {
    struct slice bytes;
    void *pinned; /* start with NULL */
};
enum database_found database_get(struct database *database, struct slice key, struct database_value *value, struct fault *fault);
/* The same as it was when the snapshot was taken. */
struct database_snapshot;
const struct database_snapshot *database_snapshot_take(struct database *database);
void database_snapshot_give(struct database *database, const struct database_snapshot *snapshot);
enum database_found database_get_at(struct database *database, const struct database_snapshot *snapshot, struct slice key,
                                    struct database_value *value, struct fault *fault);
/* As a crash now would leave it: memtables are skipped. */
enum database_found database_get_persisted(struct database *database, struct slice key, struct database_value *value,
                                           struct fault *fault);
void database_value_release(struct database_value *value);

/* Rows with a key >= `first` and < `limit` (empty: no limit), in key order, as they are in the snapshot (NULL: at the call).
 * long_scan: read ahead, and leave the cache alone. NULL only when memory ends. */
struct database_walk;
struct database_walk *database_walk_begin(struct database *database, const struct database_snapshot *snapshot, struct slice first,
                                          struct slice limit, bool long_scan);
/* False at the end or on failure (then *fault->code is set; clear it before the first call). Slices: until the next call. */
bool database_walk_next(struct database_walk *walk, struct slice *key, struct slice *value, struct fault *fault);
void database_walk_end(struct database_walk *walk);

struct database_batch;
struct database_batch *database_batch_create(void);
void database_batch_destroy(struct database_batch *batch);
void database_batch_clear(struct database_batch *batch);
void database_batch_put(struct database_batch *batch, struct slice key, struct slice value);
void database_batch_remove(struct database_batch *batch, struct slice key);
size_t database_batch_bytes(const struct database_batch *batch);
bool database_write(struct database *database, struct database_batch *batch, struct fault *fault);

/* Moves memtables to the disk; `wait` for its end, or only begin. */
bool database_flush(struct database *database, bool wait, struct fault *fault);
/* Merges everything into its final place (tests, after a rebuild). */
bool database_compact(struct database *database, struct fault *fault);

/* False while RocksDB holds a background error (no space, I/O): writes fail. */
bool database_healthy(struct database *database, struct fault *fault);
/* Tries to leave that state. */
bool database_resume(struct database *database, struct fault *fault);

uint64_t database_disk_bytes(struct database *database);
uint64_t database_memory_bytes(struct database *database); /* memtables, cache, filters as RocksDB counts them */

#ifdef __cplusplus
}
#endif
#endif
