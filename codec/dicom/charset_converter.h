/* SPDX-License-Identifier: Apache-2.0 */
/* charset_converter: one multi-byte character at a time through glibc's iconv. Each thread has its own descriptors, opened at
 * the first character that needs one and closed when the thread ends: the only state that charset keeps. Part of charset. */
#ifndef LEAT_DICOM_CHARSET_CONVERTER_H
#define LEAT_DICOM_CHARSET_CONVERTER_H

#include "engine/base/slice.h"

enum charset_converter_code {
    CHARSET_CONVERTER_EUC_JP,
    CHARSET_CONVERTER_EUC_JP_MS, /* with the rows that NEC and IBM added */
    CHARSET_CONVERTER_CP949,     /* contains EUC-KR */
    CHARSET_CONVERTER_EUC_CN,
    CHARSET_CONVERTER_GB18030,
    CHARSET_CONVERTER_CP932,
    CHARSET_CONVERTER_BIG5,
    CHARSET_CONVERTER_COUNT,
};

/* The character that `bytes` are, whole: false when they are none, or when iconv has no such code (a stripped system). */
bool charset_converter_decode(enum charset_converter_code code, struct slice bytes, uint32_t *character);

#endif
