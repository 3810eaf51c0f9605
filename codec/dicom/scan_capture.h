/* SPDX-License-Identifier: Apache-2.0 */
/* scan_capture: the value of an indexed attribute on its way into the attribute block: bounded, in little endian, checked
 * against its VR. Phases: begin at the element's header, append as its bytes come, end. Part of scan, whose fields
 * `capture...` it keeps. */
#ifndef LEAT_DICOM_SCAN_CAPTURE_H
#define LEAT_DICOM_SCAN_CAPTURE_H

#include "codec/dicom/indexed.h"
#include "codec/dicom/scan_element.h"

/* An element of the top level that has a value (or is a sequence) begins. It is captured when the table has it and it is
 * the first of its tag. */
void scan_capture_begin(struct scan *scan, const struct scan_element *element);

/* The next n bytes of its value; beyond the attribute's bound they are dropped. Only between begin and end. */
void scan_capture_append(struct scan *scan, const uint8_t *bytes, size_t n);

/* The value is whole. */
void scan_capture_end(struct scan *scan);

#endif
