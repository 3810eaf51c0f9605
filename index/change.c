/* SPDX-License-Identifier: Apache-2.0 */
/* change: see change.h. */
#include "index/change.h"

#include "index/packed.h"

void change_write_patient(struct writer *w, struct slice id, struct slice issuer) {
    packed_slice(w, id);
    packed_slice(w, issuer);
}

void change_write_entry(struct writer *w, const struct change_entry *entry) {
    writer_le32(w, entry->tag);
    writer_u8(w, entry->flags);
    packed_slice(w, entry->text);
}

void change_read_patient(struct reader *r, struct slice *id, struct slice *issuer) {
    *id = packed_read_slice(r);
    *issuer = packed_read_slice(r);
}

bool change_next_entry(struct reader *r, struct change_entry *entry) {
    if (reader_left(r) == 0) return false;
    entry->tag = reader_le32(r);
    entry->flags = reader_u8(r);
    entry->text = packed_read_slice(r);
    return !r->failed;
}
