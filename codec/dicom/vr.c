/* SPDX-License-Identifier: Apache-2.0 */
/* vr: Table 6.2-1 of PS3.5. The look-up is one load in a table of all pairs of capitals: the scanner does it for every
 * element. */
#include "codec/dicom/vr.h"

/* name, kind, unit, long form, multiple, characters at most */
#define VR_TABLE(X) \
    X('A', 'E', VR_TEXT, 1, false, true, 16)      \
    X('A', 'S', VR_TEXT, 1, false, true, 4)       \
    X('A', 'T', VR_NUMBER, 2, false, true, 0)     \
    X('C', 'S', VR_TEXT, 1, false, true, 16)      \
    X('D', 'A', VR_TEXT, 1, false, true, 10)      \
    X('D', 'S', VR_TEXT, 1, false, true, 16)      \
    X('D', 'T', VR_TEXT, 1, false, true, 26)      \
    X('F', 'D', VR_NUMBER, 8, false, true, 0)     \
    X('F', 'L', VR_NUMBER, 4, false, true, 0)     \
    X('I', 'S', VR_TEXT, 1, false, true, 12)      \
    X('L', 'O', VR_LOCAL, 1, false, true, 64)     \
    X('L', 'T', VR_LOCAL, 1, false, false, 10240) \
    X('O', 'B', VR_STREAM, 1, true, false, 0)     \
    X('O', 'D', VR_STREAM, 8, true, false, 0)     \
    X('O', 'F', VR_STREAM, 4, true, false, 0)     \
    X('O', 'L', VR_STREAM, 4, true, false, 0)     \
    X('O', 'V', VR_STREAM, 8, true, false, 0)     \
    X('O', 'W', VR_STREAM, 2, true, false, 0)     \
    X('P', 'N', VR_LOCAL, 1, false, true, 64)     \
    X('S', 'H', VR_LOCAL, 1, false, true, 16)     \
    X('S', 'L', VR_NUMBER, 4, false, true, 0)     \
    X('S', 'Q', VR_SEQUENCE, 1, true, false, 0)   \
    X('S', 'S', VR_NUMBER, 2, false, true, 0)     \
    X('S', 'T', VR_LOCAL, 1, false, false, 1024)  \
    X('S', 'V', VR_NUMBER, 8, true, true, 0)      \
    X('T', 'M', VR_TEXT, 1, false, true, 16)      \
    X('U', 'C', VR_LOCAL, 1, true, true, 0)       \
    X('U', 'I', VR_TEXT, 1, false, true, 64)      \
    X('U', 'L', VR_NUMBER, 4, false, true, 0)     \
    X('U', 'N', VR_UNKNOWN, 1, true, false, 0)    \
    X('U', 'R', VR_TEXT, 1, true, false, 0)       \
    X('U', 'S', VR_NUMBER, 2, false, true, 0)     \
    X('U', 'T', VR_LOCAL, 1, true, false, 0)      \
    X('U', 'V', VR_NUMBER, 8, true, true, 0)

#define VR_PLACE(a, b) (((a) - 'A') * 26 + (b) - 'A')

static const struct vr table[26 * 26] = {
#define VR_ROW(a, b, kind, unit, long_form, multiple, characters_max) \
    [VR_PLACE(a, b)] = {{a, b}, kind, unit, long_form, multiple, characters_max},
    VR_TABLE(VR_ROW)
#undef VR_ROW
};

const struct vr *vr_find(const void *name) {
    const uint8_t *letters = name;
    unsigned first = letters[0] - 'A', second = letters[1] - 'A';
    if (first >= 26 || second >= 26) return NULL;
    const struct vr *vr = &table[first * 26 + second];
    return vr->unit ? vr : NULL;
}
