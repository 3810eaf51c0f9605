/* SPDX-License-Identifier: Apache-2.0 */
/* charset_terms: the defined terms of Specific Character Set (PS3.3 C.12.1.1.2, Tables C.12-2 to C.12-5), read as what a
 * decoder starts with. Part of charset; pure functions; any thread. */
#ifndef LEAT_DICOM_CHARSET_TERMS_H
#define LEAT_DICOM_CHARSET_TERMS_H

#include "engine/base/slice.h"

/* A set of characters that stands in G0 (bytes 21..7E) or G1 (bytes A0..FF). */
enum charset_element {
    CHARSET_ELEMENT_NONE,
    CHARSET_ELEMENT_ASCII,    /* G0: ISO-IR 6 */
    CHARSET_ELEMENT_ROMAJI,   /* G0: ISO-IR 14, JIS X 0201 */
    CHARSET_ELEMENT_JISX0208, /* G0: ISO-IR 87, two bytes */
    CHARSET_ELEMENT_JISX0212, /* G0: ISO-IR 159, two bytes */
    CHARSET_ELEMENT_KSX1001,  /* G1: ISO-IR 149, two bytes */
    CHARSET_ELEMENT_GB2312,   /* G1: ISO-IR 58, two bytes */
    CHARSET_ELEMENT_UPPER,    /* G1: + enum charset_tables_set, one byte */
};

/* Encodings of a whole value, without code extensions. */
enum charset_stream {
    CHARSET_STREAM_NONE,
    CHARSET_STREAM_UTF8,    /* ISO_IR 192 */
    CHARSET_STREAM_GB18030, /* and GBK, which it contains */
    CHARSET_STREAM_SJIS,    /* not in the standard, as are the next two; devices name them */
    CHARSET_STREAM_EUCJP,
    CHARSET_STREAM_BIG5,
};

struct charset_terms {
    enum charset_stream stream; /* NONE: code elements, as follows */
    unsigned g0, g1;            /* at the start and after each delimiter (enum charset_element) */
    unsigned g1_fallback;       /* what G1 is taken for when nothing was designated: devices leave escapes out */
    bool unknown;               /* a value is no term that we know */
    bool undeclared;            /* no value says more than the default repertoire */
};

struct charset_terms charset_terms_parse(struct slice specific_character_set);

/* The code element that an escape sequence designates (bytes after ESC), whether it goes to G1, and its length. false: none
 * that we know. */
bool charset_terms_escape(struct slice after_escape, unsigned *element, bool *to_g1, size_t *length);

#endif
