/* SPDX-License-Identifier: Apache-2.0 */
/* packed: numbers and UIDs in few bytes. A number is a varint (LEB128, 7 bits a byte, low first). A UID is what it shares with a
 * prefix (one of a frozen list, or the beginning of a UID that the reader has: an instance's stands relative to its series'), and
 * the rest with two characters in a byte; text that isn't of digits and dots stands as it is. Pure; any thread. */
#ifndef LEAT_INDEX_PACKED_H
#define LEAT_INDEX_PACKED_H

#include "engine/base/cursor.h"

#define PACKED_UID_BYTES_MAX 256 /* longer texts are not taken for UIDs: nothing is filed under them */

void packed_number(struct writer *w, uint64_t number);
uint64_t packed_read_number(struct reader *r);

/* A slice with its length before it. */
void packed_slice(struct writer *w, struct slice s);
struct slice packed_read_slice(struct reader *r);

/* base: a UID that the reader will have, or empty. The form depends on `uid` and `base` only. */
void packed_uid(struct writer *w, struct slice uid, struct slice base);
/* Writes the text to out[PACKED_UID_BYTES_MAX] and returns it; empty with r->failed when malformed or longer than capacity. */
struct slice packed_read_uid(struct reader *r, struct slice base, uint8_t *out, size_t capacity);

#endif
