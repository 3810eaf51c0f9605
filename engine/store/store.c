/* SPDX-License-Identifier: Apache-2.0 */
/* store: create, open, close. Opening: lock, manifest, volumes, ends of what was active (store_recover.c), pool. */
#include "engine/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <semaphore.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/base/random.h"
#include "engine/store/store_recover.h"
#include "engine/store/store_state.h"

#define BULK_SEGMENT_BYTES ((uint64_t)1 << 30)
#define SMALL_SEGMENT_BYTES ((uint64_t)256 << 20)
#define SEGMENT_MIN_BYTES (32u * 1024u)

/* ---- lock ---- */

static bool take_lock(struct disk *disk, const char *dir, bool exclusive, bool may_lack, struct disk_file **lock,
                      struct fault *fault) {
    char path[PATH_MAX];
    int64_t pid = 0;
    snprintf(path, sizeof path, "%s/lock", dir);
    int error = disk_lock(disk, path, exclusive, lock, &pid);
    if (error == 0) return true;
    *lock = NULL;
    if (may_lack && (error == -EROFS || error == -EACCES || error == -EPERM)) return true; /* a medium that nobody can write to */
    if (error == -ENOENT || error == -ENOTDIR)
        return fault_set(fault, FAULT_MISSING, 0, "%s holds no archive (there is no such folder)", dir);
    if (error != -EWOULDBLOCK) return fault_set_os(fault, -error, "%s can't be locked", path);
    if (pid > 0) return fault_set(fault, FAULT_LOCKED, 0, "%s is in use by process %lld", dir, (long long)pid);
    return fault_set(fault, FAULT_LOCKED, 0, "%s is in use by another process", dir);
}

/* ---- creation ---- */

enum store_presence store_look(struct disk *disk, const char *dir) { return manifest_look(disk, dir); }

static bool set_volume(struct volume *volume, uint32_t number, const char *path, struct fault *fault) {
    *volume = (struct volume){.number = number};
    random_bytes(volume->id, sizeof volume->id);
    if (strlen(path) >= sizeof volume->path - 64)
        return fault_set(fault, FAULT_CONFIG, 0, "the path of volume %s is too long", path);
    snprintf(volume->path, sizeof volume->path, "%s", path);
    return true;
}

/* How the manifest names it: "." for the archive's own folder, so that an archive can be moved. A path too long for an entry is
 * left out; the configuration has to name it then. */
static void describe_volume(const struct volume *volume, const char *dir, struct manifest_volume *out) {
    *out = (struct manifest_volume){.number = volume->number};
    memcpy(out->id, volume->id, RECORD_ID_BYTES);
    const char *path = strcmp(volume->path, dir) == 0 ? "." : volume->path;
    if (strlen(path) < sizeof out->path) memcpy(out->path, path, strlen(path) + 1);
}

static bool create_here(struct disk *disk, const struct store_options *options, struct fault *fault) {
    const char *only[] = {options->dir};
    const char *const *paths = options->volume_count ? options->volumes : only;
    uint32_t count = options->volume_count ? (uint32_t)options->volume_count : 1;
    if (count > STORE_VOLUMES_MAX) return fault_set(fault, FAULT_CONFIG, 0, "more than %u volumes", STORE_VOLUMES_MAX);
    if (manifest_look(disk, options->dir) == STORE_PRESENT)
        return fault_set(fault, FAULT_CONFIG, 0, "%s holds an archive already", options->dir);
    struct volume *volumes = calloc(count, sizeof *volumes);
    struct manifest_volume *entries = calloc(count, sizeof *entries);
    bool ok = volumes && entries;
    if (!ok) fault_set(fault, FAULT_MEMORY, 0, "no memory to create an archive");
    for (uint32_t i = 0; ok && i < count; i++) {
        ok = set_volume(&volumes[i], i + 1, paths[i], fault);
        if (ok && volume_holds_files(disk, paths[i], "segments"))
            ok = fault_set(fault, FAULT_CONFIG, 0, "%s/segments holds files of an archive whose manifest is gone", paths[i]);
        if (ok) describe_volume(&volumes[i], options->dir, &entries[i]);
    }
    struct manifest manifest;
    if (ok) {
        ok = manifest_prepare(&manifest, disk, options->dir, entries, count, fault);
        for (uint32_t i = 0; ok && i < count; i++) ok = volume_create(disk, &volumes[i], manifest.archive.id, fault);
        ok = ok && manifest_publish(&manifest, fault);
        manifest_release(&manifest);
    }
    free(volumes);
    free(entries);
    return ok;
}

bool store_create(struct disk *disk, const struct store_options *options, struct fault *fault) {
    struct disk_file *lock;
    if (!volume_make_folder(disk, options->dir, fault) || !take_lock(disk, options->dir, true, false, &lock, fault)) return false;
    bool ok = create_here(disk, options, fault);
    disk_close(lock);
    return ok;
}

/* ---- opening ---- */

static bool copy_options(struct store *store, const struct store_options *options, struct fault *fault) {
    store->options = *options;
    store->dir = strdup(options->dir);
    if (!store->dir) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a store");
    store->options.dir = store->dir;
    if (!store->options.bulk_segment_bytes) store->options.bulk_segment_bytes = BULK_SEGMENT_BYTES;
    if (!store->options.small_segment_bytes) store->options.small_segment_bytes = SMALL_SEGMENT_BYTES;
    if (store->options.bulk_segment_bytes % DISK_BLOCK_BYTES || store->options.small_segment_bytes % DISK_BLOCK_BYTES
        || store->options.bulk_segment_bytes < SEGMENT_MIN_BYTES || store->options.small_segment_bytes < SEGMENT_MIN_BYTES)
        return fault_set(fault, FAULT_CONFIG, 0, "segment sizes are multiples of 4096, at least %u", SEGMENT_MIN_BYTES);
    return true;
}

/* A volume that the manifest names: found among the configured folders by its marker, or where it was last. */
static bool find_volume(struct store *store, const struct manifest_volume *entry, struct fault *fault) {
    struct volume *volume = &store->volumes[store->volume_count];
    *volume = (struct volume){.number = entry->number};
    memcpy(volume->id, entry->id, RECORD_ID_BYTES);
    struct volume_marker marker;
    for (size_t i = 0; i < store->options.volume_count; i++) {
        enum volume_found found = volume_read_marker(store->disk, store->options.volumes[i], &marker, fault);
        if (found == VOLUME_UNREADABLE) return false;
        if (found != VOLUME_FOUND || memcmp(marker.id, entry->id, RECORD_ID_BYTES) != 0) continue;
        snprintf(volume->path, sizeof volume->path, "%s", store->options.volumes[i]);
        store->volume_count++;
        return true;
    }
    volume->retired = store->options.volume_count > 0;
    snprintf(volume->path, sizeof volume->path, "%s", strcmp(entry->path, ".") == 0 ? store->dir : entry->path);
    enum volume_found found = volume_read_marker(store->disk, volume->path, &marker, fault);
    if (found == VOLUME_UNREADABLE) return false;
    if (found == VOLUME_BAD)
        log_warn("%s; the manifest's word is taken for it", fault ? fault->text : "a volume's marker is damaged");
    volume->absent = found == VOLUME_NONE || (found == VOLUME_FOUND && memcmp(marker.id, entry->id, RECORD_ID_BYTES) != 0);
    store->volume_count++;
    if (!volume->absent) return true;
    if (store->options.accept_missing) {
        log_warn("volume %u (%s) is missing", volume->number, volume->path);
        return true;
    }
    return fault_set(fault, FAULT_MISSING, 0, "volume %u of the archive is missing: %s has no marker of it", volume->number,
                     volume->path);
}

/* A configured folder that no entry names: a new volume. */
static bool add_volume(struct store *store, const char *path, struct fault *fault) {
    struct volume_marker marker;
    enum volume_found found = volume_read_marker(store->disk, path, &marker, fault);
    if (found == VOLUME_UNREADABLE || found == VOLUME_BAD) return false;
    if (found == VOLUME_FOUND && memcmp(marker.archive_id, store->manifest.archive.id, RECORD_ID_BYTES) != 0)
        return fault_set(fault, FAULT_CONFIG, 0, "%s is a volume of another archive", path);
    if (store->volume_count == STORE_VOLUMES_MAX)
        return fault_set(fault, FAULT_CONFIG, 0, "more than %u volumes", STORE_VOLUMES_MAX);
    if (store->opened_read_only) return true;
    if (volume_holds_files(store->disk, path, "segments"))
        return fault_set(fault, FAULT_CONFIG, 0, "%s/segments holds files that are not of this archive", path);
    uint32_t number = 1;
    for (uint32_t i = 0; i < store->volume_count; i++)
        if (store->volumes[i].number >= number) number = store->volumes[i].number + 1;
    struct volume *volume = &store->volumes[store->volume_count];
    struct manifest_volume entry;
    if (!set_volume(volume, number, path, fault) || !volume_create(store->disk, volume, store->manifest.archive.id, fault))
        return false;
    describe_volume(volume, store->dir, &entry);
    if (!manifest_put_volume(&store->manifest, &entry, fault)) return false;
    store->volume_count++;
    return true;
}

static bool open_volumes(struct store *store, struct fault *fault) {
    store->volumes = calloc(STORE_VOLUMES_MAX, sizeof *store->volumes);
    if (!store->volumes) return fault_set(fault, FAULT_MEMORY, 0, "no memory for volumes");
    for (uint32_t i = 0; i < store->manifest.volume_count; i++)
        if (!find_volume(store, &store->manifest.volumes[i], fault)) return false;
    uint32_t known = store->volume_count;
    for (size_t i = 0; i < store->options.volume_count; i++) {
        bool found = false;
        for (uint32_t v = 0; v < known && !found; v++) found = strcmp(store->volumes[v].path, store->options.volumes[i]) == 0;
        if (!found && !add_volume(store, store->options.volumes[i], fault)) return false;
    }
    store_state_filesystem(store, store->dir);
    for (uint32_t v = 0; v < store->volume_count; v++)
        store->volumes[v].filesystem = store_state_filesystem(store, store->volumes[v].path);
    return true;
}

static bool open_parts(struct store *store, struct fault *fault) {
    if (!take_lock(store->disk, store->dir, !store->opened_read_only, store->opened_read_only, &store->lock, fault)) return false;
    if (manifest_look(store->disk, store->dir) == STORE_UNFINISHED && !store->opened_read_only) {
        log_info("%s: finishing the creation of the archive", store->dir);
        if (!create_here(store->disk, &store->options, fault)) return false;
    }
    if (!manifest_load(&store->manifest, store->disk, store->dir, fault)) return false;
    if (!store->opened_read_only && !manifest_begin(&store->manifest, fault)) return false;
    if (!open_volumes(store, fault) || !store_recover(store, fault)) return false;
    if (store->opened_read_only) return true;
    if (!pool_open(&store->pool, store, fault)) return false;
    pool_kick(&store->pool);
    return true;
}

struct store *store_open(struct disk *disk, const struct store_options *options, struct fault *fault) {
    struct store *store = calloc(1, sizeof *store);
    if (!store || pthread_mutex_init(&store->mutex, NULL)) {
        free(store);
        fault_set(fault, FAULT_MEMORY, 0, "no memory for a store");
        return NULL;
    }
    store->disk = disk;
    store->opened_read_only = options->read_only;
    atomic_init(&store->read_only, options->read_only);
    atomic_init(&store->space_ok, true);
    if (copy_options(store, options, fault) && open_parts(store, fault)) {
        store->options.volumes = NULL; /* the caller's; not needed any more */
        store->options.volume_count = 0;
        return store;
    }
    store_close(store);
    return NULL;
}

/* A job that only tells that all before it are done. */
struct barrier {
    struct disk_job job;
    sem_t passed;
};

static void barrier_work(struct disk_job *job) { sem_post(&container_of(job, struct barrier, job)->passed); }

void store_settle(struct store *store) {
    struct barrier barrier = {.job = {.work = barrier_work}};
    sem_init(&barrier.passed, 0, 0);
    disk_start_job(store->disk, NULL, &barrier.job, 0);
    while (sem_wait(&barrier.passed) != 0) continue; /* EINTR */
    sem_destroy(&barrier.passed);
}

void store_close(struct store *store) {
    if (!store) return;
    atomic_store_explicit(&store->closing, true, memory_order_release);
    if (store->pool.store) {
        disk_settle(store->disk);
        pool_close(&store->pool);
    }
    store_stream_drop_all(store);
    if (store->manifest.disk) manifest_release(&store->manifest);
    if (store->lock) disk_close(store->lock);
    for (uint32_t i = 0; i < store->segment_count; i++) free(store->segments[i]);
    free(store->segments);
    free(store->volumes);
    free(store->dir);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* ---- questions ---- */

const uint8_t *store_secret(const struct store *store) { return store->manifest.archive.secret; }
const uint8_t *store_archive_id(const struct store *store) { return store->manifest.archive.id; }
bool store_is_read_only(const struct store *store) { return atomic_load_explicit(&store->read_only, memory_order_acquire); }

void store_each_segment(struct store *store, bool (*visit)(void *context, const struct store_segment *segment), void *context) {
    size_t count;
    struct segment_view *views = store_state_list(store, &count);
    for (size_t i = 0; i < count; i++) {
        struct store_segment out = {
            .number = views[i].number,
            .log = views[i].log,
            .volume = store->volumes[views[i].volume].number,
            .kind = views[i].kind,
            .sealed = views[i].sealed,
            .missing = views[i].missing,
            .end = views[i].end,
        };
        memcpy(out.id, views[i].id, RECORD_ID_BYTES);
        if (!visit(context, &out)) break;
    }
    free(views);
}
