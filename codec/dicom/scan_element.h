/* SPDX-License-Identifier: Apache-2.0 */
/* scan_element: what the header of one data element or item says (PS3.5 7.1, 7.5), and which reading of it is meant when it
 * does not follow its transfer syntax. Pure functions over 8 or 12 bytes; part of scan. */
#ifndef LEAT_DICOM_SCAN_ELEMENT_H
#define LEAT_DICOM_SCAN_ELEMENT_H

#include "codec/dicom/scan.h"
#include "codec/dicom/vr.h"

#define SCAN_HEADER_BYTES_MIN 8
#define SCAN_UNDEFINED 0xFFFFFFFFu

/* How elements are read. Whatever is announced, single elements that are coded otherwise are recognised where bytes allow it. */
enum scan_syntax {
    SCAN_SYNTAX_IMPLICIT,
    SCAN_SYNTAX_EXPLICIT,
    SCAN_SYNTAX_BIG,    /* explicit, big endian */
    SCAN_SYNTAX_EITHER, /* implicit, but explicit where a VR stands: inside UN, and where the announced syntax is wrong */
    SCAN_SYNTAX_NONE,
};

enum scan_shape {
    SCAN_SHAPE_VALUE,
    SCAN_SHAPE_SEQUENCE,  /* items with elements follow */
    SCAN_SHAPE_FRAGMENTS, /* items with bytes follow (PS3.5 A.4) */
    SCAN_SHAPE_ITEM,
    SCAN_SHAPE_ITEM_END,
    SCAN_SHAPE_SEQUENCE_END,
    SCAN_SHAPE_IMPOSSIBLE, /* no such tag */
};

struct scan_element {
    uint32_t tag, length;
    uint32_t remarks;
    uint8_t header_bytes; /* the value begins after so many */
    uint8_t shape;        /* enum scan_shape */
    uint8_t inner;        /* enum scan_syntax of a sequence's items */
    bool big;             /* numbers are big endian */
    const struct vr *vr;  /* as coded; NULL: none coded, or no such VR */
};

/* Reads the header in bytes[0..have), have >= 8. Returns 0 when *out is filled, or how many bytes it needs (12) when `have`
 * is too few: for a long header, or because the first bytes of the value decide what it is. */
size_t scan_element_decode(const uint8_t *bytes, size_t have, enum scan_syntax syntax, struct scan_element *out);

/* The first element of a data set that was announced as `announced`: how it is really coded. SCAN_SYNTAX_NONE: this is no
 * data set. */
enum scan_syntax scan_element_first(const uint8_t bytes[SCAN_HEADER_BYTES_MIN], enum scan_syntax announced);

/* 7FE0,0008 7FE0,0009 7FE0,0010. */
static inline bool scan_element_is_pixel_data(uint32_t tag) {
    return tag == 0x7FE00010 || tag == 0x7FE00008 || tag == 0x7FE00009;
}

/* Groups that no data element can have (PS3.5 7.1, 7.8). */
static inline bool scan_element_is_impossible(uint32_t tag) {
    uint32_t group = tag >> 16;
    return group == 1 || group == 3 || group == 5 || group == 7 || group == 0xFFFF;
}

#endif
