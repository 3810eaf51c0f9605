/* SPDX-License-Identifier: Apache-2.0 */
/* scan: reads a data set (PS3.5 7) as it arrives, in pieces of any size, and captures what the index needs (indexed.h) from
 * its top level. It keeps no value but those, allocates nothing (a deflated data set: one inflate state) and goes over the
 * bytes of a value that nobody wants in one step a piece. What devices send besides the standard is tolerated and noted as
 * a remark; what can't be followed is a fault with its offset.
 *
 * Phases: scan_init, scan_feed ..., scan_finish, scan_release. The results are public fields, good after scan_finish (those
 * of a fault: as far as it came). One owner; no thread, no file, no socket.
 *
 * All offsets count bytes of the data set, of a deflated one after inflation. */
#ifndef LEAT_DICOM_SCAN_H
#define LEAT_DICOM_SCAN_H

#include "codec/dicom/attributes.h"
#include "codec/dicom/indexed.h"
#include "engine/base/fault.h"

struct vr;
struct scan_inflate;

enum scan_encoding { SCAN_IMPLICIT_LE, SCAN_EXPLICIT_LE, SCAN_EXPLICIT_BE, SCAN_DEFLATED };
enum scan_status { SCAN_MORE, SCAN_DONE, SCAN_FAULT };

/* What was tolerated. The bits stand in records: they keep their meaning for ever. X(bit, name, text) */
#define SCAN_REMARK_TABLE(X) \
    X(0, ODD_LENGTH, "a value of odd length") \
    X(1, OUT_OF_ORDER, "elements out of order") \
    X(2, DUPLICATE, "an element twice; the first one counts") \
    X(3, GROUP_LENGTH, "a group length") \
    X(4, FOREIGN_GROUP, "elements of group 0000 or 0002, which belong to commands and files") \
    X(5, PADDED_UID, "a UID padded otherwise than with one NUL") \
    X(6, INVALID_UID, "a UID over 64 bytes or with wrong characters") \
    X(7, VALUE_TOO_LONG, "a value longer than its VR allows") \
    X(8, VALUE_CUT, "a value too long for the index, which keeps its beginning") \
    X(9, VALUE_DROPPED, "no room for all indexed values") \
    X(10, UNKNOWN_VR, "a VR that does not exist") \
    X(11, IMPLICIT_INSIDE, "implicit VR elements inside an explicit VR data set") \
    X(12, UN_SEQUENCE, "UN of undefined length, read as an implicit VR sequence (CP-246)") \
    X(13, UN_NOT_IMPLICIT, "UN of undefined length, but not in implicit VR little endian") \
    X(14, SEQUENCE_OVERRUN, "items beyond the coded length of their sequence") \
    X(15, SEQUENCE_MALFORMED, "a sequence of coded length that does not hold items, skipped by its length") \
    X(16, MISSING_DELIMITER, "a delimitation item is missing") \
    X(17, STRAY_DELIMITER, "a delimitation item where none belongs, or with a length") \
    X(18, UNDEFINED_LENGTH, "undefined length with a VR that may not have it") \
    X(19, RESERVED_NOT_ZERO, "reserved bytes of an explicit VR are not zero") \
    X(20, OTHER_ENCODING, "not in the announced transfer syntax") \
    X(21, TRAILING_GARBAGE, "bytes after the last element") \
    X(22, ZLIB_WRAPPED, "deflated with a zlib header") \
    /* text_check.h, which looks at what was captured: */ \
    X(23, UNKNOWN_CHARACTER_SET, "a Specific Character Set that the standard does not define") \
    X(24, NOT_IN_CHARACTER_SET, "text that its Specific Character Set can't hold")

enum scan_remark {
#define SCAN_REMARK_BIT(bit, name, text) SCAN_REMARK_##name = 1 << (bit),
    SCAN_REMARK_TABLE(SCAN_REMARK_BIT)
#undef SCAN_REMARK_BIT
};
/* Legal or harmless, and so frequent that nobody wants to read of each. */
#define SCAN_REMARKS_COMMON \
    ((uint32_t)(SCAN_REMARK_GROUP_LENGTH | SCAN_REMARK_UN_SEQUENCE | SCAN_REMARK_VALUE_CUT | SCAN_REMARK_PADDED_UID))

#define SCAN_NONE UINT64_MAX    /* no such offset, or an undefined length */
#define SCAN_DEPTH_MAX 64       /* nested sequences whose items have no coded length; deeper is a fault */
#define SCAN_HEADER_BYTES_MAX 12

struct scan_frame { /* an open sequence, private to scan */
    uint64_t end;   /* SCAN_NONE: until its delimiter */
    uint64_t items;
    uint32_t tag;
    uint8_t syntax; /* enum scan_syntax of its items */
    bool fragments; /* items hold bytes */
    bool overrun;   /* made up for items behind the end of a sequence: ends with the first other tag */
    bool in_item;   /* inside an item of undefined length */
};

struct scan {
    /* ---- results ---- */
    uint32_t remarks;           /* SCAN_REMARK_... */
    uint32_t pixel_data_tag;    /* 7FE00010, 7FE00008 or 7FE00009; 0: none */
    uint64_t offset;            /* bytes scanned */
    uint64_t pixel_data_offset; /* of the tag of the pixel data element; SCAN_NONE: there is none */
    uint64_t pixel_data_value;  /* of its value: the first pixel, or the Basic Offset Table's item; SCAN_NONE */
    uint64_t pixel_data_length; /* of its value as coded; SCAN_NONE: encapsulated (or none) */
    uint32_t number_of_frames;  /* 0028,0008; 0: absent or no number */
    uint32_t fragments;         /* items of encapsulated pixel data after the Basic Offset Table */
    bool encapsulated;
    bool icon;                  /* Icon Image Sequence 0088,0200 is there */

    /* ---- private ---- */
    struct attributes *out;
    struct scan_inflate *inflate; /* SCAN_DEFLATED only */
    const struct vr *capture_vr;
    uint64_t value_left;          /* bytes of a value still to come: captured (`capturing`) or passed over */
    uint64_t element_offset;      /* where the element or item begins that is being read */
    uint64_t garbage_offset;      /* from here on a fault is only trailing garbage; SCAN_NONE */
    uint64_t overrun_end;         /* coded end of the sequence whose item goes on beyond it; SCAN_NONE */
    uint64_t seen[INDEXED_COUNT_MAX / 64]; /* codes found so far */
    uint32_t garbage_remarks;     /* what `remarks` were at garbage_offset */
    uint32_t element_tag, last_tag;
    uint32_t capture_left;        /* of value_left: up to the attribute's bound */
    uint16_t table_at;            /* place in the indexed table, as elements come in order */
    uint8_t encoding;             /* enum scan_encoding, as announced */
    uint8_t syntax;               /* enum scan_syntax of the top level */
    uint8_t closed_syntax;        /* of a sequence that ended just before; SCAN_SYNTAX_NONE */
    uint8_t header_have, header_need, depth;
    bool started;                 /* the first element was there */
    bool failed, garbage, capturing, capture_cut, capture_big, multi_byte;
    uint8_t header[SCAN_HEADER_BYTES_MAX];
    struct scan_frame frames[SCAN_DEPTH_MAX];
};
_Static_assert(sizeof(struct scan) <= 4096, "a scan is part of every object under way");

/* Readies *scan for one data set; `out` (ready, see attributes_init) takes the captured attributes and stays the caller's.
 * SCAN_DEFLATED allocates the inflate state; if that fails, the first scan_feed is a fault (FAULT_MEMORY). */
void scan_init(struct scan *scan, enum scan_encoding encoding, struct attributes *out);

/* The next n bytes (any n, 0 too). SCAN_MORE: go on with feed or finish. SCAN_FAULT: can't be scanned; *fault (may be NULL) has
 * the offset and a sentence; every later call gives SCAN_FAULT too. bytes aren't kept. */
enum scan_status scan_feed(struct scan *scan, const void *bytes, size_t n, struct fault *fault);

/* No more bytes come. SCAN_DONE: whole, with or without remarks. SCAN_FAULT: it is empty or ends inside an element or a
 * sequence. */
enum scan_status scan_finish(struct scan *scan, struct fault *fault);

/* Frees the inflate state, if there is one; may be called twice, and any time after scan_init. */
void scan_release(struct scan *scan);

/* The words for the lowest bit set in `remark`, static, without a full stop; "" for 0 or an unknown bit. */
const char *scan_remark_text(uint32_t remark);

#endif
