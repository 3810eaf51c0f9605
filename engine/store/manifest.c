/* SPDX-License-Identifier: Apache-2.0 */
/* manifest: the table in memory, and how entries reach the disk: appended one by one, or all at once as a new file. The entries'
 * bytes are manifest_entry.c's. */
#include "engine/store/manifest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/base/random.h"
#include "engine/store/manifest_entry.h"

#define ALLOCATE_BYTES (64u * 1024u)
#define REWRITE_ENTRIES 256u /* a manifest with fewer superseded ones than this isn't worth a rewrite */

static void path_of(const struct manifest *manifest, const char *name, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s/%s", manifest->dir, name);
}

/* A file that can't be opened for another reason than that it isn't there counts as there: nothing may be created over it. */
static bool there(struct disk *disk, const char *dir, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    struct disk_file *file;
    int error = disk_open(disk, path, DISK_READ, &file);
    if (!error) disk_close(file);
    return error != -ENOENT && error != -ENOTDIR;
}

enum store_presence manifest_look(struct disk *disk, const char *dir) {
    if (there(disk, dir, "manifest")) return STORE_PRESENT;
    return there(disk, dir, "manifest.new") ? STORE_UNFINISHED : STORE_ABSENT;
}

static bool init(struct manifest *manifest, struct disk *disk, const char *dir) {
    *manifest = (struct manifest){.disk = disk, .dir = dir};
    return pthread_mutex_init(&manifest->mutex, NULL) == 0;
}

void manifest_release(struct manifest *manifest) {
    if (manifest->file) disk_close(manifest->file);
    manifest->file = NULL;
    free(manifest->segments);
    manifest->segments = NULL;
    pthread_mutex_destroy(&manifest->mutex);
    manifest->disk = NULL;
}

/* ---- the table ---- */

static struct manifest_segment *find(struct manifest *manifest, uint32_t number) {
    uint32_t low = 0, high = manifest->segment_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (manifest->segments[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < manifest->segment_count && manifest->segments[low].number == number ? &manifest->segments[low] : NULL;
}

static bool remember(struct manifest *manifest, const struct manifest_segment *segment, struct fault *fault) {
    struct manifest_segment *known = find(manifest, segment->number);
    if (known) {
        *known = *segment;
        return true;
    }
    if (manifest->segment_count == manifest->segment_capacity) {
        uint32_t capacity = manifest->segment_capacity ? manifest->segment_capacity * 2 : 64;
        void *bigger = realloc(manifest->segments, capacity * sizeof *manifest->segments);
        if (!bigger) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a table of %u segments", capacity);
        manifest->segments = bigger;
        manifest->segment_capacity = capacity;
    }
    uint32_t at = manifest->segment_count++;
    for (; at > 0 && manifest->segments[at - 1].number > segment->number; at--)
        manifest->segments[at] = manifest->segments[at - 1];
    manifest->segments[at] = *segment;
    if (segment->number >= manifest->archive.next_segment) manifest->archive.next_segment = segment->number + 1;
    return true;
}

static void remember_volume(struct manifest *manifest, const struct manifest_volume *volume) {
    for (uint32_t i = 0; i < manifest->volume_count; i++) {
        if (manifest->volumes[i].number == volume->number) {
            manifest->volumes[i] = *volume;
            return;
        }
    }
    if (manifest->volume_count < STORE_VOLUMES_MAX) manifest->volumes[manifest->volume_count++] = *volume;
}

uint32_t manifest_take_number(struct manifest *manifest) {
    pthread_mutex_lock(&manifest->mutex);
    uint32_t number = manifest->archive.next_segment++;
    pthread_mutex_unlock(&manifest->mutex);
    return number;
}

uint32_t manifest_sync_failures(struct manifest *manifest) {
    pthread_mutex_lock(&manifest->mutex);
    uint32_t failures = manifest->sync_failures;
    pthread_mutex_unlock(&manifest->mutex);
    return failures;
}

bool manifest_get_segment(struct manifest *manifest, uint32_t number, struct manifest_segment *segment) {
    pthread_mutex_lock(&manifest->mutex);
    const struct manifest_segment *known = find(manifest, number);
    if (known) *segment = *known;
    pthread_mutex_unlock(&manifest->mutex);
    return known;
}

/* ---- a whole new file ---- */

/* Entries go out through a buffer. */
struct output {
    struct disk_file *file;
    uint64_t at;
    size_t used;
    uint8_t buffer[64 * MANIFEST_ENTRY_BYTES];
    int error;
};

static void flush(struct output *out) {
    if (!out->error && out->used) out->error = disk_write_full(out->file, out->buffer, out->used, out->at);
    out->at += out->used;
    out->used = 0;
}

static uint8_t *room(struct output *out) {
    if (out->used == sizeof out->buffer) flush(out);
    uint8_t *entry = out->buffer + out->used;
    out->used += MANIFEST_ENTRY_BYTES;
    return entry;
}

static uint32_t live_entries(const struct manifest *manifest) {
    uint32_t live = 1 + manifest->volume_count;
    for (uint32_t i = 0; i < manifest->segment_count; i++) live += manifest->segments[i].state != MANIFEST_GONE;
    return live;
}

/* Every entry says that all of them are durable: the file has its name only after they are. */
static int write_all(struct manifest *manifest, struct disk_file *file, uint64_t *bytes) {
    struct output out = {.file = file};
    *bytes = (uint64_t)live_entries(manifest) * MANIFEST_ENTRY_BYTES;
    manifest_entry_archive(&manifest->archive, *bytes, room(&out));
    for (uint32_t i = 0; i < manifest->volume_count; i++) manifest_entry_volume(&manifest->volumes[i], *bytes, room(&out));
    for (uint32_t i = 0; i < manifest->segment_count; i++)
        if (manifest->segments[i].state != MANIFEST_GONE) manifest_entry_segment(&manifest->segments[i], *bytes, room(&out));
    flush(&out);
    return out.error;
}

/* Writes everything to manifest.new and makes it durable. The file stays open. */
static bool write_new(struct manifest *manifest, struct disk_file **file, uint64_t *bytes, uint64_t *allocated,
                      struct fault *fault) {
    char path[PATH_MAX];
    path_of(manifest, "manifest.new", path);
    disk_unlink(manifest->disk, path); /* of a creation or rewrite that was cut short */
    int error = disk_open(manifest->disk, path, DISK_WRITE | DISK_CREATE, file);
    if (error) return fault_set_os(fault, -error, "%s can't be created", path);
    error = write_all(manifest, *file, bytes);
    *allocated = (*bytes + 2 * ALLOCATE_BYTES - 1) / ALLOCATE_BYTES * ALLOCATE_BYTES;
    if (!error) error = disk_allocate(*file, *allocated);
    if (!error) {
        error = disk_fdatasync(*file);
        if (!error) error = disk_sync_dir(manifest->disk, manifest->dir);
        if (error) manifest->sync_failures++;
    }
    if (!error) return true;
    disk_close(*file);
    *file = NULL;
    return fault_set_os(fault, -error, "%s can't be written", path);
}

static bool publish(struct manifest *manifest, struct fault *fault) {
    char from[PATH_MAX], to[PATH_MAX];
    path_of(manifest, "manifest.new", from);
    path_of(manifest, "manifest", to);
    int error = disk_rename(manifest->disk, from, to);
    if (!error) {
        error = disk_sync_dir(manifest->disk, manifest->dir);
        if (error) manifest->sync_failures++;
    }
    return error ? fault_set_os(fault, -error, "%s can't be renamed", from) : true;
}

static bool rewrite(struct manifest *manifest, struct fault *fault) {
    struct disk_file *file = NULL;
    uint64_t bytes, allocated;
    if (!write_new(manifest, &file, &bytes, &allocated, fault)) return false;
    if (!publish(manifest, fault)) {
        disk_close(file);
        return false;
    }
    if (manifest->file) disk_close(manifest->file);
    manifest->file = file;
    manifest->bytes = bytes;
    manifest->allocated = manifest->disk_bytes = allocated;
    manifest->entry_count = (uint32_t)(bytes / MANIFEST_ENTRY_BYTES);
    manifest->torn = false;
    return true;
}

bool manifest_prepare(struct manifest *manifest, struct disk *disk, const char *dir, const struct manifest_volume *volumes,
                      uint32_t volume_count, struct fault *fault) {
    if (!init(manifest, disk, dir)) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a manifest");
    random_bytes(manifest->archive.id, sizeof manifest->archive.id);
    random_bytes(manifest->archive.secret, sizeof manifest->archive.secret);
    manifest->archive.created_us = clock_wall_us();
    manifest->archive.next_segment = 1;
    invariant(volume_count <= STORE_VOLUMES_MAX);
    for (uint32_t i = 0; i < volume_count; i++) manifest->volumes[i] = volumes[i];
    manifest->volume_count = volume_count;
    struct disk_file *file = NULL;
    uint64_t bytes, allocated;
    if (!write_new(manifest, &file, &bytes, &allocated, fault)) return false;
    disk_close(file);
    return true;
}

bool manifest_publish(struct manifest *manifest, struct fault *fault) { return publish(manifest, fault); }

/* ---- loading ---- */

static bool load_entry(struct manifest *manifest, const uint8_t *entry, struct fault *fault) {
    struct manifest_segment segment;
    struct manifest_volume volume;
    switch (manifest_entry_type(entry)) {
    case MANIFEST_ENTRY_ARCHIVE: manifest_entry_read_archive(entry, &manifest->archive); return true;
    case MANIFEST_ENTRY_VOLUME:
        manifest_entry_read_volume(entry, &volume);
        remember_volume(manifest, &volume);
        return true;
    case MANIFEST_ENTRY_SEGMENT: manifest_entry_read_segment(entry, &segment); return remember(manifest, &segment, fault);
    default: return true; /* a kind of entry that a later leat added within this version */
    }
}

/* How far the entries are whole, and how far they say that the file was durable once. */
struct survey {
    uint64_t whole, durable;
    bool newer, torn;
};

static struct survey look_over(const uint8_t *bytes, size_t length) {
    struct survey survey = {.whole = UINT64_MAX, .torn = length % MANIFEST_ENTRY_BYTES != 0};
    size_t at = 0;
    for (; at + MANIFEST_ENTRY_BYTES <= length; at += MANIFEST_ENTRY_BYTES) {
        enum manifest_entry_check check = manifest_entry_check(bytes + at);
        if (check == MANIFEST_ENTRY_NEWER) survey.newer = true;
        if (check == MANIFEST_ENTRY_GOOD) {
            uint64_t durable = manifest_entry_durable(bytes + at);
            if (durable > survey.durable) survey.durable = durable;
            if (survey.whole != UINT64_MAX) survey.torn = true; /* behind a torn one */
        } else {
            if (survey.whole == UINT64_MAX) survey.whole = at;
            if (check == MANIFEST_ENTRY_BAD) survey.torn = true;
        }
    }
    if (survey.whole == UINT64_MAX) survey.whole = at;
    return survey;
}

/* Entries are whole up to where they were durable, or the file is damaged. What lies behind the first torn one was never durable:
 * it is as if it were not there. */
static bool load_entries(struct manifest *manifest, const uint8_t *bytes, size_t length, struct fault *fault) {
    struct survey survey = look_over(bytes, length);
    if (survey.newer)
        return fault_set(fault, FAULT_NEWER_FORMAT, 0, "%s/manifest was written by a later leat (its format version is above %u)",
                         manifest->dir, STORE_FORMAT_VERSION);
    if (survey.whole < survey.durable || survey.whole == 0 || manifest_entry_type(bytes) != MANIFEST_ENTRY_ARCHIVE)
        return fault_set(fault, FAULT_CORRUPT, survey.whole, "%s/manifest is damaged at offset %llu", manifest->dir,
                         (unsigned long long)survey.whole);
    for (size_t at = 0; at < survey.whole; at += MANIFEST_ENTRY_BYTES) {
        if (!load_entry(manifest, bytes + at, fault)) return false;
        manifest->entry_count++;
    }
    struct manifest_archive first;
    manifest_entry_read_archive(bytes, &first);
    manifest->forgotten_below = first.next_segment;
    manifest->bytes = survey.whole;
    manifest->torn = survey.torn;
    return true;
}

static bool load_file(struct manifest *manifest, struct disk_file *file, struct fault *fault) {
    int64_t size = disk_size(file);
    if (size < 0) return fault_set_os(fault, (int)-size, "%s/manifest can't be read", manifest->dir);
    uint8_t *bytes = malloc((size_t)size + 1);
    if (!bytes) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a manifest of %lld bytes", (long long)size);
    int64_t n = disk_read_full(file, bytes, (size_t)size, 0);
    bool ok = n >= 0 ? load_entries(manifest, bytes, (size_t)n, fault)
                     : fault_set_os(fault, (int)-n, "%s/manifest can't be read", manifest->dir);
    manifest->allocated = manifest->disk_bytes = (uint64_t)size;
    free(bytes);
    return ok;
}

bool manifest_load(struct manifest *manifest, struct disk *disk, const char *dir, struct fault *fault) {
    if (!init(manifest, disk, dir)) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a manifest");
    char path[PATH_MAX];
    path_of(manifest, "manifest", path);
    struct disk_file *file;
    int error = disk_open(disk, path, DISK_READ, &file);
    if (error == -ENOENT || error == -ENOTDIR) {
        fault_set(fault, FAULT_MISSING, 0, "%s holds no archive (there is no manifest in it)", dir);
    } else if (error) {
        fault_set_os(fault, -error, "%s can't be opened", path);
    } else {
        bool ok = load_file(manifest, file, fault);
        disk_close(file);
        if (ok) return true;
    }
    manifest_release(manifest);
    return false;
}

bool manifest_begin(struct manifest *manifest, struct fault *fault) {
    char path[PATH_MAX];
    if (manifest->torn || manifest->entry_count > 2 * live_entries(manifest) + REWRITE_ENTRIES) return rewrite(manifest, fault);
    path_of(manifest, "manifest.new", path);
    disk_unlink(manifest->disk, path); /* of a rewrite that was cut short */
    path_of(manifest, "manifest", path);
    int error = disk_open(manifest->disk, path, DISK_WRITE, &manifest->file);
    if (error) return fault_set_os(fault, -error, "%s can't be opened for writing", path);
    /* What was read may still be on its way to the disk: a power cut after a crash of the process alone must not take it back. */
    error = disk_fdatasync(manifest->file);
    if (!error) error = disk_sync_dir(manifest->disk, manifest->dir);
    return error ? fault_set_os(fault, -error, "%s can't be made durable", path) : true;
}

/* ---- appending ---- */

static bool reserve(struct manifest *manifest, uint64_t bytes, struct fault *fault) {
    if (manifest->bytes + bytes <= manifest->allocated) return true;
    uint64_t want = (manifest->bytes + bytes + ALLOCATE_BYTES - 1) / ALLOCATE_BYTES * ALLOCATE_BYTES;
    int error = disk_allocate(manifest->file, want);
    if (error) return fault_set_os(fault, -error, "%s/manifest can't grow", manifest->dir);
    manifest->allocated = manifest->disk_bytes = want;
    return true;
}

bool manifest_reserve(struct manifest *manifest, uint32_t entries, struct fault *fault) {
    pthread_mutex_lock(&manifest->mutex);
    bool ok = manifest->broken ? fault_set(fault, FAULT_IO, 0, "%s/manifest can't be written any more", manifest->dir)
                               : reserve(manifest, (uint64_t)entries * MANIFEST_ENTRY_BYTES, fault);
    pthread_mutex_unlock(&manifest->mutex);
    return ok;
}

/* The table holds it already. */
static bool append(struct manifest *manifest, const uint8_t entry[MANIFEST_ENTRY_BYTES], struct fault *fault) {
    if (manifest->broken || !manifest->file)
        return fault_set(fault, FAULT_IO, 0, "%s/manifest can't be written any more", manifest->dir);
    struct fault why;
    int error = 0;
    if (reserve(manifest, MANIFEST_ENTRY_BYTES, &why)) {
        error = disk_write_full(manifest->file, entry, MANIFEST_ENTRY_BYTES, manifest->bytes);
        if (!error) {
            error = disk_fdatasync(manifest->file);
            if (error) manifest->sync_failures++;
        }
        if (!error) {
            manifest->bytes += MANIFEST_ENTRY_BYTES;
            manifest->entry_count++;
            return true;
        }
        fault_set_os(&why, -error, "%s/manifest can't be written", manifest->dir);
    }
    log_warn("%s; writing it anew", why.text);
    if (rewrite(manifest, fault)) return true;
    manifest->broken = true;
    return false;
}

bool manifest_put_segment(struct manifest *manifest, const struct manifest_segment *segment, struct fault *fault) {
    uint8_t entry[MANIFEST_ENTRY_BYTES];
    pthread_mutex_lock(&manifest->mutex);
    manifest_entry_segment(segment, manifest->bytes, entry);
    bool ok = remember(manifest, segment, fault) && append(manifest, entry, fault);
    pthread_mutex_unlock(&manifest->mutex);
    return ok;
}

bool manifest_put_volume(struct manifest *manifest, const struct manifest_volume *volume, struct fault *fault) {
    uint8_t entry[MANIFEST_ENTRY_BYTES];
    pthread_mutex_lock(&manifest->mutex);
    manifest_entry_volume(volume, manifest->bytes, entry);
    remember_volume(manifest, volume);
    bool ok = append(manifest, entry, fault);
    pthread_mutex_unlock(&manifest->mutex);
    return ok;
}
