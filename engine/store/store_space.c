/* SPDX-License-Identifier: Apache-2.0 */
/* store_space: how much room there is and how much is used. Any thread. */
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/store/store_state.h"

#define ASK_EVERY_MS 100u

static bool is_low(const struct store *store, const struct disk_space *space) {
    uint64_t percent = space->total_bytes / 100 * store->options.watermark_percent;
    uint64_t mark = store->options.watermark_bytes > percent ? store->options.watermark_bytes : percent;
    return space->free_bytes < mark;
}

bool store_space(struct store *store) {
    uint64_t now = clock_monotonic_ms();
    if (now < atomic_load_explicit(&store->space_due_ms, memory_order_relaxed))
        return atomic_load_explicit(&store->space_ok, memory_order_relaxed);
    atomic_store_explicit(&store->space_due_ms, now + ASK_EVERY_MS, memory_order_relaxed);
    bool ok = false;
    struct disk_space elsewhere;
    if (store->watched && disk_get_space(store->disk, store->watched, &elsewhere) == 0 && is_low(store, &elsewhere)) {
        atomic_store_explicit(&store->space_ok, false, memory_order_relaxed);
        return false;
    }
    for (uint32_t i = 0; i < store->volume_count && !ok; i++) {
        const struct volume *volume = &store->volumes[i];
        struct disk_space space;
        if (volume->absent || volume->retired) continue;
        /* A file system that can't be asked is no reason to refuse: the write will tell. */
        ok = disk_get_space(store->disk, volume->path, &space) != 0 || !is_low(store, &space);
    }
    atomic_store_explicit(&store->space_ok, ok, memory_order_relaxed);
    return ok;
}

void store_watch_space(struct store *store, const char *path) { store->watched = path; }

static void add_bytes(void *context, const char *name, bool is_dir, uint64_t bytes) {
    if (!is_dir) *(uint64_t *)context += bytes;
}

static void count_volume(struct store *store, uint32_t index, struct store_volume *out) {
    static const char *const folders[] = {"segments", "pool", "streams", "streams/new", "streams/orphaned"};
    const struct volume *volume = &store->volumes[index];
    struct disk_space space = {0};
    *out = (struct store_volume){.number = volume->number, .path = volume->path};
    if (volume->absent) return;
    if (disk_get_space(store->disk, volume->path, &space) == 0) out->low = is_low(store, &space);
    out->free_bytes = space.free_bytes;
    out->total_bytes = space.total_bytes;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_MAX];
        volume_path(volume, folders[i], path);
        disk_list(store->disk, path, add_bytes, &out->disk_bytes);
    }
}

void store_get_statistics(struct store *store, struct store_statistics *statistics) {
    memset(statistics, 0, sizeof *statistics);
    statistics->volume_count = store->volume_count;
    for (uint32_t i = 0; i < store->volume_count; i++) count_volume(store, i, &statistics->volumes[i]);
    size_t count;
    struct segment_view *views = store_state_list(store, &count);
    for (size_t i = 0; i < count; i++) {
        struct store_volume *volume = &statistics->volumes[views[i].volume];
        if (views[i].missing) {
            statistics->missing_segments++;
            continue;
        }
        volume->segments++;
        volume->segment_bytes += views[i].end;
        statistics->segments++;
    }
    free(views);
    for (uint32_t i = 0; i < store->volume_count; i++) statistics->disk_bytes += statistics->volumes[i].disk_bytes;
    pthread_mutex_lock(&store->manifest.mutex);
    statistics->disk_bytes += store->manifest.disk_bytes;
    pthread_mutex_unlock(&store->manifest.mutex);
}
