/* SPDX-License-Identifier: Apache-2.0 */
/* store_state: struct store, for the files of engine/store only. Who writes what:
 *   - volumes, filesystems, options: store_open; constant from then on (but the atomics);
 *   - the table of segments: under store.mutex; a segment_state stays where it is until store_close. Its `end` is its log
 *     writer's to raise while it is active; the seal is the background thread's;
 *   - the manifest: under its own mutex. */
#ifndef LEAT_STORE_STORE_STATE_H
#define LEAT_STORE_STORE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/store/manifest.h"
#include "engine/store/pool.h"
#include "engine/store/store.h"
#include "engine/store/volume.h"

/* A segment, from when it has a name until the store is closed. */
struct segment_state {
    uint32_t number, log, volume; /* volume: index in store.volumes */
    enum store_kind kind;
    uint8_t id[RECORD_ID_BYTES];
    uint64_t created_us;
    _Atomic uint64_t file_bytes;    /* relaxed: a statistic */
    _Atomic uint64_t end;           /* release by the writer after an fdatasync, acquire by readers: records below it are whole */
    _Atomic bool sealed;            /* release after `end` is final, acquire by readers */
    bool missing;                   /* constant after open */
    bool written_before; /* its blocks were: it may go to the pool when it stays empty. Its writer's, then the seal's */
    bool settled;                   /* recorded so; under store.mutex */
    uint32_t unsettled;             /* streamed files of its records that still lie in streams/new; under store.mutex */
};

struct filesystem {
    int64_t id;
    _Atomic uint32_t sync_failures; /* release after a failed fdatasync, acquire by every log writer on it */
};

struct store {
    struct disk *disk;
    struct store_options options; /* dir and volumes point to what is below */
    char *dir;
    struct disk_file *lock;
    struct manifest manifest;
    struct volume *volumes;
    uint32_t volume_count;
    struct filesystem filesystems[STORE_VOLUMES_MAX + 1]; /* the first is the one of dir */
    uint32_t filesystem_count;

    pthread_mutex_t mutex;
    struct segment_state **segments; /* by number */
    uint32_t segment_count, segment_capacity;
    uint32_t missing_count;

    atomic_bool read_only; /* release when it turns, acquire by askers */
    bool opened_read_only;
    atomic_bool closing;   /* release by store_close, acquire by the pool's job */
    _Atomic uint64_t activity; /* relaxed: writes begun; the pool's job compares two looks at it */

    _Atomic uint64_t space_due_ms; /* relaxed: when to ask the file systems again */
    atomic_bool space_ok;          /* relaxed */
    const char *watched;           /* another folder whose file system must stay above the watermark, or NULL; constant */

    struct pool pool;
    struct store_stream *streams; /* all that live, a list; under store.mutex */
};

/* ---- store_state.c ---- */
struct segment_state *store_state_find(struct store *store, uint32_t number); /* NULL: no such one */
/* NULL: no memory. */
struct segment_state *store_state_add(struct store *store, const struct manifest_segment *segment, uint32_t volume);
void store_state_drop(struct store *store, struct segment_state *segment); /* from the table; freed */
struct volume *store_state_volume(struct store *store, uint32_t number, uint32_t *index);
/* Its index; a path that can't be asked about is a file system of its own. */
uint32_t store_state_filesystem(struct store *store, const char *path);

/* Loudly, once. */
void store_state_turn_read_only(struct store *store, const struct fault *why);
/* After any fdatasync or directory fsync that failed there. */
void store_state_sync_failed(struct store *store, uint32_t filesystem);
/* Records the segment; when that can't be done at all, the store turns read-only. Blocks. */
bool store_state_record(struct store *store, const struct manifest_segment *segment, struct fault *fault);
/* What the manifest would say of it. */
struct manifest_segment store_state_describe(struct store *store, const struct segment_state *segment, enum manifest_state state,
                                             uint64_t end, bool settled);
/* A copy of the table's entries, by number; free() it. NULL: no memory. */
struct segment_view {
    uint32_t number, log, volume; /* volume: index */
    enum store_kind kind;
    uint8_t id[RECORD_ID_BYTES];
    uint64_t end;
    bool sealed, missing;
};
struct segment_view *store_state_list(struct store *store, size_t *count);
/* False: no such segment. */
bool store_state_view(struct store *store, uint32_t number, struct segment_view *view);
/* Opens it for reading: past the page cache while it is written to. */
bool store_state_open(struct store *store, const struct segment_view *view, struct disk_file **file, struct fault *fault);

/* ---- store_stream.c ---- */
void store_stream_drop_all(struct store *store); /* what nobody finished; at the end only */

/* Volumes that may be written to, most room first; returns how many. */
uint32_t store_state_rank_volumes(struct store *store, uint32_t wanted, uint32_t out[STORE_VOLUMES_MAX]);

#endif
