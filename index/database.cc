/* SPDX-License-Identifier: Apache-2.0 */
/* database: see database.h. Every entry is noexcept in effect: RocksDB reports by Status, and what else could throw is bad_alloc
 * at open, which is caught. The listener runs on RocksDB's threads and only fills a guarded text and an atomic flag. */
#include "index/database.h"

#include <fcntl.h>
#include <unistd.h>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <new>
#include <string>

namespace {

rocksdb::Slice to_rocks(struct slice s) { return rocksdb::Slice(reinterpret_cast<const char *>(s.bytes), s.length); }
struct slice from_rocks(const rocksdb::Slice &s) { return {reinterpret_cast<const uint8_t *>(s.data()), s.size()}; }

bool report(struct fault *fault, const rocksdb::Status &status, const char *what) {
    enum fault_code code = FAULT_IO;
    if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) code = FAULT_NO_SPACE;
    else if (status.IsCorruption()) code = FAULT_CORRUPT;
    else if (status.IsIOError() && status.ToString().find("lock ") != std::string::npos) code = FAULT_LOCKED;
    else if (status.IsNotFound() || status.IsInvalidArgument() || status.IsPathNotFound()) code = FAULT_MISSING;
    else if (status.IsNotSupported()) code = FAULT_NEWER_FORMAT;
    return fault_set(fault, code, 0, "%s: %s", what, status.ToString().c_str());
}

/* The last background error, until recovery. */
class Health : public rocksdb::EventListener {
  public:
    void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status *status) override {
        std::lock_guard<std::mutex> guard(mutex_);
        status_ = *status;
        bad_.store(true, std::memory_order_release); /* pairs with the load in good() */
    }
    void OnErrorRecoveryCompleted(rocksdb::Status) override { clear(); }
    void clear() {
        std::lock_guard<std::mutex> guard(mutex_);
        status_ = rocksdb::Status::OK();
        bad_.store(false, std::memory_order_release);
    }
    bool good() const { return !bad_.load(std::memory_order_acquire); }
    rocksdb::Status status() {
        std::lock_guard<std::mutex> guard(mutex_);
        return status_;
    }

  private:
    std::mutex mutex_;
    rocksdb::Status status_;
    std::atomic<bool> bad_{false};
};

} // namespace

struct database {
    std::unique_ptr<rocksdb::DB> db;
    std::shared_ptr<Health> health;
    std::shared_ptr<rocksdb::Cache> cache;
    bool read_only = false;
};

struct database_batch {
    rocksdb::WriteBatch batch;
};

struct database_walk {
    std::unique_ptr<rocksdb::Iterator> iterator;
    std::string limit;
    rocksdb::Slice limit_slice;
    bool started = false;
};

static rocksdb::BlockBasedTableOptions table_options(const struct database_options *options,
                                                     std::shared_ptr<rocksdb::Cache> cache) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.block_size = 16 * 1024;
    table.format_version = 5;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(12, false));
    table.whole_key_filtering = true;
    table.optimize_filters_for_memory = true;
    if (options->filters_in_cache) {
        table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
        table.partition_filters = true;
        table.cache_index_and_filter_blocks = true;
        table.cache_index_and_filter_blocks_with_high_priority = true;
        table.pin_top_level_index_and_filter = true;
    }
    return table;
}

/* A third of the budget for the cache, the rest for write buffers: four of them, of which one is written and the others are
 * flushed. */
static rocksdb::Options rocks_options(const struct database_options *options, std::shared_ptr<rocksdb::Cache> cache,
                                      std::shared_ptr<Health> health) {
    rocksdb::Options rocks;
    uint64_t buffers = options->memory_bytes - options->memory_bytes / 3;
    rocks.create_if_missing = !options->read_only;
    rocks.write_buffer_size = std::max<uint64_t>(buffers / 4, 1 << 20);
    rocks.max_write_buffer_number = 4;
    rocks.db_write_buffer_size = 0;
    rocks.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(buffers, nullptr, false);
    rocks.memtable_prefix_bloom_size_ratio = 0.1;
    rocks.memtable_whole_key_filtering = true;
    rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options, cache)));
    rocks.compression = rocksdb::kLZ4Compression;
    rocks.compression_per_level = {rocksdb::kNoCompression, rocksdb::kLZ4Compression, rocksdb::kLZ4Compression,
                                   rocksdb::kLZ4Compression, rocksdb::kLZ4Compression, rocksdb::kLZ4Compression,
                                   rocksdb::kLZ4Compression};
    rocks.level_compaction_dynamic_level_bytes = true;
    rocks.target_file_size_base = 64 << 20;
    rocks.max_bytes_for_level_base = 256 << 20;
    rocks.max_background_jobs = 3;
    rocks.max_open_files = -1;
    rocks.use_direct_io_for_flush_and_compaction = options->direct_io;
    rocks.bytes_per_sync = 1 << 20;
    rocks.compaction_readahead_size = 2 << 20;
    rocks.avoid_flush_during_shutdown = true; /* database_close does it, or a test asks it not to */
    rocks.info_log_level = rocksdb::WARN_LEVEL;
    rocks.keep_log_file_num = 2;
    rocks.max_log_file_size = 4 << 20;
    rocks.stats_dump_period_sec = 0;
    rocks.stats_persist_period_sec = 0;
    rocks.listeners.push_back(health);
    rocks.sst_file_manager.reset(rocksdb::NewSstFileManager(rocksdb::Env::Default()));
    return rocks;
}

/* Whether files in `dir` can be opened past the page cache: tmpfs and some network file systems refuse. */
static bool takes_direct_io(const char *dir) {
    std::string path = std::string(dir) + "/direct-io-probe";
    int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_DIRECT | O_CLOEXEC, 0600);
    if (fd < 0) return errno != EINVAL; /* a folder that isn't there yet, say: RocksDB's own error is the better one */
    close(fd);
    unlink(path.c_str());
    return true;
}

extern "C" struct database *database_open(const char *dir, const struct database_options *options, struct fault *fault) try {
    auto self = std::make_unique<database>();
    struct database_options bounded = *options;
    bounded.memory_bytes = std::max<uint64_t>(bounded.memory_bytes, 6 << 20);
    if (!bounded.read_only) rocksdb::Env::Default()->CreateDirIfMissing(dir).PermitUncheckedError();
    if (bounded.read_only || !takes_direct_io(dir)) bounded.direct_io = false;
    self->health = std::make_shared<Health>();
    self->cache = rocksdb::NewLRUCache(bounded.memory_bytes / 3);
    self->read_only = bounded.read_only;
    rocksdb::Options rocks = rocks_options(&bounded, self->cache, self->health);
    rocksdb::DB *db = nullptr;
    rocksdb::Status status =
        bounded.read_only ? rocksdb::DB::OpenForReadOnly(rocks, dir, &db) : rocksdb::DB::Open(rocks, dir, &db);
    if (!status.ok()) {
        report(fault, status, "the index can't be opened");
        return nullptr;
    }
    self->db.reset(db);
    return self.release();
} catch (const std::exception &e) {
    fault_set(fault, FAULT_MEMORY, 0, "the index can't be opened: %s", e.what());
    return nullptr;
}

extern "C" void database_close(struct database *self, bool flush) {
    if (!self) return;
    if (flush && !self->read_only && self->health->good()) { /* with an error standing it would wait for ever */
        rocksdb::FlushOptions options;
        self->db->Flush(options).PermitUncheckedError();
    }
    self->db->Close().PermitUncheckedError();
    delete self;
}

extern "C" bool database_destroy(const char *dir, struct fault *fault) {
    rocksdb::Options options;
    if (access(dir, F_OK) != 0 && errno == ENOENT) return true;
    rocksdb::Status status = rocksdb::DestroyDB(dir, options);
    return status.ok() || report(fault, status, "the index can't be removed");
}

static const rocksdb::Snapshot *to_rocks(const struct database_snapshot *snapshot) {
    return reinterpret_cast<const rocksdb::Snapshot *>(snapshot);
}

extern "C" const struct database_snapshot *database_snapshot_take(struct database *self) {
    return reinterpret_cast<const struct database_snapshot *>(self->db->GetSnapshot());
}

extern "C" void database_snapshot_give(struct database *self, const struct database_snapshot *snapshot) {
    if (snapshot) self->db->ReleaseSnapshot(to_rocks(snapshot));
}

static enum database_found get(struct database *self, rocksdb::ReadTier tier, const struct database_snapshot *snapshot,
                               struct slice key, struct database_value *value, struct fault *fault) {
    auto *pinned = static_cast<rocksdb::PinnableSlice *>(value->pinned);
    if (!pinned) value->pinned = pinned = new (std::nothrow) rocksdb::PinnableSlice;
    if (!pinned) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory to read the index");
        return DATABASE_FAILED;
    }
    pinned->Reset();
    rocksdb::ReadOptions options;
    options.read_tier = tier;
    options.snapshot = to_rocks(snapshot);
    rocksdb::Status status = self->db->Get(options, self->db->DefaultColumnFamily(), to_rocks(key), pinned);
    if (status.ok()) {
        value->bytes = from_rocks(*pinned);
        return DATABASE_PRESENT;
    }
    value->bytes = {nullptr, 0};
    if (status.IsNotFound()) return DATABASE_ABSENT;
    report(fault, status, "the index can't be read");
    return DATABASE_FAILED;
}

extern "C" enum database_found database_get(struct database *self, struct slice key, struct database_value *value,
                                            struct fault *fault) {
    return get(self, rocksdb::kReadAllTier, nullptr, key, value, fault);
}

extern "C" enum database_found database_get_at(struct database *self, const struct database_snapshot *snapshot, struct slice key,
                                               struct database_value *value, struct fault *fault) {
    return get(self, rocksdb::kReadAllTier, snapshot, key, value, fault);
}

extern "C" enum database_found database_get_persisted(struct database *self, struct slice key, struct database_value *value,
                                                      struct fault *fault) {
    return get(self, rocksdb::kPersistedTier, nullptr, key, value, fault);
}

extern "C" void database_value_release(struct database_value *value) {
    delete static_cast<rocksdb::PinnableSlice *>(value->pinned);
    value->pinned = nullptr;
    value->bytes = {nullptr, 0};
}

extern "C" struct database_walk *database_walk_begin(struct database *self, const struct database_snapshot *snapshot,
                                                     struct slice first, struct slice limit, bool long_scan) {
    auto *walk = new (std::nothrow) database_walk;
    if (!walk) return nullptr;
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    options.snapshot = to_rocks(snapshot);
    if (limit.length) {
        walk->limit.assign(reinterpret_cast<const char *>(limit.bytes), limit.length);
        walk->limit_slice = walk->limit;
        options.iterate_upper_bound = &walk->limit_slice;
    }
    if (long_scan) {
        options.readahead_size = 1 << 20;
        options.fill_cache = false;
    }
    walk->iterator.reset(self->db->NewIterator(options));
    walk->iterator->Seek(to_rocks(first));
    return walk;
}

extern "C" bool database_walk_next(struct database_walk *walk, struct slice *key, struct slice *value, struct fault *fault) {
    if (walk->started) walk->iterator->Next();
    walk->started = true;
    if (!walk->iterator->Valid()) {
        rocksdb::Status status = walk->iterator->status();
        if (!status.ok()) report(fault, status, "the index can't be read");
        return false;
    }
    *key = from_rocks(walk->iterator->key());
    *value = from_rocks(walk->iterator->value());
    return true;
}

extern "C" void database_walk_end(struct database_walk *walk) { delete walk; }

extern "C" struct database_batch *database_batch_create(void) { return new (std::nothrow) database_batch; }
extern "C" void database_batch_destroy(struct database_batch *batch) { delete batch; }
extern "C" void database_batch_clear(struct database_batch *batch) { batch->batch.Clear(); }
extern "C" void database_batch_put(struct database_batch *batch, struct slice key, struct slice value) {
    batch->batch.Put(to_rocks(key), to_rocks(value)).PermitUncheckedError();
}
extern "C" void database_batch_remove(struct database_batch *batch, struct slice key) {
    batch->batch.Delete(to_rocks(key)).PermitUncheckedError();
}
extern "C" size_t database_batch_bytes(const struct database_batch *batch) { return batch->batch.GetDataSize(); }

extern "C" bool database_write(struct database *self, struct database_batch *batch, struct fault *fault) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    rocksdb::Status status = self->db->Write(options, &batch->batch);
    return status.ok() || report(fault, status, "the index can't be written");
}

extern "C" bool database_healthy(struct database *self, struct fault *fault) {
    if (self->health->good()) return true;
    return report(fault, self->health->status(), "the index is stopped by an error of its disk");
}

extern "C" bool database_flush(struct database *self, bool wait, struct fault *fault) {
    rocksdb::FlushOptions options;
    if (!database_healthy(self, fault)) return false; /* it would wait for ever */
    options.wait = wait;
    options.allow_write_stall = true; /* else it waits for room by itself */
    rocksdb::Status status = self->db->Flush(options);
    return status.ok() || report(fault, status, "the index can't be flushed");
}

extern "C" bool database_compact(struct database *self, struct fault *fault) {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    rocksdb::Status status = self->db->CompactRange(options, nullptr, nullptr);
    return status.ok() || report(fault, status, "the index can't be compacted");
}

extern "C" bool database_resume(struct database *self, struct fault *fault) {
    rocksdb::Status status = self->db->Resume();
    if (status.ok()) {
        self->health->clear();
        return true;
    }
    if (status.IsBusy()) return database_healthy(self, fault); /* it is at it, waiting for space */
    return report(fault, status, "the index can't go on");
}

static uint64_t property(struct database *self, const char *name) {
    uint64_t value = 0;
    return self->db->GetIntProperty(name, &value) ? value : 0;
}

extern "C" uint64_t database_disk_bytes(struct database *self) { return property(self, "rocksdb.total-sst-files-size"); }

extern "C" uint64_t database_memory_bytes(struct database *self) {
    return property(self, "rocksdb.size-all-mem-tables") + property(self, "rocksdb.estimate-table-readers-mem") +
           self->cache->GetUsage();
}
