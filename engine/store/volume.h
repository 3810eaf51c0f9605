/* SPDX-License-Identifier: Apache-2.0 */
/* volume: a folder on some file system that holds segments, streamed files and prepared files. A marker file in it says which
 * volume of which archive it is, so that volumes are recognised wherever they are mounted, and an empty mount point isn't taken
 * for one. At open and creation; paths from any thread. */
#ifndef LEAT_STORE_VOLUME_H
#define LEAT_STORE_VOLUME_H

#include <limits.h>

#include "engine/base/fault.h"
#include "engine/store/disk.h"
#include "engine/store/record.h"

#define VOLUME_MARKER_BYTES 64u

struct volume {
    uint32_t number;
    uint8_t id[RECORD_ID_BYTES];
    char path[PATH_MAX - 256]; /* room for the names in it */
    uint32_t filesystem; /* index in store.filesystems */
    bool absent;         /* nothing of it can be read (accept_missing) */
    bool retired;        /* no longer among the configured folders: read, never written to */
};

struct volume_marker {
    uint32_t number;
    uint8_t archive_id[RECORD_ID_BYTES];
    uint8_t id[RECORD_ID_BYTES];
};

/* Makes a folder and those above it, each durable. */
bool volume_make_folder(struct disk *disk, const char *path, struct fault *fault);
/* The folder itself, those in it, and the marker: durable. */
bool volume_create(struct disk *disk, const struct volume *volume, const uint8_t archive_id[RECORD_ID_BYTES],
                   struct fault *fault);

enum volume_found { VOLUME_FOUND, VOLUME_NONE, VOLUME_BAD, VOLUME_UNREADABLE };
enum volume_found volume_read_marker(struct disk *disk, const char *path, struct volume_marker *marker, struct fault *fault);
/* Whether there are names in path/folder. */
bool volume_holds_files(struct disk *disk, const char *path, const char *folder);

void volume_segment_path(const struct volume *volume, uint32_t number, char out[PATH_MAX]);
void volume_stream_path(const struct volume *volume, const char *folder, const uint8_t id[RECORD_ID_BYTES], char out[PATH_MAX]);
void volume_path(const struct volume *volume, const char *name, char out[PATH_MAX]);

#endif
