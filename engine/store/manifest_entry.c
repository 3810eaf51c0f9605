/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_entry: tables of offsets, as README.md prints them. */
#include "engine/store/manifest_entry.h"

#include "engine/base/checksum.h"

enum { /* of every entry */
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_TYPE = 6,
    AT_DURABLE_BYTES = 8,
    AT_CRC = MANIFEST_ENTRY_BYTES - 4,
};
enum { ARCHIVE_ID = 16, ARCHIVE_SECRET = 32, ARCHIVE_CREATED_US = 224, ARCHIVE_NEXT_SEGMENT = 232 };
enum { VOLUME_NUMBER = 16, VOLUME_ID = 20, VOLUME_PATH_BYTES = 36, VOLUME_PATH = 38 };
enum {
    SEGMENT_NUMBER = 16,
    SEGMENT_ID = 20,
    SEGMENT_KIND = 36,
    SEGMENT_STATE = 38,
    SEGMENT_LOG = 40,
    SEGMENT_VOLUME = 44,
    SEGMENT_END_BYTES = 48,
    SEGMENT_CREATED_US = 56,
    SEGMENT_FILE_BYTES = 64,
    SEGMENT_FLAGS = 72,
};
_Static_assert(ARCHIVE_SECRET + DIGEST_SECRET_BYTES == ARCHIVE_CREATED_US, "the secret has 192 bytes");
_Static_assert(VOLUME_PATH + MANIFEST_PATH_BYTES == AT_CRC, "the path fills the entry");
_Static_assert(SEGMENT_KIND == SEGMENT_ID + RECORD_ID_BYTES && VOLUME_PATH_BYTES == VOLUME_ID + RECORD_ID_BYTES,
               "ids have 16 bytes");

#define MAGIC 0x4E414D4Cu /* "LMAN" */
#define FLAG_SETTLED 1u

enum manifest_entry_check manifest_entry_check(const uint8_t entry[MANIFEST_ENTRY_BYTES]) {
    if (load_le32(entry + AT_MAGIC) == MAGIC
        && load_le32(entry + AT_CRC) == checksum_crc32(0, entry, AT_CRC))
        return load_le16(entry + AT_VERSION) > STORE_FORMAT_VERSION ? MANIFEST_ENTRY_NEWER : MANIFEST_ENTRY_GOOD;
    static const uint8_t zeros[MANIFEST_ENTRY_BYTES];
    return memcmp(entry, zeros, sizeof zeros) == 0 ? MANIFEST_ENTRY_EMPTY : MANIFEST_ENTRY_BAD;
}

unsigned manifest_entry_type(const uint8_t entry[MANIFEST_ENTRY_BYTES]) { return load_le16(entry + AT_TYPE); }
uint64_t manifest_entry_durable(const uint8_t entry[MANIFEST_ENTRY_BYTES]) { return load_le64(entry + AT_DURABLE_BYTES); }

static void begin(uint8_t *out, enum manifest_entry_type type, uint64_t durable_bytes) {
    memset(out, 0, MANIFEST_ENTRY_BYTES);
    store_le32(out + AT_MAGIC, MAGIC);
    store_le16(out + AT_VERSION, STORE_FORMAT_VERSION);
    store_le16(out + AT_TYPE, (uint16_t)type);
    store_le64(out + AT_DURABLE_BYTES, durable_bytes);
}
static void finish(uint8_t *out) { store_le32(out + AT_CRC, checksum_crc32(0, out, AT_CRC)); }

void manifest_entry_archive(const struct manifest_archive *archive, uint64_t durable_bytes, uint8_t out[MANIFEST_ENTRY_BYTES]) {
    begin(out, MANIFEST_ENTRY_ARCHIVE, durable_bytes);
    memcpy(out + ARCHIVE_ID, archive->id, RECORD_ID_BYTES);
    memcpy(out + ARCHIVE_SECRET, archive->secret, DIGEST_SECRET_BYTES);
    store_le64(out + ARCHIVE_CREATED_US, archive->created_us);
    store_le32(out + ARCHIVE_NEXT_SEGMENT, archive->next_segment);
    finish(out);
}

void manifest_entry_read_archive(const uint8_t entry[MANIFEST_ENTRY_BYTES], struct manifest_archive *archive) {
    memcpy(archive->id, entry + ARCHIVE_ID, RECORD_ID_BYTES);
    memcpy(archive->secret, entry + ARCHIVE_SECRET, DIGEST_SECRET_BYTES);
    archive->created_us = load_le64(entry + ARCHIVE_CREATED_US);
    archive->next_segment = load_le32(entry + ARCHIVE_NEXT_SEGMENT);
}

void manifest_entry_volume(const struct manifest_volume *volume, uint64_t durable_bytes, uint8_t out[MANIFEST_ENTRY_BYTES]) {
    begin(out, MANIFEST_ENTRY_VOLUME, durable_bytes);
    size_t length = strnlen(volume->path, MANIFEST_PATH_BYTES - 1);
    store_le32(out + VOLUME_NUMBER, volume->number);
    memcpy(out + VOLUME_ID, volume->id, RECORD_ID_BYTES);
    store_le16(out + VOLUME_PATH_BYTES, (uint16_t)length);
    memcpy(out + VOLUME_PATH, volume->path, length);
    finish(out);
}

void manifest_entry_read_volume(const uint8_t entry[MANIFEST_ENTRY_BYTES], struct manifest_volume *volume) {
    memset(volume, 0, sizeof *volume);
    size_t length = load_le16(entry + VOLUME_PATH_BYTES);
    if (length >= MANIFEST_PATH_BYTES) length = MANIFEST_PATH_BYTES - 1;
    volume->number = load_le32(entry + VOLUME_NUMBER);
    memcpy(volume->id, entry + VOLUME_ID, RECORD_ID_BYTES);
    memcpy(volume->path, entry + VOLUME_PATH, length);
}

void manifest_entry_segment(const struct manifest_segment *segment, uint64_t durable_bytes, uint8_t out[MANIFEST_ENTRY_BYTES]) {
    begin(out, MANIFEST_ENTRY_SEGMENT, durable_bytes);
    store_le32(out + SEGMENT_NUMBER, segment->number);
    memcpy(out + SEGMENT_ID, segment->id, RECORD_ID_BYTES);
    store_le16(out + SEGMENT_KIND, (uint16_t)segment->kind);
    store_le16(out + SEGMENT_STATE, (uint16_t)segment->state);
    store_le32(out + SEGMENT_LOG, segment->log);
    store_le32(out + SEGMENT_VOLUME, segment->volume);
    store_le64(out + SEGMENT_END_BYTES, segment->end);
    store_le64(out + SEGMENT_CREATED_US, segment->created_us);
    store_le64(out + SEGMENT_FILE_BYTES, segment->file_bytes);
    store_le32(out + SEGMENT_FLAGS, segment->settled ? FLAG_SETTLED : 0);
    finish(out);
}

void manifest_entry_read_segment(const uint8_t entry[MANIFEST_ENTRY_BYTES], struct manifest_segment *segment) {
    *segment = (struct manifest_segment){
        .number = load_le32(entry + SEGMENT_NUMBER),
        .kind = (enum store_kind)load_le16(entry + SEGMENT_KIND),
        .state = (enum manifest_state)load_le16(entry + SEGMENT_STATE),
        .log = load_le32(entry + SEGMENT_LOG),
        .volume = load_le32(entry + SEGMENT_VOLUME),
        .end = load_le64(entry + SEGMENT_END_BYTES),
        .created_us = load_le64(entry + SEGMENT_CREATED_US),
        .file_bytes = load_le64(entry + SEGMENT_FILE_BYTES),
        .settled = load_le32(entry + SEGMENT_FLAGS) & FLAG_SETTLED,
    };
    memcpy(segment->id, entry + SEGMENT_ID, RECORD_ID_BYTES);
}
