/* SPDX-License-Identifier: Apache-2.0 */
/* indexed: the table of the attributes that the index needs, which the scanner captures from the top level of a data set:
 * matching and return keys, triggers of demographic updates, and what image-level answers show. Constant data; any thread.
 *
 * `code` is a small number of each attribute, for index rows: it is never reused and never changes. A new attribute takes
 * the next free code, whatever its tag; then INDEXED_EXTRACTOR_VERSION goes up, so that `leat rebuild` knows which records
 * lack it. */
#ifndef LEAT_DICOM_INDEXED_H
#define LEAT_DICOM_INDEXED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEXED_EXTRACTOR_VERSION 1
#define INDEXED_COUNT_MAX 256 /* codes are below this */

enum indexed_level { INDEXED_PATIENT, INDEXED_STUDY, INDEXED_SERIES, INDEXED_INSTANCE };

struct indexed_attribute {
    uint32_t tag;             /* group << 16 | element */
    uint8_t code;             /* 1..INDEXED_COUNT_MAX - 1 */
    uint8_t level;            /* enum indexed_level */
    char vr[3];               /* PS3.6; of those with a choice the one that implicit VR is read as */
    uint8_t multiple;         /* 1: the value multiplicity may be more than one */
    uint8_t trigger;          /* 0: none; else 1 + the enum indexed_level whose demographics follow the object received last */
    uint16_t value_bytes_max; /* longer values are cut in the capture (ATTRIBUTE_CUT); 0: only presence is captured (sequences) */
    const char *keyword;      /* PS3.6 */
};

/* All of them, tags ascending. */
const struct indexed_attribute *indexed_table(size_t *count);

/* NULL: not indexed. */
const struct indexed_attribute *indexed_find(uint32_t tag);

/* By its PS3.6 keyword (exact) or by its code; NULL: not indexed. */
const struct indexed_attribute *indexed_by_keyword(const char *keyword);
const struct indexed_attribute *indexed_by_code(uint8_t code);

/* Bytes that the captured attributes of one data set can take at most, entry headers included: a buffer of this size drops
 * nothing. */
#define INDEXED_BLOCK_BYTES_MAX 32768

#endif
