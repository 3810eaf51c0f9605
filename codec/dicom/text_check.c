/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/dicom/text_check.h"

#include "codec/dicom/charset.h"
#include "codec/dicom/scan.h"

#define TAG_SPECIFIC_CHARACTER_SET 0x00080005u

/* VRs that the Specific Character Set applies to (PS3.5 6.1.2.2). */
static bool is_text(const char vr[2]) {
    static const char texts[][2] = {{'P', 'N'}, {'L', 'O'}, {'S', 'H'}, {'L', 'T'}, {'S', 'T'}, {'U', 'C'}, {'U', 'T'}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (vr[0] == texts[i][0] && vr[1] == texts[i][1]) return true;
    return false;
}

/* Neither bytes above 127 nor escape sequences: any character set holds it. */
static bool is_plain(struct slice text) {
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] >= 0x80 || text.bytes[i] == 0x1B) return false;
    return true;
}

static bool is_held(struct slice character_set, const struct attribute *attribute) {
    char out[16]; /* the text itself is of no interest */
    bool lossy = false;
    bool person_name = attribute->vr[0] == 'P';
    (void)charset_to_utf8(character_set, attribute->value, person_name, out, sizeof out, &lossy);
    return !lossy;
}

uint32_t text_check(struct slice attributes) {
    struct slice character_set = {0};
    struct attribute attribute;
    uint32_t remarks = 0;
    attributes_find(attributes, TAG_SPECIFIC_CHARACTER_SET, &character_set);
    character_set = slice_unpadded(character_set);
    if (character_set.length && !charset_is_standard(character_set)) remarks |= SCAN_REMARK_UNKNOWN_CHARACTER_SET;
    for (struct reader r = reader_over(attributes); attributes_next(&r, &attribute);) {
        if (!is_text(attribute.vr) || is_plain(attribute.value) || attribute.flags & ATTRIBUTE_CUT) continue;
        if (!is_held(character_set, &attribute)) remarks |= SCAN_REMARK_NOT_IN_CHARACTER_SET;
    }
    return remarks;
}
