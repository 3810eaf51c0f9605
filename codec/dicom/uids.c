/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/dicom/uids.h"

#include "codec/dicom/uid.h"
#include "codec/dicom/uids_table.h"

#define GE_PRIVATE_IMPLICIT "1.2.840.113619.5.2" /* implicit LE, but pixel words big endian */

/* Both tables begin their rows with the UID's text. */
static const void *row_find(struct slice uid, const void *rows, size_t count, size_t row_bytes) {
    uid = uid_trim(uid);
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *const *row = (const char *const *)(const void *)((const char *)rows + middle * row_bytes);
        int order = uid_compare(uid, slice_text(*row));
        if (order == 0) return row;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

_Static_assert(offsetof(struct transfer_syntax, uid) == 0, "row_find reads the UID from a row's start");
_Static_assert(offsetof(struct known_uid, uid) == 0, "row_find reads the UID from a row's start");

const struct transfer_syntax *uids_transfer_syntax(struct slice uid) {
    return row_find(uid, uids_table_transfer_syntaxes, uids_table_transfer_syntax_count, sizeof(struct transfer_syntax));
}

const struct transfer_syntax *uids_transfer_syntaxes(size_t *count) {
    *count = uids_table_transfer_syntax_count;
    return uids_table_transfer_syntaxes;
}

enum scan_encoding uids_encoding(struct slice transfer_syntax) {
    const struct transfer_syntax *known = uids_transfer_syntax(transfer_syntax);
    if (known) return known->encoding;
    return uid_equal(transfer_syntax, slice_text(GE_PRIVATE_IMPLICIT)) ? SCAN_IMPLICIT_LE : SCAN_EXPLICIT_LE;
}

const struct known_uid *uids_find(struct slice uid) {
    return row_find(uid, uids_table_known, uids_table_known_count, sizeof(struct known_uid));
}

const struct known_uid *uids_table(size_t *count) {
    *count = uids_table_known_count;
    return uids_table_known;
}

bool uids_is_storage(struct slice uid) {
    const struct known_uid *known = uids_find(uid);
    return known && known->kind == UIDS_STORAGE;
}

bool uids_is_known_non_storage(struct slice uid) {
    const struct known_uid *known = uids_find(uid);
    return known ? known->kind != UIDS_STORAGE : uids_transfer_syntax(uid) != NULL;
}

const char *uids_name(struct slice uid) {
    const struct known_uid *known = uids_find(uid);
    if (known) return known->name;
    const struct transfer_syntax *syntax = uids_transfer_syntax(uid);
    return syntax ? syntax->name : NULL;
}
