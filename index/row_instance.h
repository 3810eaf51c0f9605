/* SPDX-License-Identifier: Apache-2.0 */
/* row_instance: the value of an instance's row and of a superseded version's: where its record is, what it is, its attributes.
 * The table of bytes is in README.md. Written whole, never changed in place. Pure; any thread. */
#ifndef LEAT_INDEX_ROW_INSTANCE_H
#define LEAT_INDEX_ROW_INSTANCE_H

#include "engine/store/record.h"
#include "index/packed.h"

struct row_instance {
    uint64_t sequence;
    struct place place;
    uint64_t payload_length;
    uint8_t digest[16];
    uint32_t remarks;
    struct slice sop_uid, sop_class_uid, transfer_syntax_uid;
    struct slice values; /* index/values.h */
};

/* Room for the texts of one decoded row, which its slices point to. */
struct row_instance_texts {
    uint8_t sop[PACKED_UID_BYTES_MAX], sop_class[PACKED_UID_BYTES_MAX], transfer_syntax[PACKED_UID_BYTES_MAX];
};

/* series_uid: of the series it is in; the SOP Instance UID is written relative to it. */
void row_instance_write(struct writer *w, const struct row_instance *row, struct slice series_uid);
/* False: malformed. */
bool row_instance_read(struct slice bytes, struct slice series_uid, struct row_instance *row, struct row_instance_texts *texts);
/* Only the sequence and the place. */
bool row_instance_read_place(struct slice bytes, uint64_t *sequence, struct place *place);

#endif
