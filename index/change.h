/* SPDX-License-Identifier: Apache-2.0 */
/* change: what a CHANGE record says, in the bytes of record.change. Kinds and layouts are frozen; a kind that this version does
 * not know moves no row (it counts for the highest sequence). Pure; any thread.
 *
 * CHANGE_PATIENT_VALUES    id, issuer (each with its length, varint; UTF-8), entries    study_uid of the record when the id is
 * empty CHANGE_STUDY_VALUES      entries                                                      study_uid of the record
 * CHANGE_SERIES_VALUES     entries                                                      study_uid, series_uid of the record
 *
 * entry = tag (4 bytes LE), flags (VALUES_WITHDRAWN), value (length varint, UTF-8 text). */
#ifndef LEAT_INDEX_CHANGE_H
#define LEAT_INDEX_CHANGE_H

#include "engine/base/cursor.h"

enum change_kind {
    CHANGE_PATIENT_VALUES = 1,
    CHANGE_STUDY_VALUES = 2,
    CHANGE_SERIES_VALUES = 3,
    /* Kept for what comes, so that numbers don't move: merge of two patients, deletion, its withdrawal, lock, its withdrawal. */
    CHANGE_PATIENT_MERGE = 4,
    CHANGE_DELETE = 5,
    CHANGE_UNDELETE = 6,
    CHANGE_LOCK = 7,
    CHANGE_UNLOCK = 8,
};

struct change_entry {
    uint32_t tag;
    uint8_t flags;
    struct slice text;
};

void change_write_patient(struct writer *w, struct slice id, struct slice issuer);
void change_write_entry(struct writer *w, const struct change_entry *entry);

void change_read_patient(struct reader *r, struct slice *id, struct slice *issuer);
/* False at the end, or malformed (r->failed). */
bool change_next_entry(struct reader *r, struct change_entry *entry);

#endif
