/* SPDX-License-Identifier: Apache-2.0 */
/* text_check: whether the captured texts of a data set are what its Specific Character Set says (PS3.3 C.12.1.1.2). Pure; any
 * thread. */
#ifndef LEAT_DICOM_TEXT_CHECK_H
#define LEAT_DICOM_TEXT_CHECK_H

#include "codec/dicom/attributes.h"

/* attributes: a block of attributes.h. Returns SCAN_REMARK_UNKNOWN_CHARACTER_SET and SCAN_REMARK_NOT_IN_CHARACTER_SET as they
 * hold. Texts of ASCII alone cost a look at each byte. */
uint32_t text_check(struct slice attributes);

#endif
