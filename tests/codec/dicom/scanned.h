/* SPDX-License-Identifier: Apache-2.0 */
/* scanned: the outcome of one scan as plain data, so that tests can compare scans of the same bytes fed in different
 * pieces. The bytes are copied to heap blocks of their exact size first, so that the address sanitizer sees a read beyond
 * any piece. */
#ifndef LEAT_TESTS_DICOM_SCANNED_H
#define LEAT_TESTS_DICOM_SCANNED_H

#include "codec/dicom/scan.h"

struct scanned {
    enum scan_status status;
    struct fault fault;
    uint32_t remarks, pixel_data_tag, number_of_frames, fragments, dropped;
    uint64_t offset, pixel_data_offset, pixel_data_value, pixel_data_length;
    bool encapsulated, icon;
    uint32_t length;
    uint8_t block[INDEXED_BLOCK_BYTES_MAX];
};

/* In pieces of `step` bytes; 0: all at once. */
void scanned_in_steps(struct scanned *out, enum scan_encoding encoding, const void *bytes, size_t n, size_t step);
/* In two pieces, bytes[0..at) and the rest. */
void scanned_in_two(struct scanned *out, enum scan_encoding encoding, const void *bytes, size_t n, size_t at);

/* NULL: the same in all fields; else the name of a field that differs. */
const char *scanned_difference(const struct scanned *a, const struct scanned *b);

/* The captured value as text without padding, in `text`; "(none)" when there is no such entry. */
const char *scanned_text(const struct scanned *s, uint32_t tag, char text[256]);

/* All remarks in words. */
const char *scanned_remarks(uint32_t remarks, char text[1024]);

#endif
