/* SPDX-License-Identifier: Apache-2.0 */
/* volume: folders, marker, paths. */
#include "engine/store/volume.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/checksum.h"

enum { AT_MAGIC = 0, AT_VERSION = 4, AT_NUMBER = 8, AT_ARCHIVE_ID = 12, AT_ID = 28, AT_CRC = VOLUME_MARKER_BYTES - 4 };
_Static_assert(AT_ID == AT_ARCHIVE_ID + RECORD_ID_BYTES && AT_ID + RECORD_ID_BYTES <= AT_CRC, "two ids of 16 bytes");
#define MAGIC 0x4C4F564Cu /* "LVOL" */
#define VERSION 1u

static const char *const folders[] = {"segments", "pool", "streams", "streams/new", "streams/orphaned"};

void volume_path(const struct volume *volume, const char *name, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s/%s", volume->path, name);
}

void volume_segment_path(const struct volume *volume, uint32_t number, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s/segments/%010u.seg", volume->path, number);
}

void volume_stream_path(const struct volume *volume, const char *folder, const uint8_t id[RECORD_ID_BYTES], char out[PATH_MAX]) {
    char hex[2 * RECORD_ID_BYTES + 1];
    for (size_t i = 0; i < RECORD_ID_BYTES; i++) snprintf(hex + 2 * i, 3, "%02x", id[i]);
    snprintf(out, PATH_MAX, "%s/%s/%s", volume->path, folder, hex);
}

static void parent_of(const char *path, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s", path);
    char *slash = strrchr(out, '/');
    if (!slash)
        snprintf(out, PATH_MAX, ".");
    else if (slash == out)
        out[1] = 0;
    else
        *slash = 0;
}

/* Creates one folder; an existing one is fine. What was there before a crash may still be on its way to the disk, so it is made
 * durable either way. */
static int make_one(struct disk *disk, const char *path) {
    char parent[PATH_MAX];
    int error = disk_mkdir(disk, path);
    if (error == -EEXIST) error = 0;
    if (error) return error;
    parent_of(path, parent);
    return disk_sync_dir(disk, parent);
}

bool volume_make_folder(struct disk *disk, const char *path, struct fault *fault) {
    char parent[PATH_MAX];
    int error = make_one(disk, path);
    if (error == -ENOENT) {
        parent_of(path, parent);
        if (strcmp(parent, path) != 0 && volume_make_folder(disk, parent, fault)) error = make_one(disk, path);
    }
    return error ? fault_set_os(fault, -error, "folder %s can't be made", path) : true;
}

static int write_marker(struct disk *disk, const struct volume *volume, const uint8_t archive_id[RECORD_ID_BYTES]) {
    uint8_t marker[VOLUME_MARKER_BYTES] = {0};
    store_le32(marker + AT_MAGIC, MAGIC);
    store_le16(marker + AT_VERSION, VERSION);
    store_le32(marker + AT_NUMBER, volume->number);
    memcpy(marker + AT_ARCHIVE_ID, archive_id, RECORD_ID_BYTES);
    memcpy(marker + AT_ID, volume->id, RECORD_ID_BYTES);
    store_le32(marker + AT_CRC, checksum_crc32(0, marker, AT_CRC));
    char fresh[PATH_MAX], path[PATH_MAX];
    volume_path(volume, "volume.new", fresh);
    volume_path(volume, "volume", path);
    disk_unlink(disk, fresh);
    struct disk_file *file;
    int error = disk_open(disk, fresh, DISK_WRITE | DISK_CREATE, &file);
    if (error) return error;
    error = disk_write_full(file, marker, sizeof marker, 0);
    if (!error) error = disk_fdatasync(file);
    disk_close(file);
    if (!error) error = disk_rename(disk, fresh, path);
    if (!error) error = disk_sync_dir(disk, volume->path);
    return error;
}

bool volume_create(struct disk *disk, const struct volume *volume, const uint8_t archive_id[RECORD_ID_BYTES],
                   struct fault *fault) {
    if (!volume_make_folder(disk, volume->path, fault)) return false;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_MAX];
        volume_path(volume, folders[i], path);
        int error = make_one(disk, path);
        if (error) return fault_set_os(fault, -error, "folder %s can't be made", path);
    }
    int error = write_marker(disk, volume, archive_id);
    return error ? fault_set_os(fault, -error, "%s/volume can't be written", volume->path) : true;
}

enum volume_found volume_read_marker(struct disk *disk, const char *path, struct volume_marker *marker, struct fault *fault) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/volume", path);
    struct disk_file *file;
    int error = disk_open(disk, name, DISK_READ, &file);
    if (error == -ENOENT || error == -ENOTDIR) return VOLUME_NONE;
    uint8_t bytes[VOLUME_MARKER_BYTES] = {0};
    int64_t n = error;
    if (!error) {
        n = disk_read_full(file, bytes, sizeof bytes, 0);
        disk_close(file);
    }
    if (n < 0) {
        fault_set_os(fault, (int)-n, "%s can't be read", name);
        return VOLUME_UNREADABLE;
    }
    if (load_le32(bytes + AT_MAGIC) != MAGIC || load_le32(bytes + AT_CRC) != checksum_crc32(0, bytes, AT_CRC)) {
        fault_set(fault, FAULT_CORRUPT, 0, "%s is damaged", name);
        return VOLUME_BAD;
    }
    marker->number = load_le32(bytes + AT_NUMBER);
    memcpy(marker->archive_id, bytes + AT_ARCHIVE_ID, RECORD_ID_BYTES);
    memcpy(marker->id, bytes + AT_ID, RECORD_ID_BYTES);
    return VOLUME_FOUND;
}

static void count_name(void *context, const char *name, bool is_dir, uint64_t bytes) { ++*(unsigned *)context; }

bool volume_holds_files(struct disk *disk, const char *path, const char *folder) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/%s", path, folder);
    unsigned count = 0;
    int error = disk_list(disk, name, count_name, &count);
    return count > 0 || (error && error != -ENOENT && error != -ENOTDIR);
}
