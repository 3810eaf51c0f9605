/* SPDX-License-Identifier: Apache-2.0 */
/* scan_capture: see the header. What is checked here is only noted; a wrong value is filed as it is. */
#include "codec/dicom/scan_capture.h"

#include "codec/dicom/uid.h"

#define TAG_SPECIFIC_CHARACTER_SET 0x00080005u
#define TAG_NUMBER_OF_FRAMES 0x00280008u
#define TAG_ICON_IMAGE_SEQUENCE 0x00880200u

/* The place of `tag` in the table, or of the first one behind it. Elements come in order nearly always, so it is a step or
 * two. */
static const struct indexed_attribute *find_entry(struct scan *scan, uint32_t tag) {
    size_t count;
    const struct indexed_attribute *table = indexed_table(&count);
    size_t at = scan->table_at;
    if (at && table[at - 1].tag >= tag) at = 0;
    while (at < count && table[at].tag < tag) at++;
    scan->table_at = (uint16_t)at;
    return at < count && table[at].tag == tag ? &table[at] : NULL;
}

static bool mark_seen(struct scan *scan, uint8_t code) {
    uint64_t bit = UINT64_C(1) << (code & 63);
    if (scan->seen[code >> 6] & bit) return false;
    scan->seen[code >> 6] |= bit;
    return true;
}

void scan_capture_begin(struct scan *scan, const struct scan_element *element) {
    const struct indexed_attribute *entry = find_entry(scan, element->tag);
    if (!entry) return;
    bool presence_only = entry->value_bytes_max == 0;
    if (element->shape != SCAN_SHAPE_VALUE && !presence_only) return;
    if (!mark_seen(scan, entry->code)) {
        scan->remarks |= SCAN_REMARK_DUPLICATE;
        return;
    }
    if (element->tag == TAG_ICON_IMAGE_SEQUENCE) scan->icon = true;
    const char *vr = element->vr && element->vr->kind != VR_UNKNOWN ? element->vr->name : entry->vr;
    if (!attributes_begin(scan->out, element->tag, vr)) scan->remarks |= SCAN_REMARK_VALUE_DROPPED;
    if (presence_only) {
        attributes_end(scan->out, element->length ? ATTRIBUTE_CUT : 0);
        return;
    }
    scan->capture_left = element->length < entry->value_bytes_max ? element->length : entry->value_bytes_max;
    scan->capture_cut = element->length > entry->value_bytes_max;
    scan->capture_big = element->big;
    scan->capture_vr = vr_find(vr);
    scan->capturing = true;
}

void scan_capture_append(struct scan *scan, const uint8_t *bytes, size_t n) {
    if (n > scan->capture_left) n = scan->capture_left;
    scan->capture_left -= (uint32_t)n;
    uint32_t dropped = scan->out->dropped;
    attributes_append(scan->out, bytes, n);
    if (scan->out->dropped != dropped) scan->remarks |= SCAN_REMARK_VALUE_DROPPED;
}

/* PS3.5 7.3: each number is turned round. */
static void turn_round(uint8_t *value, uint32_t length, uint32_t unit) {
    for (uint32_t at = 0; at + unit <= length; at += unit) {
        for (uint32_t i = 0; i < unit / 2; i++) {
            uint8_t byte = value[at + i];
            value[at + i] = value[at + unit - 1 - i];
            value[at + unit - 1 - i] = byte;
        }
    }
}

/* PS3.5 9.1 and 6.2: UI is padded with one NUL when its length is odd. */
static uint32_t check_uid(struct slice value) {
    struct slice uid = uid_trim(value);
    uint32_t remarks = uid.length && !uid_is_valid(uid) ? SCAN_REMARK_INVALID_UID : 0;
    size_t padding = value.length - uid.length;
    bool one_nul = padding == 1 && value.bytes[value.length - 1] == 0 && (uid.length & 1);
    return padding && uid.length && !one_nul ? remarks | SCAN_REMARK_PADDED_UID : remarks;
}

static bool parts_values(const struct vr *vr, uint8_t c) {
    return (vr->multiple && c == '\\') || (c == '=' && memcmp(vr->name, "PN", 2) == 0);
}

/* Whether one value (of a PN: one component group) is longer than Table 6.2-1 allows. */
static bool is_too_long(const struct vr *vr, struct slice value) {
    size_t start = 0;
    for (size_t at = 0; at <= value.length; at++) {
        if (at < value.length && !parts_values(vr, value.bytes[at])) continue;
        if (slice_unpadded(slice_of(value.bytes + start, at - start)).length > vr->characters_max) return true;
        start = at + 1;
    }
    return false;
}

/* Defined Terms of C.12.1.1.2 whose characters may take several bytes, or escapes: there bytes say nothing about characters. */
static bool is_multi_byte(struct slice value) {
    static const char *const words[] = {"ISO 2022", "ISO_IR 192", "GB18030", "GBK"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (value.length && memmem(value.bytes, value.length, words[i], strlen(words[i]))) return true;
    }
    return false;
}

/* An IS: digits with spaces around. */
static uint32_t parse_count(struct slice value) {
    uint32_t count = 0;
    for (size_t i = 0; i < value.length; i++) {
        uint8_t c = value.bytes[i];
        if (c == ' ' || c == 0 || (c == '+' && count == 0)) continue;
        if (c < '0' || c > '9' || count > UINT32_MAX / 10 - 1) return 0;
        count = count * 10 + (c - '0');
    }
    return count;
}

static void note_value(struct scan *scan, const struct vr *vr, struct slice value) {
    if (memcmp(vr->name, "UI", 2) == 0) {
        scan->remarks |= check_uid(value);
    } else if (vr->characters_max && !(scan->multi_byte && vr->kind == VR_LOCAL) && value.length > vr->characters_max &&
               is_too_long(vr, value)) {
        scan->remarks |= SCAN_REMARK_VALUE_TOO_LONG;
    }
    if (scan->element_tag == TAG_SPECIFIC_CHARACTER_SET) scan->multi_byte = is_multi_byte(value);
    if (scan->element_tag == TAG_NUMBER_OF_FRAMES) scan->number_of_frames = parse_count(value);
}

void scan_capture_end(struct scan *scan) {
    scan->capturing = false;
    uint32_t length;
    uint8_t *value = attributes_open_value(scan->out, &length);
    if (!value) return;
    const struct vr *vr = scan->capture_vr;
    if (scan->capture_big && vr->unit > 1) turn_round(value, length, vr->unit);
    note_value(scan, vr, slice_of(value, length));
    if (scan->capture_cut) scan->remarks |= SCAN_REMARK_VALUE_CUT;
    attributes_end(scan->out, scan->capture_cut ? ATTRIBUTE_CUT : 0);
}
