/* SPDX-License-Identifier: Apache-2.0 */
/* part10: reading (find where group 2 begins, walk it, see where it ends), guessing an encoding, writing. */
#include "codec/dicom/part10.h"

#include "codec/dicom/uid.h"
#include "codec/dicom/uids.h"
#include "codec/dicom/vr.h"
#include "engine/base/check.h"
#include "engine/base/cursor.h"
#include "engine/base/identity.h"

#define PREAMBLE_BYTES 128u
#define PREFIX "DICM"
#define PREFIX_BYTES 4u
#define ELEMENT_BYTES_MIN 8u
#define UNDEFINED 0xFFFFFFFFu

/* ---- the look of an element ---- */

struct header {
    uint16_t group, number;
    uint32_t length;
    uint8_t bytes; /* of the header */
    bool has_vr;
};

/* bytes: at least 8. false: more are needed (the long form of explicit VR). */
static bool header_read(struct slice bytes, bool big_endian, struct header *out) {
    const uint8_t *b = bytes.bytes;
    *out = (struct header){0};
    out->group = big_endian ? load_be16(b) : load_le16(b);
    out->number = big_endian ? load_be16(b + 2) : load_le16(b + 2);
    const struct vr *vr = vr_find(b + 4);
    out->has_vr = vr != NULL;
    if (!vr || !vr->long_form) {
        const uint8_t *at = vr ? b + 6 : b + 4;
        out->length = vr ? (big_endian ? load_be16(at) : load_le16(at)) : (big_endian ? load_be32(at) : load_le32(at));
        out->bytes = 8;
        return true;
    }
    if (bytes.length < 12) return false;
    out->length = big_endian ? load_be32(b + 8) : load_le32(b + 8);
    out->bytes = 12;
    return true;
}

/* Where a data set may begin: a real group, and a value that is not absurd. Text, pictures and programs don't look like that. */
#define FIRST_GROUP_MAX 0x0040u
#define FIRST_LENGTH_MAX (1u << 20)

static bool looks_first(const struct header *h) {
    if (h->group < 8 && h->group != 4) return false;
    return h->group <= FIRST_GROUP_MAX && (h->length <= FIRST_LENGTH_MAX || (h->has_vr && h->length == UNDEFINED));
}

/* Whether what follows the first element goes on upwards, as far as can be seen. */
static bool goes_on(struct slice data_set, const struct header *first, bool big_endian) {
    if (first->length == UNDEFINED || first->length >= data_set.length) return true;
    size_t at = first->bytes + first->length;
    if (at + ELEMENT_BYTES_MIN > data_set.length) return true;
    struct header next;
    if (!header_read(slice_of(data_set.bytes + at, data_set.length - at), big_endian, &next)) return true;
    uint32_t first_tag = (uint32_t)first->group << 16 | first->number;
    return ((uint32_t)next.group << 16 | next.number) > first_tag && next.has_vr == first->has_vr;
}

bool part10_guess_encoding(struct slice data_set, enum scan_encoding *out) {
    if (data_set.length < ELEMENT_BYTES_MIN) return false;
    struct header little, big;
    if (header_read(data_set, false, &little) && looks_first(&little) && goes_on(data_set, &little, false)) {
        *out = little.has_vr ? SCAN_EXPLICIT_LE : SCAN_IMPLICIT_LE;
        return true;
    }
    if (header_read(data_set, true, &big) && big.has_vr && looks_first(&big) && goes_on(data_set, &big, true)) {
        *out = SCAN_EXPLICIT_BE;
        return true;
    }
    return false;
}

static const char *uid_of(enum scan_encoding encoding) {
    switch (encoding) {
    case SCAN_IMPLICIT_LE: return UIDS_IMPLICIT_LE;
    case SCAN_EXPLICIT_BE: return UIDS_EXPLICIT_BE;
    case SCAN_DEFLATED: return UIDS_DEFLATED;
    default: return UIDS_EXPLICIT_LE;
    }
}

/* ---- group 2 ---- */

static bool is_meta(struct slice head, size_t at) {
    return head.length >= at + ELEMENT_BYTES_MIN && load_le16(head.bytes + at) == 2;
}

static bool has_prefix(struct slice head, size_t at) {
    return head.length >= at + PREFIX_BYTES && memcmp(head.bytes + at, PREFIX, PREFIX_BYTES) == 0;
}

/* Where the head ends and group 2, or the data set, begins. */
static size_t find_start(struct slice head, uint32_t *remarks) {
    if (has_prefix(head, PREAMBLE_BYTES)) return PREAMBLE_BYTES + PREFIX_BYTES;
    if (has_prefix(head, 0)) {
        *remarks |= PART10_REMARK_NO_PREAMBLE;
        return PREFIX_BYTES;
    }
    *remarks |= PART10_REMARK_NO_PREFIX;
    enum scan_encoding ignored;
    bool starts_at_once = is_meta(head, 0) || part10_guess_encoding(head, &ignored);
    if (!starts_at_once && is_meta(head, PREAMBLE_BYTES) && vr_find(head.bytes + PREAMBLE_BYTES + 4)) return PREAMBLE_BYTES;
    *remarks |= PART10_REMARK_NO_PREAMBLE;
    return 0;
}

/* Text values of group 2, by element number. */
static struct slice *member_for(struct part10 *out, uint16_t number) {
    switch (number) {
    case 0x0002: return &out->sop_class;
    case 0x0003: return &out->sop_instance;
    case 0x0010: return &out->transfer_syntax;
    case 0x0012: return &out->implementation_class;
    case 0x0013: return &out->implementation_version;
    case 0x0016: return &out->source_aet;
    case 0x0017: return &out->sending_aet;
    case 0x0018: return &out->receiving_aet;
    default: return NULL;
    }
}

struct walk {
    size_t at, declared_end; /* declared_end 0: no group length yet */
    bool first;
};

/* Whether the element at walk->at still belongs to group 2. A deflated data set may begin with any bytes, so there the group
 * length decides. */
static bool still_meta(struct slice head, const struct walk *walk, const struct part10 *out) {
    bool deflated = out->transfer_syntax.length && uids_encoding(out->transfer_syntax) == SCAN_DEFLATED;
    if (deflated && walk->at == walk->declared_end) return false;
    return is_meta(head, walk->at);
}

static void take_meta(struct part10 *out, struct walk *walk, const struct header *h, struct slice value) {
    if (h->number == 0 && value.length == 4 && walk->first)
        walk->declared_end = walk->at + h->bytes + 4 + (size_t)load_le32(value.bytes);
    if (!h->has_vr) out->remarks |= PART10_REMARK_IMPLICIT_META;
    struct slice *member = member_for(out, h->number);
    if (member && member->length == 0) *member = uid_trim(value);
    walk->first = false;
}

static bool walk_meta(struct slice head, struct walk *walk, struct part10 *out, struct fault *fault) {
    while (still_meta(head, walk, out)) {
        struct header h;
        if (!header_read(slice_of(head.bytes + walk->at, head.length - walk->at), false, &h))
            return fault_set(fault, FAULT_LIMIT, walk->at, "the file ends inside its meta information");
        if (h.length == UNDEFINED)
            return fault_set(fault, FAULT_MALFORMED, walk->at, "meta information with an element of undefined length");
        if (h.length > head.length - walk->at - h.bytes)
            return fault_set(fault, FAULT_LIMIT, walk->at, "meta element (0002,%04X) says %u bytes, beyond what was read",
                             h.number, h.length);
        take_meta(out, walk, &h, slice_of(head.bytes + walk->at + h.bytes, h.length));
        walk->at += h.bytes + h.length;
    }
    if (walk->declared_end == 0)
        out->remarks |= PART10_REMARK_NO_GROUP_LENGTH;
    else if (walk->declared_end != walk->at)
        out->remarks |= PART10_REMARK_WRONG_GROUP_LENGTH;
    return true;
}

bool part10_parse(struct slice head, struct part10 *out, struct fault *fault) {
    *out = (struct part10){0};
    struct walk walk = {.at = find_start(head, &out->remarks), .first = true};
    if (!is_meta(head, walk.at))
        out->remarks |= PART10_REMARK_NO_META;
    else if (!walk_meta(head, &walk, out, fault))
        return false;
    out->data_set_offset = walk.at;

    struct slice data_set = slice_of(head.bytes + walk.at, head.length - walk.at);
    enum scan_encoding seen;
    bool known = part10_guess_encoding(data_set, &seen);
    if (out->transfer_syntax.length == 0) {
        if (!known && (out->remarks & PART10_REMARK_NO_META))
            return fault_set(fault, FAULT_MALFORMED, walk.at,
                             "not a DICOM file: no meta information, and nothing that looks like a data set");
        if (!(out->remarks & PART10_REMARK_NO_META)) out->remarks |= PART10_REMARK_NO_TRANSFER_SYNTAX;
        if (!known)
            seen = data_set.length >= ELEMENT_BYTES_MIN && vr_find(data_set.bytes + 4) ? SCAN_EXPLICIT_LE : SCAN_IMPLICIT_LE;
        out->transfer_syntax = slice_text(uid_of(seen));
    }
    out->encoding = uids_encoding(out->transfer_syntax);
    out->encoding_seen = known && out->encoding != SCAN_DEFLATED ? seen : out->encoding;
    if (out->encoding_seen != out->encoding) out->remarks |= PART10_REMARK_OTHER_ENCODING;
    return true;
}

/* ---- writing ---- */

static void write_element(struct writer *w, uint16_t number, const char vr[static 2], struct slice value) {
    bool odd = value.length & 1;
    if (value.length + odd > UINT16_MAX) w->failed = true;
    writer_le16(w, 2);
    writer_le16(w, number);
    writer_bytes(w, vr, 2);
    writer_le16(w, (uint16_t)(value.length + odd));
    writer_slice(w, value);
    if (odd) writer_u8(w, vr[0] == 'U' ? 0 : ' '); /* PS3.5 6.2: UI is padded with NUL, AE and SH with a space */
}

static void write_title(struct writer *w, uint16_t number, struct slice aet) {
    if (aet.length) write_element(w, number, "AE", aet);
}

#define GROUP_LENGTH_BYTES 12u /* (0002,0000), which the group length does not count */

size_t part10_write_header(uint8_t *buffer, size_t capacity, const struct part10_meta *meta) {
    static const uint8_t version[2] = {0, 1};
    struct writer w = writer_over(buffer, capacity);
    writer_zeros(&w, PREAMBLE_BYTES);
    writer_bytes(&w, PREFIX, PREFIX_BYTES);
    uint8_t *group_length = writer_room(&w, GROUP_LENGTH_BYTES);
    writer_bytes(&w, "\2\0\1\0OB\0\0\2\0\0\0", 12);
    writer_bytes(&w, version, sizeof version);
    write_element(&w, 0x0002, "UI", meta->sop_class);
    write_element(&w, 0x0003, "UI", meta->sop_instance);
    write_element(&w, 0x0010, "UI", meta->transfer_syntax);
    write_element(&w, 0x0012, "UI", slice_text(IDENTITY_CLASS_UID));
    write_element(&w, 0x0013, "SH", slice_text(IDENTITY_VERSION));
    write_title(&w, 0x0016, meta->source_aet);
    write_title(&w, 0x0017, meta->sending_aet);
    write_title(&w, 0x0018, meta->receiving_aet);
    if (w.failed) return 0;
    memcpy(group_length, "\2\0\0\0UL\4\0", 8);
    store_le32(group_length + 8, (uint32_t)(writer_length(&w) - PREAMBLE_BYTES - PREFIX_BYTES - GROUP_LENGTH_BYTES));
    return writer_length(&w);
}
