/* SPDX-License-Identifier: Apache-2.0 */
/* row_study: see row_study.h. */
#include "index/row_study.h"

#define HAS_PATIENT 1u
#define CONFLICT 2u
#define HAS_ONLY 4u /* only_patient follows: it is not the same as patient */
#define HAS_CHANGES 8u
#define FLAGS_KNOWN 15u

static uint32_t flags_of(const struct row_study *row) {
    uint32_t flags =
        (row->claim_sequence ? HAS_PATIENT : 0) | (row->conflict ? CONFLICT : 0) | (row->changes.length ? HAS_CHANGES : 0);
    bool same = row->claim_sequence && keys_same(&row->patient, &row->only_patient);
    if (row->first_sequence && !row->conflict && !same) flags |= HAS_ONLY;
    return flags;
}

void row_study_write(struct writer *w, const struct row_study *row) {
    uint32_t flags = flags_of(row);
    packed_number(w, flags);
    packed_uid(w, row->uid, slice_of("", 0));
    writer_be64(w, row->first_sequence);
    writer_be64(w, row->sequence);
    if (flags & HAS_PATIENT) {
        writer_be64(w, row->claim_sequence);
        writer_bytes(w, row->patient.bytes, sizeof row->patient.bytes);
    }
    if (flags & HAS_ONLY) writer_bytes(w, row->only_patient.bytes, sizeof row->only_patient.bytes);
    row_counts_write(w, &row->counts);
    packed_slice(w, row->modalities);
    if (flags & HAS_CHANGES) packed_slice(w, row->changes);
    writer_slice(w, row->values);
}

static void read_name(struct reader *r, struct short_name *name) {
    const uint8_t *bytes = reader_take(r, sizeof name->bytes);
    if (bytes) memcpy(name->bytes, bytes, sizeof name->bytes);
}

bool row_study_read(struct slice bytes, struct row_study *row, uint8_t *text) {
    struct reader r = reader_over(bytes);
    uint64_t flags = packed_read_number(&r);
    memset(row, 0, sizeof *row);
    row->conflict = flags & CONFLICT;
    row->uid = packed_read_uid(&r, slice_of("", 0), text, PACKED_UID_BYTES_MAX);
    row->first_sequence = reader_be64(&r);
    row->sequence = reader_be64(&r);
    if (flags & HAS_PATIENT) {
        row->claim_sequence = reader_be64(&r);
        read_name(&r, &row->patient);
    }
    if (flags & HAS_ONLY) read_name(&r, &row->only_patient);
    else if ((flags & HAS_PATIENT) && !row->conflict) row->only_patient = row->patient;
    row_counts_read(&r, &row->counts);
    row->modalities = packed_read_slice(&r);
    row->changes = flags & HAS_CHANGES ? packed_read_slice(&r) : slice_of("", 0);
    row->values = reader_slice(&r, reader_left(&r));
    return !r.failed && !(flags & ~(uint64_t)FLAGS_KNOWN);
}
