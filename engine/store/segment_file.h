/* SPDX-License-Identifier: Apache-2.0 */
/* segment_file: a segment's file before and after it is written to: prepared (from the pool or new, header written, named, in the
 * manifest, all of it durable) and sealed (its end recorded, then cut to it). Blocking: the disk's background thread. */
#ifndef LEAT_STORE_SEGMENT_FILE_H
#define LEAT_STORE_SEGMENT_FILE_H

#include "engine/store/store_state.h"

struct segment_file {
    struct segment_state *segment;
    struct disk_file *file; /* for writing, past the page cache */
    uint64_t bytes;
};

/* volume: number, or STORE_ANY_VOLUME. first: the log's first one in this run, which must come quickly. FAULT_NO_SPACE,
 * FAULT_IO. */
bool segment_file_prepare(struct store *store, uint32_t log, enum store_kind kind, uint32_t volume, bool first,
                          struct segment_file *out, struct fault *fault);

/* Records that the segment ends at `end` and closes the file. An empty one is struck and goes to the pool or away. False: it
 * couldn't be recorded (the store has turned read-only); the file is closed all the same. */
bool segment_file_seal(struct store *store, struct segment_file *file, uint64_t end, struct fault *fault);

#endif
