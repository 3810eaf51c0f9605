/* SPDX-License-Identifier: Apache-2.0 */
/* scan_element: header decoding. Order of the file: tags and lengths in both byte orders, items, implicit, explicit, what
 * stands in place of a VR when it is none, the first element. */
#include "codec/dicom/scan_element.h"

#define TAG_ITEM 0xFFFEE000u
#define TAG_ITEM_END 0xFFFEE00Du
#define TAG_SEQUENCE_END 0xFFFEE0DDu

static uint16_t load16(const uint8_t *p, bool big) { return big ? load_be16(p) : load_le16(p); }
static uint32_t load32(const uint8_t *p, bool big) { return big ? load_be32(p) : load_le32(p); }
static uint32_t load_tag(const uint8_t *p, bool big) { return (uint32_t)load16(p, big) << 16 | load16(p + 2, big); }

/* PS3.5 7.5: items and delimiters have no VR in any transfer syntax. */
static size_t decode_item(const uint8_t *bytes, struct scan_element *out) {
    out->length = load32(bytes + 4, out->big);
    out->header_bytes = 8;
    switch (out->tag) {
    case TAG_ITEM: out->shape = SCAN_SHAPE_ITEM; break;
    case TAG_ITEM_END: out->shape = SCAN_SHAPE_ITEM_END; break;
    case TAG_SEQUENCE_END: out->shape = SCAN_SHAPE_SEQUENCE_END; break;
    default: out->shape = SCAN_SHAPE_IMPOSSIBLE;
    }
    return 0;
}

/* PS3.5 7.1.3. Without a dictionary a sequence is known by its undefined length or by the item that it begins with. */
static size_t decode_implicit(const uint8_t *bytes, size_t have, enum scan_syntax syntax, struct scan_element *out) {
    out->length = load32(bytes + 4, out->big);
    out->header_bytes = 8;
    out->inner = (uint8_t)syntax;
    if (out->length == SCAN_UNDEFINED) {
        out->shape = scan_element_is_pixel_data(out->tag) ? SCAN_SHAPE_FRAGMENTS : SCAN_SHAPE_SEQUENCE;
        return 0;
    }
    if (out->length < 8 || scan_element_is_pixel_data(out->tag)) return 0;
    if (have < 12) return 12;
    if (load_tag(bytes + 8, out->big) == TAG_ITEM) out->shape = SCAN_SHAPE_SEQUENCE;
    return 0;
}

/* What an explicit element of undefined length is. CP-246: UN holds items in implicit VR little endian. */
static void shape_undefined(struct scan_element *out, enum scan_syntax syntax) {
    enum vr_kind kind = out->vr ? (enum vr_kind)out->vr->kind : VR_TEXT;
    bool pixels = scan_element_is_pixel_data(out->tag);
    out->inner = (uint8_t)syntax;
    out->shape = SCAN_SHAPE_SEQUENCE;
    if (pixels || kind == VR_STREAM) {
        out->shape = SCAN_SHAPE_FRAGMENTS;
        if (!pixels) out->remarks |= SCAN_REMARK_UNDEFINED_LENGTH;
    } else if (kind == VR_UNKNOWN) {
        out->inner = SCAN_SYNTAX_EITHER;
        out->remarks |= SCAN_REMARK_UN_SEQUENCE;
    } else if (kind != VR_SEQUENCE) {
        out->remarks |= SCAN_REMARK_UNDEFINED_LENGTH;
    }
}

static size_t decode_long(const uint8_t *bytes, size_t have, enum scan_syntax syntax, struct scan_element *out) {
    if (have < 12) return 12;
    out->length = load32(bytes + 8, out->big);
    out->header_bytes = 12;
    if (load_le16(bytes + 6)) out->remarks |= SCAN_REMARK_RESERVED_NOT_ZERO;
    if (out->length == SCAN_UNDEFINED) {
        shape_undefined(out, syntax);
    } else if (out->vr && out->vr->kind == VR_SEQUENCE && out->length) {
        out->shape = SCAN_SHAPE_SEQUENCE;
        out->inner = (uint8_t)syntax;
    }
    return 0;
}

/* A 16-bit length of 0xFFFF is either the longest (and odd) one, or an undefined one that was cut: an item then follows. */
static size_t decode_short(const uint8_t *bytes, size_t have, enum scan_syntax syntax, struct scan_element *out) {
    out->length = load16(bytes + 6, out->big);
    out->header_bytes = 8;
    if (out->length != 0xFFFF) return 0;
    if (have < 12) return 12;
    uint32_t next = load_tag(bytes + 8, out->big);
    if (next == TAG_ITEM || next == TAG_SEQUENCE_END) {
        out->length = SCAN_UNDEFINED;
        out->shape = SCAN_SHAPE_SEQUENCE;
        out->inner = (uint8_t)syntax;
        out->remarks |= SCAN_REMARK_UNDEFINED_LENGTH;
    }
    return 0;
}

static bool is_capital(uint8_t c) { return c >= 'A' && c <= 'Z'; }

/* "??", "  " and "--" are what devices write that don't know the VR; the length behind it has 16 bits. */
static bool is_placeholder(const uint8_t *vr) { return vr[0] == vr[1] && (vr[0] == '?' || vr[0] == ' ' || vr[0] == '-'); }

/* Two zero bytes in place of the VR: a length that is a multiple of 64 KiB (pixels, overlays, curves), or no VR and a
 * 16-bit length. */
static bool is_zero_vr(const uint8_t *bytes, const struct scan_element *e) {
    return load_le16(bytes + 4) == 0 && load_le16(bytes + 6) != 0 && !e->big && (e->tag >> 16 < 0x5000 || (e->tag >> 16 & 1));
}

/* Explicit VR, but no VR that exists. New VRs of a later standard have the long form (PS3.5 7.1.2), so capitals with two
 * zero bytes behind them are that; what is no text at all is the length of an implicit element. */
static size_t decode_odd_vr(const uint8_t *bytes, size_t have, enum scan_syntax syntax, struct scan_element *out) {
    if (is_capital(bytes[4]) && is_capital(bytes[5])) {
        out->remarks |= SCAN_REMARK_UNKNOWN_VR;
        if (load_le16(bytes + 6) == 0) return decode_long(bytes, have, syntax, out);
        return decode_short(bytes, have, syntax, out);
    }
    if (is_placeholder(bytes + 4) || is_zero_vr(bytes, out)) {
        out->remarks |= SCAN_REMARK_UNKNOWN_VR;
        return decode_short(bytes, have, syntax, out);
    }
    out->remarks |= SCAN_REMARK_IMPLICIT_INSIDE;
    return decode_implicit(bytes, have, syntax, out);
}

static size_t decode_explicit(const uint8_t *bytes, size_t have, enum scan_syntax syntax, struct scan_element *out) {
    if (!out->vr) return decode_odd_vr(bytes, have, syntax, out);
    if (out->vr->long_form) return decode_long(bytes, have, syntax, out);
    return decode_short(bytes, have, syntax, out);
}

size_t scan_element_decode(const uint8_t *bytes, size_t have, enum scan_syntax syntax, struct scan_element *out) {
    bool big = syntax == SCAN_SYNTAX_BIG;
    *out = (struct scan_element){.tag = load_tag(bytes, big), .big = big, .shape = SCAN_SHAPE_VALUE, .inner = SCAN_SYNTAX_NONE};
    uint32_t group = out->tag >> 16;
    if (group == 0xFFFE) return decode_item(bytes, out);
    if (scan_element_is_impossible(out->tag)) {
        out->shape = SCAN_SHAPE_IMPOSSIBLE;
        out->header_bytes = 8;
        return 0;
    }
    /* Group 2 is explicit VR little endian wherever it is (PS3.10 7.1). */
    bool may_be_explicit = syntax != SCAN_SYNTAX_IMPLICIT || group == 2;
    if (may_be_explicit) out->vr = vr_find(bytes + 4);
    if (syntax == SCAN_SYNTAX_EXPLICIT || syntax == SCAN_SYNTAX_BIG) return decode_explicit(bytes, have, syntax, out);
    if (!out->vr) return decode_implicit(bytes, have, syntax, out);
    if (syntax == SCAN_SYNTAX_EITHER) out->remarks |= SCAN_REMARK_UN_NOT_IMPLICIT;
    return decode_explicit(bytes, have, syntax, out);
}

/* ---- the first element ---- */

/* A first element is short, or a sequence. Where implicit VR was not announced, it has to be of a low group, too, and
 * shorter than any length that two characters in place of a VR could be taken for. */
static bool is_plausible_implicit(uint32_t tag, uint32_t length, bool is_announced) {
    if (tag == 0 || (tag >> 16 > 0x0040 && !is_announced)) return false;
    return length <= (is_announced ? 1u << 20 : 4096u) || length == SCAN_UNDEFINED;
}

enum scan_syntax scan_element_first(const uint8_t bytes[SCAN_HEADER_BYTES_MIN], enum scan_syntax announced) {
    uint32_t little = load_tag(bytes, false), big = load_tag(bytes, true);
    if (load_le64(bytes) == 0) return SCAN_SYNTAX_NONE;
    bool big_first = big >> 16 <= 0x0008 && little >> 16 >= 0x0100, little_first = little >> 16 <= 0x0008 && big >> 16 >= 0x0100;
    uint32_t tag = announced == SCAN_SYNTAX_BIG ? big : little;
    if (vr_find(bytes + 4)) {
        enum scan_syntax seen = announced == SCAN_SYNTAX_IMPLICIT ? SCAN_SYNTAX_EXPLICIT : announced;
        if (big_first) seen = SCAN_SYNTAX_BIG;
        if (little_first) seen = SCAN_SYNTAX_EXPLICIT;
        tag = seen == SCAN_SYNTAX_BIG ? big : little;
        return scan_element_is_impossible(tag) || tag >> 16 == 0xFFFE ? SCAN_SYNTAX_NONE : seen;
    }
    if (scan_element_is_impossible(tag)) return SCAN_SYNTAX_NONE;
    bool implicit_announced = announced == SCAN_SYNTAX_IMPLICIT;
    if (is_plausible_implicit(little, load_le32(bytes + 4), implicit_announced) && !(announced == SCAN_SYNTAX_BIG && big_first)) {
        return implicit_announced ? announced : SCAN_SYNTAX_EITHER;
    }
    if (implicit_announced) return SCAN_SYNTAX_NONE;
    if (announced == SCAN_SYNTAX_BIG && is_plausible_implicit(big, load_be32(bytes + 4), false)) return announced;
    bool letters = is_capital(bytes[4]) && is_capital(bytes[5]);
    return (letters || is_placeholder(bytes + 4)) && tag >> 16 <= 0x0040 ? announced : SCAN_SYNTAX_NONE;
}
