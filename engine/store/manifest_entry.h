/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_entry: the 256 bytes of one entry, both ways. Pure functions. */
#ifndef LEAT_STORE_MANIFEST_ENTRY_H
#define LEAT_STORE_MANIFEST_ENTRY_H

#include "engine/store/manifest.h"

enum manifest_entry_type {
    MANIFEST_ENTRY_ARCHIVE = 1,
    MANIFEST_ENTRY_VOLUME = 2,
    MANIFEST_ENTRY_SEGMENT = 3,
};

enum manifest_entry_check {
    MANIFEST_ENTRY_GOOD,
    MANIFEST_ENTRY_EMPTY, /* zeros: never written */
    MANIFEST_ENTRY_BAD,   /* torn or damaged */
    MANIFEST_ENTRY_NEWER, /* of a later format */
};
enum manifest_entry_check manifest_entry_check(const uint8_t entry[MANIFEST_ENTRY_BYTES]);
unsigned manifest_entry_type(const uint8_t entry[MANIFEST_ENTRY_BYTES]);
/* How many bytes of the manifest were durable when this entry was written. */
uint64_t manifest_entry_durable(const uint8_t entry[MANIFEST_ENTRY_BYTES]);

void manifest_entry_archive(const struct manifest_archive *archive, uint64_t durable_bytes, uint8_t out[MANIFEST_ENTRY_BYTES]);
void manifest_entry_volume(const struct manifest_volume *volume, uint64_t durable_bytes, uint8_t out[MANIFEST_ENTRY_BYTES]);
void manifest_entry_segment(const struct manifest_segment *segment, uint64_t durable_bytes, uint8_t out[MANIFEST_ENTRY_BYTES]);

void manifest_entry_read_archive(const uint8_t entry[MANIFEST_ENTRY_BYTES], struct manifest_archive *archive);
void manifest_entry_read_volume(const uint8_t entry[MANIFEST_ENTRY_BYTES], struct manifest_volume *volume);
void manifest_entry_read_segment(const uint8_t entry[MANIFEST_ENTRY_BYTES], struct manifest_segment *segment);

#endif
