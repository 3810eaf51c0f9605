/* SPDX-License-Identifier: Apache-2.0 */
/* segment_file: prepare and seal. The order of the steps is the crash contract: header, fdatasync, name, directory fsync,
 * manifest entry; and at the end: manifest entry, then the cut. */
#include "engine/store/segment_file.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/base/random.h"
#include "engine/store/segment.h"

#define ZERO_BYTES (1024u * 1024u)
#define FIRST_ZERO_BYTES (64u * 1024u * 1024u) /* a server that starts doesn't wait for more */
#define SMALLEST_BYTES (64u * 1024u)           /* of a segment on a disk that is nearly full */

/* Writes zeros over [0, bytes). */
static int write_zeros(struct disk_file *file, uint64_t bytes) {
    void *zeros = NULL;
    size_t piece = bytes < ZERO_BYTES ? (size_t)bytes : ZERO_BYTES;
    if (posix_memalign(&zeros, DISK_BLOCK_BYTES, piece)) return -ENOMEM;
    memset(zeros, 0, piece);
    int error = 0;
    for (uint64_t at = 0; at < bytes && !error; at += piece) {
        if (piece > bytes - at) piece = (size_t)(bytes - at);
        error = disk_write_full(file, zeros, piece, at);
    }
    free(zeros);
    return error;
}

static int write_header(struct disk_file *file, const struct segment_header *header) {
    void *block = NULL;
    if (posix_memalign(&block, DISK_BLOCK_BYTES, SEGMENT_HEADER_BYTES)) return -ENOMEM;
    segment_encode(header, block);
    int error = disk_write_full(file, block, SEGMENT_HEADER_BYTES, 0);
    free(block);
    return error;
}

/* A file that didn't exist. On a disk that is nearly full it is smaller than wanted. */
static int create(struct store *store, const char *path, enum store_kind kind, bool first, uint64_t *bytes,
                  struct disk_file **file) {
    int error = disk_open(store->disk, path, DISK_WRITE | DISK_CREATE | DISK_DIRECT, file);
    if (error) return error;
    for (uint64_t want = *bytes;; want = want / 4 / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES) {
        *bytes = want;
        error = disk_allocate(*file, want);
        if ((error != -ENOSPC && error != -EDQUOT) || want / 4 < SMALLEST_BYTES) break;
    }
    if (!error && kind == STORE_SMALL) error = write_zeros(*file, first && *bytes > FIRST_ZERO_BYTES ? FIRST_ZERO_BYTES : *bytes);
    if (!error) return 0;
    disk_close(*file);
    *file = NULL;
    disk_unlink(store->disk, path);
    return error;
}

/* Everything but the manifest. */
static int make(struct store *store, struct segment_header *header, uint32_t volume, bool first, struct disk_file **file,
                bool *written_before) {
    char path[PATH_MAX], pooled[PATH_MAX], folder[PATH_MAX];
    volume_segment_path(&store->volumes[volume], header->number, path);
    *file = pool_take(&store->pool, volume, header->kind, header->file_bytes, pooled);
    bool from_pool = *file;
    *written_before = from_pool || (header->kind == STORE_SMALL && (!first || header->file_bytes <= FIRST_ZERO_BYTES));
    int error = 0;
    if (!from_pool) error = create(store, path, header->kind, first, &header->file_bytes, file);
    if (error) return error;
    error = write_header(*file, header);
    if (!error) {
        error = disk_fdatasync(*file);
        if (error) store_state_sync_failed(store, store->volumes[volume].filesystem);
    }
    if (!error && from_pool) error = disk_rename(store->disk, pooled, path);
    if (!error) {
        volume_path(&store->volumes[volume], "segments", folder);
        error = disk_sync_dir(store->disk, folder);
        if (!error && from_pool) {
            volume_path(&store->volumes[volume], "pool", folder);
            error = disk_sync_dir(store->disk, folder);
        }
        if (error) store_state_sync_failed(store, store->volumes[volume].filesystem);
    }
    if (!error) return 0;
    disk_close(*file);
    *file = NULL;
    disk_unlink(store->disk, path);
    if (from_pool) disk_unlink(store->disk, pooled);
    return error;
}

static bool prepare_on(struct store *store, struct segment_header *header, uint32_t volume, bool first, struct segment_file *out,
                       struct fault *fault) {
    bool written_before;
    header->volume = store->volumes[volume].number;
    header->number = manifest_take_number(&store->manifest);
    random_bytes(header->id, sizeof header->id);
    int error = make(store, header, volume, first, &out->file, &written_before);
    if (error) return fault_set_os(fault, -error, "a segment can't be made on %s", store->volumes[volume].path);
    struct manifest_segment entry = {
        .number = header->number,
        .log = header->log,
        .volume = header->volume,
        .kind = header->kind,
        .state = MANIFEST_ACTIVE,
        .created_us = header->created_us,
        .file_bytes = header->file_bytes,
    };
    memcpy(entry.id, header->id, RECORD_ID_BYTES);
    if (store_state_record(store, &entry, fault)) {
        out->segment = store_state_add(store, &entry, volume);
        out->bytes = header->file_bytes;
        if (out->segment) {
            out->segment->written_before = written_before;
            return true;
        }
        fault_set(fault, FAULT_MEMORY, 0, "no memory for another segment");
    }
    disk_close(out->file);
    return false;
}

bool segment_file_prepare(struct store *store, uint32_t log, enum store_kind kind, uint32_t volume, bool first,
                          struct segment_file *out, struct fault *fault) {
    if (atomic_load_explicit(&store->read_only, memory_order_acquire))
        return fault_set(fault, FAULT_UNSUPPORTED, 0, "the archive is read-only");
    /* Room for this entry, for the ends that may have to be recorded on a full disk, and for those of the other logs. */
    if (!manifest_reserve(&store->manifest, 32, fault)) return false;
    struct segment_header header = {
        .log = log,
        .kind = kind,
        .created_us = clock_wall_us(),
        .file_bytes = kind == STORE_BULK ? store->options.bulk_segment_bytes : store->options.small_segment_bytes,
    };
    memcpy(header.archive_id, store->manifest.archive.id, RECORD_ID_BYTES);
    uint32_t ranked[STORE_VOLUMES_MAX];
    uint32_t count = store_state_rank_volumes(store, volume, ranked);
    if (count == 0) return fault_set(fault, FAULT_MISSING, 0, "there is no volume to write to");
    uint64_t wanted = header.file_bytes;
    for (uint32_t i = 0; i < count; i++) {
        header.file_bytes = wanted;
        if (prepare_on(store, &header, ranked[i], first, out, fault)) {
            pool_kick(&store->pool);
            return true;
        }
        if (atomic_load_explicit(&store->read_only, memory_order_acquire)) return false;
    }
    return false;
}

/* ---- the end ---- */

/* Nothing was ever acknowledged from it. */
static bool strike(struct store *store, struct segment_file *file, struct fault *fault) {
    char path[PATH_MAX], pooled[PATH_MAX];
    struct segment_state *segment = file->segment;
    struct manifest_segment entry = store_state_describe(store, segment, MANIFEST_GONE, 0, true);
    bool ok = store_state_record(store, &entry, fault);
    disk_close(file->file);
    if (ok) {
        volume_segment_path(&store->volumes[segment->volume], segment->number, path);
        bool full =
            file->bytes == (segment->kind == STORE_BULK ? store->options.bulk_segment_bytes : store->options.small_segment_bytes);
        if (!(segment->written_before && full && pool_give(&store->pool, segment->volume, segment->kind, pooled)
              && disk_rename(store->disk, path, pooled) == 0))
            disk_unlink(store->disk, path);
        store_state_drop(store, segment);
    }
    *file = (struct segment_file){0};
    return ok;
}

bool segment_file_seal(struct store *store, struct segment_file *file, uint64_t end, struct fault *fault) {
    struct segment_state *segment = file->segment;
    if (end <= SEGMENT_HEADER_BYTES) return strike(store, file, fault);
    pthread_mutex_lock(&store->mutex);
    bool settled = segment->unsettled == 0;
    pthread_mutex_unlock(&store->mutex);
    struct manifest_segment entry = store_state_describe(store, segment, MANIFEST_SEALED, end, settled);
    uint64_t bytes = (end + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    entry.file_bytes = bytes;
    bool ok = store_state_record(store, &entry, fault);
    if (ok) {
        pthread_mutex_lock(&store->mutex);
        segment->settled = settled;
        pthread_mutex_unlock(&store->mutex);
        atomic_store_explicit(&segment->end, end, memory_order_release);
        atomic_store_explicit(&segment->sealed, true, memory_order_release);
        if (bytes < file->bytes && disk_truncate(file->file, bytes) == 0)
            atomic_store_explicit(&segment->file_bytes, bytes, memory_order_relaxed);
    }
    disk_close(file->file);
    *file = (struct segment_file){0};
    return ok;
}
