/* SPDX-License-Identifier: Apache-2.0 */
/* made_data_set: writes data sets for tests, in any encoding and with both kinds of length, element by element, good ones
 * and (made_raw) any others. Phases: init, elements, then bytes and length are the data set; release. Aborts where memory
 * ends. */
#ifndef LEAT_TESTS_DICOM_MADE_DATA_SET_H
#define LEAT_TESTS_DICOM_MADE_DATA_SET_H

#include "codec/dicom/scan.h"

#define MADE_DEPTH_MAX 256

struct made {
    uint8_t *bytes;
    size_t length, capacity;
    enum scan_encoding encoding; /* SCAN_DEFLATED: written as explicit, until made_deflate */
    bool undefined;              /* sequences and items are written with undefined length */
    size_t open[MADE_DEPTH_MAX]; /* where the length of each open sequence or item stands; 0: undefined */
    int depth;
};

void made_init(struct made *m, enum scan_encoding encoding, bool undefined);
void made_release(struct made *m);

/* value goes in as it is; numbers have to be in the right order already. */
void made_bytes(struct made *m, uint32_t tag, const char *vr, const void *value, size_t n);
/* Padded to an even length: UI with NUL, others with a space. */
void made_text(struct made *m, uint32_t tag, const char *vr, const char *text);
void made_u16(struct made *m, uint32_t tag, const char *vr, uint16_t value);
void made_u32(struct made *m, uint32_t tag, const char *vr, uint32_t value);

/* The header alone, whatever its length says: 0xFFFFFFFF is undefined. */
void made_header(struct made *m, uint32_t tag, const char *vr, uint32_t length);
/* FFFE,xxxx. */
void made_tag(struct made *m, uint32_t tag, uint32_t length);
#define MADE_ITEM 0xFFFEE000u
#define MADE_ITEM_END 0xFFFEE00Du
#define MADE_SEQUENCE_END 0xFFFEE0DDu

void made_begin_sequence(struct made *m, uint32_t tag);
void made_end_sequence(struct made *m);
void made_begin_item(struct made *m);
void made_end_item(struct made *m);

/* Encapsulated pixel data: an offset table of `table` bytes, then fragments of `bytes` bytes each. */
void made_begin_fragments(struct made *m, uint32_t tag, size_t table);
void made_fragment(struct made *m, size_t bytes, uint8_t fill);
void made_end_fragments(struct made *m);

void made_raw(struct made *m, const void *bytes, size_t n);
void made_fill(struct made *m, uint8_t byte, size_t n);

/* Replaces the bytes by their deflated form, raw (RFC 1951) or in a zlib wrapper (RFC 1950). */
void made_deflate(struct made *m, bool wrapped);

#endif
