/* SPDX-License-Identifier: Apache-2.0 */
/* part10: the head of a DICOM file (PS3.10 7.1): preamble, prefix, file meta information. Reading takes what is found in the
 * field; writing is exact. The data set itself is the scanner's. Pure functions over the caller's bytes; any thread. */
#ifndef LEAT_DICOM_PART10_H
#define LEAT_DICOM_PART10_H

#include "codec/dicom/scan.h"
#include "engine/base/fault.h"
#include "engine/base/slice.h"

/* So much of a file's beginning is enough for any sane head; the parser works with less where the head is shorter. */
#define PART10_HEAD_BYTES (64u * 1024u)

enum part10_remark {
    PART10_REMARK_NO_PREAMBLE = 1,         /* "DICM" at 0, or meta information at 0, or no head at all */
    PART10_REMARK_NO_PREFIX = 2,           /* no "DICM" */
    PART10_REMARK_NO_META = 4,             /* no group 2: the file is a bare data set, its encoding guessed */
    PART10_REMARK_NO_GROUP_LENGTH = 8,
    PART10_REMARK_WRONG_GROUP_LENGTH = 16,
    PART10_REMARK_IMPLICIT_META = 32,      /* group 2 in implicit VR */
    PART10_REMARK_NO_TRANSFER_SYNTAX = 64, /* meta information without (0002,0010): encoding guessed */
    PART10_REMARK_OTHER_ENCODING = 128,    /* the data set's first element looks encoded unlike the transfer syntax says */
};

/* All slices point into the head that was parsed (or to static text), trimmed; absent = empty. */
struct part10 {
    struct slice transfer_syntax;        /* as (0002,0010) says; guessed: one of the three uncompressed ones */
    struct slice sop_class, sop_instance; /* (0002,0002), (0002,0003): may be empty */
    struct slice implementation_class, implementation_version, source_aet, sending_aet, receiving_aet;
    size_t data_set_offset;              /* from the first byte of the head */
    enum scan_encoding encoding;         /* by the transfer syntax, or as guessed */
    enum scan_encoding encoding_seen;    /* by the look of the first element; = encoding unless PART10_REMARK_OTHER_ENCODING */
    uint32_t remarks;
};

/* head: the file from its first byte. false: it can't be DICOM (FAULT_MALFORMED), or the meta information does not end in `head`
 * (FAULT_LIMIT: try again with more bytes, if there are any). */
bool part10_parse(struct slice head, struct part10 *out, struct fault *fault);

/* The look of a data set's first element. false: nothing that we know; also for an empty one. */
bool part10_guess_encoding(struct slice data_set, enum scan_encoding *out);

/* What a file says besides leat's own (0002,0001), (0002,0012) and (0002,0013). A UID that is not known is written empty; an
 * AE title that is empty is left out. */
struct part10_meta {
    struct slice sop_class, sop_instance, transfer_syntax;
    struct slice source_aet, sending_aet, receiving_aet; /* (0002,0016), (0002,0017), (0002,0018) */
};

/* Preamble, prefix, group 2. Enough for UIDs of 64 bytes and AE titles of 16; longer values need more. */
#define PART10_HEADER_BYTES 640u

/* Returns the length written, or 0: it does not fit, or a value is longer than explicit VR can say (65,534 bytes). */
size_t part10_write_header(uint8_t *buffer, size_t capacity, const struct part10_meta *meta);

#endif
