/* SPDX-License-Identifier: Apache-2.0 */
/* row_series: see row_series.h. */
#include "index/row_series.h"

#define QUARANTINED 1u
#define HAS_CHANGES 2u
#define FLAGS_KNOWN 3u

void row_series_write(struct writer *w, const struct row_series *row) {
    uint32_t flags = (row->quarantined ? QUARANTINED : 0) | (row->changes.length ? HAS_CHANGES : 0);
    packed_number(w, flags);
    packed_uid(w, row->uid, slice_of("", 0));
    writer_be64(w, row->first_sequence);
    writer_be64(w, row->sequence);
    writer_bytes(w, row->patient.bytes, sizeof row->patient.bytes);
    row_counts_write(w, &row->counts);
    packed_slice(w, row->classes);
    if (flags & HAS_CHANGES) packed_slice(w, row->changes);
    writer_slice(w, row->values);
}

bool row_series_read(struct slice bytes, struct row_series *row, uint8_t *text) {
    struct reader r = reader_over(bytes);
    uint64_t flags = packed_read_number(&r);
    row->quarantined = flags & QUARANTINED;
    row->uid = packed_read_uid(&r, slice_of("", 0), text, PACKED_UID_BYTES_MAX);
    row->first_sequence = reader_be64(&r);
    row->sequence = reader_be64(&r);
    const uint8_t *patient = reader_take(&r, sizeof row->patient.bytes);
    if (patient) memcpy(row->patient.bytes, patient, sizeof row->patient.bytes);
    row_counts_read(&r, &row->counts);
    row->classes = packed_read_slice(&r);
    row->changes = flags & HAS_CHANGES ? packed_read_slice(&r) : slice_of("", 0);
    row->values = reader_slice(&r, reader_left(&r));
    return !r.failed && !(flags & ~(uint64_t)FLAGS_KNOWN);
}
