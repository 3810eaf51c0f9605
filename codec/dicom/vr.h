/* SPDX-License-Identifier: Apache-2.0 */
/* vr: value representations (PS3.5 6.2) as a table: how the length is coded, what is swapped between byte orders, how long
 * a value may be. Constant data; any thread. */
#ifndef LEAT_DICOM_VR_H
#define LEAT_DICOM_VR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vr_kind {
    VR_TEXT,     /* characters of the default repertoire */
    VR_LOCAL,    /* characters in the Specific Character Set */
    VR_NUMBER,   /* binary numbers, `unit` bytes each */
    VR_STREAM,   /* OB, OW ...: numbers too, but a value may be fragments of undefined length */
    VR_UNKNOWN,  /* UN */
    VR_SEQUENCE, /* SQ */
};

struct vr {
    char name[2];
    uint8_t kind;         /* enum vr_kind */
    uint8_t unit;         /* bytes that big endian turns round; 1: none */
    bool long_form;       /* explicit: two reserved bytes and a length of 32 bits (PS3.5 7.1.2) */
    bool multiple;        /* a backslash parts values */
    uint16_t characters_max; /* of one value (PN: of one component group), in characters; 0: not limited, or by its kind */
};

/* NULL: no such VR. name: two bytes, any. */
const struct vr *vr_find(const void *name);

#endif
