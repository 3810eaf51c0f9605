/* SPDX-License-Identifier: Apache-2.0 */
/* scan_walk: from header to header over the (inflated) bytes of a data set: which element or item stands where, what of it
 * is captured, passed over, remarked or rejected. Part of scan, whose private fields it owns. */
#ifndef LEAT_DICOM_SCAN_WALK_H
#define LEAT_DICOM_SCAN_WALK_H

#include "codec/dicom/scan.h"

/* The next bytes, at..end. false: they can't be followed; *fault says why. */
bool scan_walk_span(struct scan *scan, const uint8_t *at, const uint8_t *end, struct fault *fault);

/* No more bytes come: whether the data set may end here. */
bool scan_walk_end(struct scan *scan, struct fault *fault);

#endif
