/* SPDX-License-Identifier: Apache-2.0 */
/* charset_tables: the single-byte repertoires behind charset.h; only charset*.c include this. */
#ifndef LEAT_DICOM_CHARSET_TABLES_H
#define LEAT_DICOM_CHARSET_TABLES_H

#include <stdint.h>

enum charset_tables_set {
    CHARSET_TABLES_LATIN1,
    CHARSET_TABLES_LATIN2,
    CHARSET_TABLES_LATIN3,
    CHARSET_TABLES_LATIN4,
    CHARSET_TABLES_CYRILLIC,
    CHARSET_TABLES_ARABIC,
    CHARSET_TABLES_GREEK,
    CHARSET_TABLES_HEBREW,
    CHARSET_TABLES_LATIN5,
    CHARSET_TABLES_THAI,
    CHARSET_TABLES_LATIN9,
    CHARSET_TABLES_KATAKANA,
    CHARSET_TABLES_COUNT,
};

extern const uint16_t charset_tables_upper[CHARSET_TABLES_COUNT][96]; /* by byte - 0xA0 */
extern const uint16_t charset_tables_windows[32];                     /* CP1252, by byte - 0x80 */

#endif
