/* SPDX-License-Identifier: Apache-2.0 */
/* row_patient: see row_patient.h. */
#include "index/row_patient.h"

#define HAS_ID 1u      /* id and issuer follow; else study_uid */
#define HAS_CHANGES 2u
#define FLAGS_KNOWN 3u
/* Bit 4 is kept for a merge: sequence and the patient whom this one became. */

struct short_name row_patient_name(const struct keys *keys, struct slice id, struct slice issuer, struct slice study_uid) {
    uint8_t name[2 * ROW_PATIENT_ID_BYTES + PACKED_UID_BYTES_MAX + 2];
    struct writer w = writer_over(name, sizeof name);
    if (id.length) {
        writer_slice(&w, id);
        writer_u8(&w, 0);
        writer_slice(&w, issuer);
    } else {
        writer_u8(&w, 1);
        writer_slice(&w, study_uid);
    }
    return keys_shorten(keys, slice_of(name, writer_length(&w)));
}

void row_patient_write(struct writer *w, const struct row_patient *row) {
    uint32_t flags = (row->id.length ? HAS_ID : 0) | (row->changes.length ? HAS_CHANGES : 0);
    packed_number(w, flags);
    if (flags & HAS_ID) {
        packed_slice(w, row->id);
        packed_slice(w, row->issuer);
    } else {
        packed_slice(w, row->study_uid);
    }
    writer_be64(w, row->sequence);
    row_counts_write(w, &row->counts);
    if (flags & HAS_CHANGES) packed_slice(w, row->changes);
    writer_slice(w, row->values);
}

bool row_patient_read(struct slice bytes, struct row_patient *row) {
    struct reader r = reader_over(bytes);
    uint64_t flags = packed_read_number(&r);
    memset(row, 0, sizeof *row);
    if (flags & HAS_ID) {
        row->id = packed_read_slice(&r);
        row->issuer = packed_read_slice(&r);
    } else {
        row->study_uid = packed_read_slice(&r);
    }
    row->sequence = reader_be64(&r);
    row_counts_read(&r, &row->counts);
    row->changes = flags & HAS_CHANGES ? packed_read_slice(&r) : slice_of("", 0);
    row->values = reader_slice(&r, reader_left(&r));
    return !r.failed && !(flags & ~(uint64_t)FLAGS_KNOWN);
}
