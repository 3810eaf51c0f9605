/* SPDX-License-Identifier: Apache-2.0 */
/* store_state: the table of segments, the read-only turn, and what a failed fdatasync means for others on the same file
 * system. */
#include "engine/store/store_state.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/log.h"

/* ---- the table ---- */

static uint32_t lower_bound(const struct store *store, uint32_t number) {
    uint32_t low = 0, high = store->segment_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (store->segments[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct segment_state *store_state_find(struct store *store, uint32_t number) {
    pthread_mutex_lock(&store->mutex);
    uint32_t at = lower_bound(store, number);
    struct segment_state *found = at < store->segment_count && store->segments[at]->number == number ? store->segments[at] : NULL;
    pthread_mutex_unlock(&store->mutex);
    return found;
}

struct segment_state *store_state_add(struct store *store, const struct manifest_segment *segment, uint32_t volume) {
    struct segment_state *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    state->number = segment->number;
    state->log = segment->log;
    state->volume = volume;
    state->kind = segment->kind;
    state->created_us = segment->created_us;
    state->settled = segment->settled;
    memcpy(state->id, segment->id, RECORD_ID_BYTES);
    atomic_init(&state->file_bytes, segment->file_bytes);
    atomic_init(&state->end, segment->state == MANIFEST_SEALED ? segment->end : 4096);
    atomic_init(&state->sealed, segment->state == MANIFEST_SEALED);

    pthread_mutex_lock(&store->mutex);
    if (store->segment_count == store->segment_capacity) {
        uint32_t capacity = store->segment_capacity ? 2 * store->segment_capacity : 64;
        void *bigger = realloc(store->segments, capacity * sizeof(struct segment_state *));
        if (!bigger) {
            pthread_mutex_unlock(&store->mutex);
            free(state);
            return NULL;
        }
        store->segments = bigger;
        store->segment_capacity = capacity;
    }
    uint32_t at = lower_bound(store, segment->number);
    memmove(store->segments + at + 1, store->segments + at, (store->segment_count - at) * sizeof(struct segment_state *));
    store->segments[at] = state;
    store->segment_count++;
    pthread_mutex_unlock(&store->mutex);
    return state;
}

void store_state_drop(struct store *store, struct segment_state *segment) {
    pthread_mutex_lock(&store->mutex);
    uint32_t at = lower_bound(store, segment->number);
    invariant(at < store->segment_count && store->segments[at] == segment);
    memmove(store->segments + at, store->segments + at + 1, (store->segment_count - at - 1) * sizeof(struct segment_state *));
    store->segment_count--;
    pthread_mutex_unlock(&store->mutex);
    free(segment);
}

struct volume *store_state_volume(struct store *store, uint32_t number, uint32_t *index) {
    for (uint32_t i = 0; i < store->volume_count; i++) {
        if (store->volumes[i].number == number) {
            if (index) *index = i;
            return &store->volumes[i];
        }
    }
    return NULL;
}

uint32_t store_state_filesystem(struct store *store, const char *path) {
    int64_t id = disk_filesystem(store->disk, path);
    for (uint32_t i = 0; i < store->filesystem_count; i++)
        if (id >= 0 && store->filesystems[i].id == id) return i;
    invariant(store->filesystem_count < array_count(store->filesystems));
    store->filesystems[store->filesystem_count].id = id;
    return store->filesystem_count++;
}

/* ---- failures ---- */

void store_state_turn_read_only(struct store *store, const struct fault *why) {
    if (atomic_exchange_explicit(&store->read_only, true, memory_order_acq_rel)) return;
    log_error("THE ARCHIVE IS READ-ONLY NOW: %s. Nothing more is accepted until the server is started again.", why->text);
    if (store->options.turned_read_only) store->options.turned_read_only(store->options.context, why);
}

void store_state_sync_failed(struct store *store, uint32_t filesystem) {
    atomic_fetch_add_explicit(&store->filesystems[filesystem].sync_failures, 1, memory_order_release);
}

/* ---- recording ---- */

struct manifest_segment store_state_describe(struct store *store, const struct segment_state *segment, enum manifest_state state,
                                             uint64_t end, bool settled) {
    struct manifest_segment entry = {
        .number = segment->number,
        .log = segment->log,
        .volume = store->volumes[segment->volume].number,
        .kind = segment->kind,
        .state = state,
        .end = end,
        .created_us = segment->created_us,
        .file_bytes = atomic_load_explicit(&segment->file_bytes, memory_order_relaxed),
        .settled = settled,
    };
    memcpy(entry.id, segment->id, RECORD_ID_BYTES);
    return entry;
}

bool store_state_record(struct store *store, const struct manifest_segment *segment, struct fault *fault) {
    struct fault why;
    if (atomic_load_explicit(&store->read_only, memory_order_acquire))
        return fault_set(fault, FAULT_UNSUPPORTED, 0, "the archive is read-only");
    uint32_t before = manifest_sync_failures(&store->manifest);
    bool ok = manifest_put_segment(&store->manifest, segment, &why);
    if (manifest_sync_failures(&store->manifest) != before) store_state_sync_failed(store, 0);
    if (ok) return true;
    store_state_turn_read_only(store, &why);
    if (fault) *fault = why;
    return false;
}

/* ---- volumes ---- */

uint32_t store_state_rank_volumes(struct store *store, uint32_t wanted, uint32_t out[STORE_VOLUMES_MAX]) {
    uint64_t room[STORE_VOLUMES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < store->volume_count; i++) {
        const struct volume *volume = &store->volumes[i];
        if (volume->absent || volume->retired || (wanted != STORE_ANY_VOLUME && volume->number != wanted)) continue;
        struct disk_space space = {0};
        if (store->volume_count > 1) disk_get_space(store->disk, volume->path, &space);
        uint32_t at = count++;
        for (; at > 0 && room[at - 1] < space.free_bytes; at--) {
            room[at] = room[at - 1];
            out[at] = out[at - 1];
        }
        room[at] = space.free_bytes;
        out[at] = i;
    }
    return count;
}

/* ---- copies for readers ---- */

static struct segment_view view_of(const struct segment_state *segment) {
    struct segment_view view = {
        .number = segment->number,
        .log = segment->log,
        .volume = segment->volume,
        .kind = segment->kind,
        .sealed = atomic_load_explicit(&segment->sealed, memory_order_acquire),
        .end = atomic_load_explicit(&segment->end, memory_order_acquire),
        .missing = segment->missing,
    };
    memcpy(view.id, segment->id, RECORD_ID_BYTES);
    return view;
}

struct segment_view *store_state_list(struct store *store, size_t *count) {
    pthread_mutex_lock(&store->mutex);
    struct segment_view *views = malloc((store->segment_count + 1) * sizeof *views);
    *count = views ? store->segment_count : 0;
    for (size_t i = 0; i < *count; i++) views[i] = view_of(store->segments[i]);
    pthread_mutex_unlock(&store->mutex);
    return views;
}

bool store_state_view(struct store *store, uint32_t number, struct segment_view *view) {
    pthread_mutex_lock(&store->mutex);
    uint32_t at = lower_bound(store, number);
    bool found = at < store->segment_count && store->segments[at]->number == number;
    if (found) *view = view_of(store->segments[at]);
    pthread_mutex_unlock(&store->mutex);
    return found;
}

bool store_state_open(struct store *store, const struct segment_view *view, struct disk_file **file, struct fault *fault) {
    char path[PATH_MAX];
    volume_segment_path(&store->volumes[view->volume], view->number, path);
    if (view->missing) return fault_set(fault, FAULT_MISSING, 0, "segment %u is missing (%s)", view->number, path);
    int error = disk_open(store->disk, path, DISK_READ | (view->sealed ? 0 : DISK_DIRECT), file);
    if (error == -ENOENT) return fault_set(fault, FAULT_MISSING, 0, "segment %u is missing (%s)", view->number, path);
    return error ? fault_set_os(fault, -error, "segment %u can't be opened", view->number) : true;
}
