/* SPDX-License-Identifier: Apache-2.0 */
/* manifest: what an archive consists of: its id and secret, its volumes, its segments with their sealed ends. On disk an
 * append-only file of entries of 256 bytes, each made durable before the next; in memory a table in which the last entry about a
 * thing wins.
 *
 * Life: manifest_create (once, for a new archive) | manifest_load -> { manifest_put_..., any thread } -> manifest_release.
 * An append that fails is tried once more as a whole new file (rewrite and rename): nothing is retried on the old file
 * descriptor. When that fails too, the manifest is broken and refuses everything (the store turns read-only). */
#ifndef LEAT_STORE_MANIFEST_H
#define LEAT_STORE_MANIFEST_H

#include <pthread.h>

#include "engine/store/store.h"

#define MANIFEST_ENTRY_BYTES 256u
#define MANIFEST_PATH_BYTES 214u /* a volume's path, with its final NUL */

enum manifest_state {
    MANIFEST_ACTIVE = 1, /* being written to, or was when the server stopped: its end is to be found */
    MANIFEST_SEALED = 2, /* records lie in [4096, end) and nowhere else */
    MANIFEST_GONE = 3,   /* never held a record, was recycled, or is missing and that was accepted */
};

struct manifest_segment {
    uint32_t number, log, volume;
    uint8_t id[RECORD_ID_BYTES];
    enum store_kind kind;
    enum manifest_state state;
    uint64_t end; /* when sealed */
    uint64_t created_us, file_bytes;
    bool settled; /* every streamed file that its records name has left streams/new */
};

struct manifest_volume {
    uint32_t number;
    uint8_t id[RECORD_ID_BYTES];
    char path[MANIFEST_PATH_BYTES]; /* "." = the archive's own folder */
};

struct manifest_archive {
    uint8_t id[RECORD_ID_BYTES];
    uint8_t secret[DIGEST_SECRET_BYTES];
    uint64_t created_us;
    uint32_t next_segment; /* numbers are never used twice */
};

struct manifest {
    struct disk *disk;
    const char *dir; /* borrowed */
    struct manifest_archive archive;
    struct manifest_volume volumes[STORE_VOLUMES_MAX];
    uint32_t volume_count;
    struct manifest_segment *segments; /* by number, gone ones too until the next rewrite */
    uint32_t segment_count, segment_capacity;
    /* the file */
    struct disk_file *file; /* NULL: not open for writing */
    uint64_t bytes;         /* of entries; the next one goes there */
    uint64_t allocated;
    uint64_t disk_bytes;
    uint32_t entry_count;
    bool torn;   /* an entry was cut short at the end: rewrite before the first append */
    bool broken; /* nothing can be recorded any more */
    uint32_t forgotten_below; /* segments with lower numbers and no entry were struck before the last rewrite */
    uint32_t sync_failures; /* the store has to tell the logs on this file system */
    pthread_mutex_t mutex; /* over everything above once the store is open */
};

/* Whether DIR/manifest and DIR/manifest.new are there. */
enum store_presence manifest_look(struct disk *disk, const char *dir);

/* Writes manifest.new with fresh id and secret and makes it durable; does not yet rename it. */
bool manifest_prepare(struct manifest *manifest, struct disk *disk, const char *dir, const struct manifest_volume *volumes,
                      uint32_t volume_count, struct fault *fault);
/* manifest.new becomes the manifest: from here on the archive exists. */
bool manifest_publish(struct manifest *manifest, struct fault *fault);

/* Reads DIR/manifest. FAULT_MISSING, FAULT_NEWER_FORMAT, FAULT_CORRUPT (damage that is no torn end), FAULT_IO. */
bool manifest_load(struct manifest *manifest, struct disk *disk, const char *dir, struct fault *fault);
/* Opens it for appending; rewrites it when it was torn or holds much that is superseded. */
bool manifest_begin(struct manifest *manifest, struct fault *fault);
void manifest_release(struct manifest *manifest);

/* Makes room ahead, so that the next `entries` appends can't run out of space. */
bool manifest_reserve(struct manifest *manifest, uint32_t entries, struct fault *fault);

/* Records, durable when true is returned. Any thread; blocks. */
bool manifest_put_segment(struct manifest *manifest, const struct manifest_segment *segment, struct fault *fault);
bool manifest_put_volume(struct manifest *manifest, const struct manifest_volume *volume, struct fault *fault);
/* A number for a new segment, never given before. */
uint32_t manifest_take_number(struct manifest *manifest);

/* How often an fdatasync of the manifest has failed so far. Any thread. */
uint32_t manifest_sync_failures(struct manifest *manifest);

/* Copies the entry; false: no such segment. Any thread. */
bool manifest_get_segment(struct manifest *manifest, uint32_t number, struct manifest_segment *segment);

#endif
