/* SPDX-License-Identifier: Apache-2.0 */
/* row_instance: see row_instance.h. Flags say which optional fields follow; a later format adds flags and keeps the old rows
 * readable. */
#include "index/row_instance.h"

#define HAS_LENGTH 1u  /* payload_length differs from place.payload_bytes */
#define HAS_REMARKS 2u
#define FLAGS_KNOWN 3u

void row_instance_write(struct writer *w, const struct row_instance *row, struct slice series_uid) {
    uint32_t flags = (row->payload_length != row->place.payload_bytes ? HAS_LENGTH : 0) | (row->remarks ? HAS_REMARKS : 0);
    packed_number(w, flags);
    writer_be64(w, row->sequence);
    packed_number(w, row->place.segment);
    packed_number(w, row->place.offset);
    packed_number(w, row->place.header_bytes);
    packed_number(w, row->place.payload_bytes);
    if (flags & HAS_LENGTH) packed_number(w, row->payload_length);
    if (flags & HAS_REMARKS) packed_number(w, row->remarks);
    writer_bytes(w, row->digest, sizeof row->digest);
    packed_uid(w, row->sop_uid, series_uid);
    packed_uid(w, row->sop_class_uid, slice_of("", 0));
    packed_uid(w, row->transfer_syntax_uid, slice_of("", 0));
    writer_slice(w, row->values); /* to the end */
}

static uint32_t read_head(struct reader *r, struct row_instance *row) {
    uint64_t flags = packed_read_number(r);
    if (flags & ~(uint64_t)FLAGS_KNOWN) r->failed = true;
    row->sequence = reader_be64(r);
    row->place.segment = (uint32_t)packed_read_number(r);
    row->place.offset = packed_read_number(r);
    row->place.header_bytes = (uint32_t)packed_read_number(r);
    row->place.payload_bytes = packed_read_number(r);
    return (uint32_t)flags;
}

bool row_instance_read(struct slice bytes, struct slice series_uid, struct row_instance *row, struct row_instance_texts *texts) {
    struct reader r = reader_over(bytes);
    uint32_t flags = read_head(&r, row);
    row->payload_length = flags & HAS_LENGTH ? packed_read_number(&r) : row->place.payload_bytes;
    row->remarks = flags & HAS_REMARKS ? (uint32_t)packed_read_number(&r) : 0;
    const uint8_t *digest = reader_take(&r, sizeof row->digest);
    if (digest) memcpy(row->digest, digest, sizeof row->digest);
    row->sop_uid = packed_read_uid(&r, series_uid, texts->sop, sizeof texts->sop);
    row->sop_class_uid = packed_read_uid(&r, slice_of("", 0), texts->sop_class, sizeof texts->sop_class);
    row->transfer_syntax_uid = packed_read_uid(&r, slice_of("", 0), texts->transfer_syntax, sizeof texts->transfer_syntax);
    row->values = reader_slice(&r, reader_left(&r));
    return !r.failed;
}

bool row_instance_read_place(struct slice bytes, uint64_t *sequence, struct place *place) {
    struct reader r = reader_over(bytes);
    struct row_instance row;
    read_head(&r, &row);
    *sequence = row.sequence;
    *place = row.place;
    return !r.failed;
}
