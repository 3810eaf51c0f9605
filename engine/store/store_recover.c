/* SPDX-License-Identifier: Apache-2.0 */
/* store_recover: see the header. Order: segments (which also tell which streamed files have records), then strange files, then
 * streamed files. */
#include "engine/store/store_recover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/log.h"
#include "engine/store/segment.h"

struct recovery {
    struct store *store;
    uint8_t (*streams)[RECORD_ID_BYTES]; /* named by records of segments whose streams may still lie in streams/new */
    size_t stream_count, stream_capacity;
    bool doubt;      /* not everything could be read: nothing is removed */
    bool no_memory;
    struct names {
        char (*items)[48];
        size_t count, capacity;
    } names;
};

static bool no_memory(struct fault *fault) { return fault_set(fault, FAULT_MEMORY, 0, "no memory to open the archive"); }

static void note_stream(void *context, const struct record *record) {
    struct recovery *recovery = context;
    if (!record->streamed || recovery->no_memory) return;
    if (recovery->stream_count == recovery->stream_capacity) {
        size_t capacity = recovery->stream_capacity ? 2 * recovery->stream_capacity : 64;
        void *bigger = realloc(recovery->streams, capacity * RECORD_ID_BYTES);
        if (!bigger) {
            recovery->no_memory = true;
            return;
        }
        recovery->streams = bigger;
        recovery->stream_capacity = capacity;
    }
    memcpy(recovery->streams[recovery->stream_count++], record->stream_file, RECORD_ID_BYTES);
}

/* ---- segments ---- */

static void header_of(struct store *store, const struct manifest_segment *entry, struct segment_header *header) {
    *header = (struct segment_header){.number = entry->number, .log = entry->log, .volume = entry->volume, .kind = entry->kind};
    memcpy(header->id, entry->id, RECORD_ID_BYTES);
    memcpy(header->archive_id, store->manifest.archive.id, RECORD_ID_BYTES);
}

enum opened { OPENED, GONE, BROKEN };

static enum opened open_segment(struct store *store, const struct volume *volume, uint32_t number, unsigned flags,
                                struct disk_file **file, struct fault *fault) {
    char path[PATH_MAX];
    volume_segment_path(volume, number, path);
    int error = volume->absent ? -ENOENT : disk_open(store->disk, path, flags, file);
    if (!error) return OPENED;
    if (error == -ENOENT || error == -ENOTDIR) {
        fault_set(fault, FAULT_MISSING, 0, "segment %u is missing (%s)", number, path);
        return GONE;
    }
    fault_set_os(fault, -error, "segment %u can't be opened (%s)", number, path);
    return BROKEN;
}

/* Strikes a segment whose file is gone, if that is accepted. A read-only store goes on listing it. */
static bool accept_missing(struct recovery *recovery, const struct manifest_segment *entry, uint32_t volume,
                           const struct fault *why, struct fault *fault) {
    struct store *store = recovery->store;
    if (!store->options.accept_missing) {
        if (fault) *fault = *why;
        return false;
    }
    log_warn("%s; accepted", why->text);
    recovery->doubt = true;
    store->missing_count++;
    struct segment_state *state = store_state_find(store, entry->number);
    if (store->opened_read_only) {
        if (!state) state = store_state_add(store, entry, volume);
        if (!state) return no_memory(fault);
        state->missing = true;
        atomic_store_explicit(&state->sealed, true, memory_order_release);
        return true;
    }
    if (state) store_state_drop(store, state);
    struct manifest_segment gone = *entry;
    gone.state = MANIFEST_GONE;
    return store_state_record(store, &gone, fault);
}

/* A segment whose end nobody recorded. */
static bool recover_active(struct recovery *recovery, struct manifest_segment entry, uint32_t volume, struct fault *fault) {
    struct store *store = recovery->store;
    struct disk_file *file;
    struct fault why;
    enum opened opened = open_segment(store, &store->volumes[volume], entry.number,
                                      (store->opened_read_only ? DISK_READ : DISK_WRITE) | DISK_DIRECT, &file, &why);
    if (opened == GONE) return accept_missing(recovery, &entry, volume, &why, fault);
    if (opened == BROKEN) {
        if (fault) *fault = why;
        return false;
    }
    struct segment_header header;
    header_of(store, &entry, &header);
    uint64_t end;
    uint32_t damaged;
    int64_t size = disk_size(file);
    bool ok = size >= 0 ? segment_find_end(file, &header, (uint64_t)size, &end, &damaged, note_stream, recovery, fault)
                        : fault_set_os(fault, (int)-size, "segment %u can't be read", entry.number);
    /* What was read may lie in the page cache or the device's only (the process was killed, not the machine): make it durable
     * before anything is built on it. */
    if (ok && !store->opened_read_only) {
        int error = disk_fdatasync(file);
        if (error) ok = fault_set_os(fault, -error, "segment %u can't be made durable", entry.number);
    }
    if (ok && damaged) {
        log_error("segment %u is damaged in %u places", entry.number, damaged);
        recovery->doubt = true;
    }
    if (ok && end > SEGMENT_HEADER_BYTES) {
        entry.state = MANIFEST_SEALED;
        entry.end = end;
        entry.file_bytes = (end + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
        entry.settled = false;
        if (!store->opened_read_only) {
            ok = store_state_record(store, &entry, fault);
            if (ok && entry.file_bytes < (uint64_t)size) disk_truncate(file, entry.file_bytes);
        }
        if (ok && !store_state_add(store, &entry, volume)) ok = no_memory(fault);
    } else if (ok && !store->opened_read_only) {
        entry.state = MANIFEST_GONE;
        ok = store_state_record(store, &entry, fault);
        char path[PATH_MAX];
        volume_segment_path(&store->volumes[volume], entry.number, path);
        if (ok) disk_unlink(store->disk, path);
    }
    disk_close(file);
    return ok;
}

/* A sealed one is read only when its streamed files may not be settled. */
static bool recover_sealed(struct recovery *recovery, const struct manifest_segment *entry, uint32_t volume,
                           struct fault *fault) {
    struct store *store = recovery->store;
    if (!entry->settled && !store->opened_read_only) {
        struct disk_file *file;
        struct fault why;
        enum opened opened = open_segment(store, &store->volumes[volume], entry->number, DISK_READ, &file, &why);
        if (opened == GONE) return accept_missing(recovery, entry, volume, &why, fault);
        if (opened == BROKEN) {
            if (fault) *fault = why;
            return false;
        }
        struct segment_header header;
        header_of(store, entry, &header);
        struct segment_scan scan;
        if (!segment_scan_init(&scan, file, &header, 0, entry->end, fault)) {
            disk_close(file);
            return false;
        }
        enum segment_step step;
        do {
            struct record record;
            struct record_frame frame;
            struct place place;
            uint64_t next;
            step = segment_scan_next(&scan, &record, &frame, &place, &next, fault);
            if (step == SEGMENT_RECORD) note_stream(recovery, &record);
            if (step == SEGMENT_DAMAGED) recovery->doubt = true;
        } while (step == SEGMENT_RECORD || step == SEGMENT_DAMAGED);
        segment_scan_release(&scan);
        disk_close(file);
        if (step == SEGMENT_FAILED) return false;
    }
    return store_state_add(store, entry, volume) || no_memory(fault);
}

static bool recover_segments(struct recovery *recovery, struct fault *fault) {
    struct store *store = recovery->store;
    uint32_t count = store->manifest.segment_count;
    for (uint32_t i = 0; i < count; i++) {
        struct manifest_segment entry = store->manifest.segments[i];
        uint32_t volume;
        if (entry.state == MANIFEST_GONE) continue;
        if (!store_state_volume(store, entry.volume, &volume))
            return fault_set(fault, FAULT_CORRUPT, 0, "%s/manifest places segment %u on a volume %u that it doesn't know",
                             store->dir, entry.number, entry.volume);
        bool ok = entry.state == MANIFEST_ACTIVE ? recover_active(recovery, entry, volume, fault)
                                                 : recover_sealed(recovery, &entry, volume, fault);
        if (!ok) return false;
    }
    return recovery->no_memory ? no_memory(fault) : true;
}

/* ---- files ---- */

static void collect(void *context, const char *name, bool is_dir, uint64_t bytes) {
    struct recovery *recovery = context;
    struct names *names = &recovery->names;
    if (is_dir || strlen(name) >= sizeof names->items[0] || recovery->no_memory) return;
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : 64;
        void *bigger = realloc(names->items, capacity * sizeof names->items[0]);
        if (!bigger) {
            recovery->no_memory = true;
            return;
        }
        names->items = bigger;
        names->capacity = capacity;
    }
    memcpy(names->items[names->count++], name, strlen(name) + 1);
}

static bool list(struct recovery *recovery, const struct volume *volume, const char *folder, struct fault *fault) {
    char path[PATH_MAX];
    volume_path(volume, folder, path);
    recovery->names.count = 0;
    int error = disk_list(recovery->store->disk, path, collect, recovery);
    if (error && error != -ENOENT) return fault_set_os(fault, -error, "folder %s can't be read", path);
    return recovery->no_memory ? no_memory(fault) : true;
}

static int compare_numbers(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Whether a file that no entry names begins with a record: then the manifest has lost something, and nothing is touched. */
static bool holds_record(struct store *store, const char *path) {
    struct disk_file *file;
    struct segment_header header;
    uint8_t *bytes = malloc(2 * SEGMENT_HEADER_BYTES);
    bool holds = true;
    if (bytes && disk_open(store->disk, path, DISK_READ, &file) == 0) {
        int64_t n = disk_read_full(file, bytes, 2 * SEGMENT_HEADER_BYTES, 0);
        struct record_frame frame;
        if (n >= 0)
            holds = n == 2 * SEGMENT_HEADER_BYTES && segment_decode(bytes, &header, NULL)
                    && record_decode_frame(slice_of(bytes + SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES), &frame, NULL)
                    && memcmp(frame.segment_id, header.id, RECORD_ID_BYTES) == 0;
        disk_close(file);
    }
    free(bytes);
    return holds;
}

static bool strange_segment(struct recovery *recovery, const struct volume *volume, uint32_t number, struct fault *fault) {
    struct store *store = recovery->store;
    char path[PATH_MAX];
    struct manifest_segment entry;
    volume_segment_path(volume, number, path);
    bool gone = manifest_get_segment(&store->manifest, number, &entry);
    if (!gone && number >= store->manifest.forgotten_below && holds_record(store, path))
        return fault_set(fault, FAULT_CORRUPT, 0, "%s holds records, but the manifest doesn't know segment %u", path, number);
    disk_unlink(store->disk, path);
    return true;
}

static bool name_missing(struct recovery *recovery, uint32_t number, uint32_t volume, struct fault *fault) {
    char path[PATH_MAX];
    struct fault why;
    struct manifest_segment entry;
    volume_segment_path(&recovery->store->volumes[volume], number, path);
    fault_set(&why, FAULT_MISSING, 0, "segment %u is missing (%s)", number, path);
    return manifest_get_segment(&recovery->store->manifest, number, &entry) &&
           accept_missing(recovery, &entry, volume, &why, fault);
}

/* Every segment of the table must be there; a file of no segment is one whose making or striking was cut short. */
static bool check_segments(struct recovery *recovery, uint32_t volume, struct fault *fault) {
    struct store *store = recovery->store;
    const struct volume *place = &store->volumes[volume];
    recovery->names.count = 0; /* what stands at the place of a volume that is absent is somebody else's */
    if (!place->absent && !list(recovery, place, "segments", fault)) return false;
    size_t count = 0;
    uint32_t *numbers = malloc((recovery->names.count + 1) * sizeof *numbers);
    if (!numbers) return no_memory(fault);
    for (size_t i = 0; i < recovery->names.count; i++) {
        char *end;
        unsigned long number = strtoul(recovery->names.items[i], &end, 10);
        if (strcmp(end, ".seg") == 0) numbers[count++] = (uint32_t)number;
    }
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    bool ok = true;
    for (uint32_t i = 0; ok && i < store->segment_count; i++) {
        const struct segment_state *segment = store->segments[i];
        if (segment->volume != volume || segment->missing) continue;
        if (!bsearch(&segment->number, numbers, count, sizeof *numbers, compare_numbers)) {
            uint32_t before = store->segment_count;
            ok = name_missing(recovery, segment->number, volume, fault);
            if (store->segment_count < before) i--;
        }
    }
    for (size_t i = 0; ok && !store->opened_read_only && i < count; i++) {
        const struct segment_state *known = store_state_find(store, numbers[i]);
        if (!known || known->volume != volume) ok = strange_segment(recovery, place, numbers[i], fault);
    }
    free(numbers);
    return ok;
}

/* ---- streamed files ---- */

static bool parse_id(const char *name, uint8_t id[RECORD_ID_BYTES]) {
    if (strlen(name) != 2 * RECORD_ID_BYTES) return false;
    for (size_t i = 0; i < RECORD_ID_BYTES; i++) {
        unsigned value;
        if (sscanf(name + 2 * i, "%2x", &value) != 1) return false;
        id[i] = (uint8_t)value;
    }
    return true;
}

static int compare_ids(const void *a, const void *b) { return memcmp(a, b, RECORD_ID_BYTES); }

static bool settle_stream(struct recovery *recovery, const struct volume *volume, const char *name, struct fault *fault) {
    uint8_t id[RECORD_ID_BYTES];
    char from[PATH_MAX], to[PATH_MAX];
    if (!parse_id(name, id)) return true;
    volume_stream_path(volume, "streams/new", id, from);
    bool kept = recovery->stream_count && bsearch(id, recovery->streams, recovery->stream_count, RECORD_ID_BYTES, compare_ids);
    int error;
    if (!kept && !recovery->doubt) {
        log_info("%s has no record and is removed: its object was never acknowledged", from);
        error = disk_unlink(recovery->store->disk, from);
    } else {
        volume_stream_path(volume, kept ? "streams" : "streams/orphaned", id, to);
        if (!kept) log_warn("%s has no record that can be read; it is kept as %s", from, to);
        error = disk_rename(recovery->store->disk, from, to);
    }
    return error ? fault_set_os(fault, -error, "%s can't be moved or removed", from) : true;
}

static bool settle_streams(struct recovery *recovery, struct fault *fault) {
    struct store *store = recovery->store;
    if (recovery->stream_count) qsort(recovery->streams, recovery->stream_count, RECORD_ID_BYTES, compare_ids);
    for (uint32_t v = 0; v < store->volume_count; v++) {
        const struct volume *volume = &store->volumes[v];
        if (volume->absent) continue;
        if (!list(recovery, volume, "streams/new", fault)) return false;
        for (size_t i = 0; i < recovery->names.count; i++)
            if (!settle_stream(recovery, volume, recovery->names.items[i], fault)) return false;
        char path[PATH_MAX];
        volume_path(volume, "streams", path);
        int error = disk_sync_dir(store->disk, path); /* also of renames that a killed process made */
        if (error) return fault_set_os(fault, -error, "folder %s can't be made durable", path);
    }
    for (uint32_t i = 0; i < store->segment_count; i++) {
        struct segment_state *segment = store->segments[i];
        if (segment->settled || segment->missing) continue;
        uint64_t end = atomic_load_explicit(&segment->end, memory_order_acquire);
        struct manifest_segment entry = store_state_describe(store, segment, MANIFEST_SEALED, end, true);
        if (!store_state_record(store, &entry, fault)) return false;
        segment->settled = true;
    }
    return true;
}

bool store_recover(struct store *store, struct fault *fault) {
    struct recovery recovery = {.store = store};
    bool ok = recover_segments(&recovery, fault);
    for (uint32_t v = 0; ok && v < store->volume_count; v++) ok = check_segments(&recovery, v, fault);
    if (ok && !store->opened_read_only) ok = settle_streams(&recovery, fault);
    free(recovery.streams);
    free(recovery.names.items);
    return ok;
}
