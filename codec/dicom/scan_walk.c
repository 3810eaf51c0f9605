/* SPDX-License-Identifier: Apache-2.0 */
/* scan_walk: the walk. Every byte is part of a header (gathered, up to 12 bytes) or of a value (captured or passed over).
 * What a header means depends on where it stands: at the top, between the items of the innermost open sequence, or in an
 * item of it. Items of a coded length are passed over, so only items of undefined length nest.
 *
 * Order of the file: faults, sequences, values, the three places, headers, the end. */
#include "codec/dicom/scan_walk.h"

#include "codec/dicom/scan_capture.h"
#include "codec/dicom/scan_element.h"

#include <inttypes.h>

#define GARBAGE_BYTES_MAX 4096 /* where no pixel data came before */
#define TAG_WORDS(tag) (unsigned)((tag) >> 16), (unsigned)((tag)&0xFFFF)

static struct scan_frame *top_frame(struct scan *scan) { return scan->depth ? &scan->frames[scan->depth - 1] : NULL; }

/* ---- faults, and what they are behind the last element ---- */

/* From the element being read on it may all be garbage: what is remarked in it then doesn't count. */
static void suspect_garbage(struct scan *scan) {
    if (scan->garbage_offset != SCAN_NONE) return;
    scan->garbage_offset = scan->element_offset;
    scan->garbage_remarks = scan->remarks;
}

static void remark_garbage(struct scan *scan) { scan->remarks = scan->garbage_remarks | SCAN_REMARK_TRAILING_GARBAGE; }

/* Everything from here to the end is passed over. */
static bool pass_garbage(struct scan *scan) {
    scan->garbage = true;
    suspect_garbage(scan);
    remark_garbage(scan);
    attributes_abandon(scan->out);
    scan->capturing = false;
    scan->depth = 0;
    scan->value_left = UINT64_MAX;
    return true;
}

/* Bytes that can't be followed at the element being read: a fault, or garbage where pixel data have been before. */
static bool reject(struct scan *scan, struct fault *fault, const char *why) {
    if (scan->garbage_offset != SCAN_NONE) return pass_garbage(scan);
    return fault_set(fault, FAULT_MALFORMED, scan->element_offset, "%s (%04X,%04X) at offset %" PRIu64, why,
                     TAG_WORDS(scan->element_tag), scan->element_offset);
}

/* ---- sequences ---- */

static bool open_frame(struct scan *scan, const struct scan_element *element, uint64_t end, struct fault *fault) {
    if (scan->depth == SCAN_DEPTH_MAX) {
        if (scan->garbage_offset != SCAN_NONE) return pass_garbage(scan);
        return fault_set(fault, FAULT_LIMIT, scan->element_offset,
                         "sequences are nested deeper than %d at (%04X,%04X), offset %" PRIu64, SCAN_DEPTH_MAX,
                         TAG_WORDS(element->tag), scan->element_offset);
    }
    scan->frames[scan->depth++] = (struct scan_frame){
        .end = end,
        .tag = element->tag,
        .syntax = element->inner,
        .fragments = element->shape == SCAN_SHAPE_FRAGMENTS,
    };
    return true;
}

/* Remembers how the items of a coded length were read, in case that more of them follow. */
static void close_frame(struct scan *scan) {
    struct scan_frame *frame = top_frame(scan);
    scan->closed_syntax = frame->end == SCAN_NONE ? SCAN_SYNTAX_NONE : frame->syntax;
    scan->depth--;
}

/* Closes the sequences whose coded length is used up. A rest too short for an item is passed over. */
static void close_ended(struct scan *scan) {
    struct scan_frame *frame;
    while ((frame = top_frame(scan)) && !frame->in_item && frame->end != SCAN_NONE && scan->offset >= frame->end) {
        if (scan->offset > frame->end) scan->remarks |= SCAN_REMARK_SEQUENCE_OVERRUN;
        close_frame(scan);
    }
    if (frame && !frame->in_item && frame->end != SCAN_NONE && frame->end - scan->offset < SCAN_HEADER_BYTES_MIN) {
        scan->remarks |= SCAN_REMARK_SEQUENCE_MALFORMED;
        scan->value_left = frame->end - scan->offset;
    }
}

/* A sequence or an element in it begins. */
static bool begin_content(struct scan *scan, const struct scan_element *element, struct fault *fault) {
    scan->closed_syntax = SCAN_SYNTAX_NONE;
    scan->remarks |= element->remarks;
    if (element->length != SCAN_UNDEFINED && (element->length & 1)) scan->remarks |= SCAN_REMARK_ODD_LENGTH;
    if (element->shape == SCAN_SHAPE_VALUE) {
        scan->value_left = element->length;
        if (scan->value_left == 0) close_ended(scan);
        return true;
    }
    uint64_t end = element->length == SCAN_UNDEFINED ? SCAN_NONE : scan->offset + element->length;
    if (!open_frame(scan, element, end, fault)) return false;
    close_ended(scan);
    return true;
}

/* ---- values ---- */

static void end_value(struct scan *scan) {
    if (scan->capturing) scan_capture_end(scan);
    close_ended(scan);
}

static size_t pass_value(struct scan *scan, const uint8_t *bytes, size_t n) {
    if (n > scan->value_left) n = (size_t)scan->value_left;
    if (scan->capturing) scan_capture_append(scan, bytes, n);
    scan->value_left -= n;
    scan->offset += n;
    if (scan->value_left == 0) end_value(scan);
    return n;
}

/* ---- between items ---- */

static bool begin_item(struct scan *scan, const struct scan_element *element, struct fault *fault) {
    struct scan_frame *frame = top_frame(scan);
    frame->items++;
    if (frame->fragments && scan->depth == 1 && frame->tag == scan->pixel_data_tag && frame->items > 1) scan->fragments++;
    if (element->length == SCAN_UNDEFINED) {
        if (frame->fragments) return reject(scan, fault, "a fragment of undefined length in pixel data");
        frame->in_item = true;
        return true;
    }
    if (element->length & 1) scan->remarks |= SCAN_REMARK_ODD_LENGTH;
    scan->value_left = element->length;
    uint64_t end = scan->offset + element->length;
    if (frame->end != SCAN_NONE && end > frame->end) {
        scan->remarks |= SCAN_REMARK_SEQUENCE_OVERRUN;
        scan->overrun_end = frame->end;
        frame->end = end;
    }
    if (scan->value_left == 0) close_ended(scan);
    return true;
}

static bool between_items(struct scan *scan, const struct scan_element *element, struct fault *fault) {
    struct scan_frame *frame = top_frame(scan);
    if (element->shape == SCAN_SHAPE_ITEM) return begin_item(scan, element, fault);
    if (element->shape == SCAN_SHAPE_IMPOSSIBLE) return reject(scan, fault, "no item of a sequence, but");
    if (element->length) scan->remarks |= SCAN_REMARK_STRAY_DELIMITER;
    if (element->shape == SCAN_SHAPE_SEQUENCE_END && frame->end == SCAN_NONE) {
        if (frame->overrun) scan->remarks |= SCAN_REMARK_STRAY_DELIMITER;
        close_frame(scan);
    } else {
        scan->remarks |= SCAN_REMARK_STRAY_DELIMITER;
    }
    close_ended(scan);
    return true;
}

/* ---- items where elements belong: behind a sequence that was longer than its length ---- */

static bool begin_overrun(struct scan *scan, const struct scan_element *element, struct fault *fault) {
    if (scan->closed_syntax == SCAN_SYNTAX_NONE) return reject(scan, fault, "an item outside of a sequence:");
    scan->remarks |= SCAN_REMARK_SEQUENCE_OVERRUN;
    struct scan_element sequence = {.tag = scan->last_tag, .inner = scan->closed_syntax, .shape = SCAN_SHAPE_SEQUENCE};
    if (!open_frame(scan, &sequence, SCAN_NONE, fault)) return false;
    if (scan->garbage) return true;
    top_frame(scan)->overrun = true;
    return begin_item(scan, element, fault);
}

/* ---- in an item of undefined length ---- */

static bool end_item(struct scan *scan, const struct scan_element *element) {
    struct scan_frame *frame = top_frame(scan);
    if (element->length) scan->remarks |= SCAN_REMARK_STRAY_DELIMITER;
    if (element->shape == SCAN_SHAPE_ITEM_END) {
        frame->in_item = false;
    } else if (frame->end == SCAN_NONE) {
        scan->remarks |= SCAN_REMARK_MISSING_DELIMITER; /* of the item */
        close_frame(scan);
    } else {
        scan->remarks |= SCAN_REMARK_STRAY_DELIMITER;
    }
    close_ended(scan);
    return true;
}

static bool in_item(struct scan *scan, const struct scan_element *element, struct fault *fault) {
    switch (element->shape) {
    case SCAN_SHAPE_ITEM_END:
    case SCAN_SHAPE_SEQUENCE_END: return end_item(scan, element);
    case SCAN_SHAPE_IMPOSSIBLE: return reject(scan, fault, "no data element can be");
    case SCAN_SHAPE_ITEM:
        if (scan->closed_syntax != SCAN_SYNTAX_NONE) return begin_overrun(scan, element, fault);
        scan->remarks |= SCAN_REMARK_MISSING_DELIMITER;
        top_frame(scan)->in_item = false;
        return begin_item(scan, element, fault);
    default: return begin_content(scan, element, fault);
    }
}

/* ---- at the top ---- */

static void note_order(struct scan *scan, uint32_t tag) {
    if (tag < scan->last_tag) {
        if (scan->pixel_data_tag) suspect_garbage(scan);
        scan->remarks |= SCAN_REMARK_OUT_OF_ORDER;
    } else if (tag == scan->last_tag && scan->element_offset) {
        scan->remarks |= SCAN_REMARK_DUPLICATE;
    }
    if (tag >> 16 == 0 || tag >> 16 == 2) {
        scan->remarks |= SCAN_REMARK_FOREIGN_GROUP;
    } else if ((tag & 0xFFFF) == 0) {
        scan->remarks |= SCAN_REMARK_GROUP_LENGTH;
    }
    scan->last_tag = tag;
}

static void note_pixel_data(struct scan *scan, const struct scan_element *element) {
    if (!scan_element_is_pixel_data(element->tag) || scan->pixel_data_tag) return;
    scan->pixel_data_tag = element->tag;
    scan->pixel_data_offset = scan->element_offset;
    scan->pixel_data_value = scan->offset;
    scan->encapsulated = element->shape == SCAN_SHAPE_FRAGMENTS;
    scan->pixel_data_length = element->length == SCAN_UNDEFINED ? SCAN_NONE : element->length;
}

static bool at_top(struct scan *scan, const struct scan_element *element, struct fault *fault) {
    switch (element->shape) {
    case SCAN_SHAPE_ITEM_END:
    case SCAN_SHAPE_SEQUENCE_END: scan->remarks |= SCAN_REMARK_STRAY_DELIMITER; return true;
    case SCAN_SHAPE_ITEM:
        if (scan->pixel_data_tag && scan->closed_syntax == SCAN_SYNTAX_NONE) return pass_garbage(scan);
        return begin_overrun(scan, element, fault);
    case SCAN_SHAPE_IMPOSSIBLE:
        if (scan->pixel_data_tag) return pass_garbage(scan);
        return reject(scan, fault, "no data element can be");
    default: break;
    }
    if (element->tag == 0 && element->length != 4) return pass_garbage(scan); /* zeros; a command group length would be 4 bytes */
    note_order(scan, element->tag);
    note_pixel_data(scan, element);
    scan_capture_begin(scan, element);
    if (!begin_content(scan, element, fault)) return false;
    if (scan->capturing && scan->value_left == 0) scan_capture_end(scan);
    return true;
}

/* ---- headers ---- */

static bool has_enough_fragments(const struct scan *scan, const struct scan_frame *frame) {
    uint64_t wanted = scan->number_of_frames ? scan->number_of_frames : 1;
    return scan->depth > 1 || frame->items > wanted; /* the first item is the offset table */
}

/* Whether `element` can't be what the open sequence goes on with, so that the sequence is left and the same bytes are read
 * anew one level further out (or passed over: value_left). */
static bool leaves_frame(struct scan *scan, const struct scan_element *element) {
    struct scan_frame *frame = top_frame(scan);
    if (!frame) return false;
    if (frame->in_item) {
        if (frame->end == SCAN_NONE || scan->offset != frame->end || element->shape == SCAN_SHAPE_ITEM_END) return false;
        scan->remarks |= SCAN_REMARK_MISSING_DELIMITER;
    } else {
        if (element->tag >> 16 == 0xFFFE) return false;
        if (frame->end != SCAN_NONE) {
            scan->remarks |= SCAN_REMARK_SEQUENCE_MALFORMED;
            scan->value_left = frame->end - scan->offset;
            return true;
        }
        if (frame->fragments && !has_enough_fragments(scan, frame)) return false;
        if (!frame->overrun) scan->remarks |= SCAN_REMARK_MISSING_DELIMITER;
    }
    close_frame(scan);
    scan->closed_syntax = SCAN_SYNTAX_NONE;
    close_ended(scan);
    return true;
}

/* Items of UN that a big endian writer left in its own byte order. */
static void note_item_order(struct scan *scan, const uint8_t *head) {
    struct scan_frame *frame = top_frame(scan);
    if (frame && !frame->in_item && frame->syntax == SCAN_SYNTAX_EITHER && load_be32(head) == 0xFFFEE000) {
        frame->syntax = SCAN_SYNTAX_BIG;
        scan->remarks |= SCAN_REMARK_UN_NOT_IMPLICIT;
    }
}

/* Decodes the header at `head`. *need: 0, or more bytes than `have`. With value_left > 0 afterwards the bytes aren't a header. */
static struct scan_element decode(struct scan *scan, const uint8_t *head, size_t have, size_t *need) {
    struct scan_element element;
    note_item_order(scan, head);
    do {
        struct scan_frame *frame = top_frame(scan);
        *need = scan_element_decode(head, have, frame ? frame->syntax : scan->syntax, &element);
    } while (*need == 0 && leaves_frame(scan, &element) && scan->value_left == 0);
    if (scan->syntax == SCAN_SYNTAX_EITHER && (element.remarks & SCAN_REMARK_UN_NOT_IMPLICIT)) {
        element.remarks ^= SCAN_REMARK_UN_NOT_IMPLICIT | SCAN_REMARK_IMPLICIT_INSIDE;
    }
    return element;
}

static bool begin_data_set(struct scan *scan, const uint8_t *head, struct fault *fault) {
    uint32_t group = load_le16(head);
    if ((group == 0 || group == 2) && load_le64(head)) return true; /* groups that don't belong here say nothing about the rest */
    enum scan_syntax seen = scan_element_first(head, scan->syntax);
    if (seen == SCAN_SYNTAX_NONE) {
        return fault_set(fault, FAULT_MALFORMED, scan->offset,
                         "no data element at the beginning, offset %" PRIu64 ": %02X %02X %02X %02X %02X %02X %02X %02X",
                         scan->offset, head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]);
    }
    if (seen != scan->syntax) scan->remarks |= SCAN_REMARK_OTHER_ENCODING;
    scan->syntax = (uint8_t)seen;
    scan->started = true;
    return true;
}

static bool act(struct scan *scan, const struct scan_element *element, struct fault *fault) {
    scan->element_offset = scan->offset;
    scan->element_tag = element->tag;
    scan->offset += element->header_bytes;
    struct scan_frame *frame = top_frame(scan);
    if (!frame) return at_top(scan, element, fault);
    if (frame->in_item) return in_item(scan, element, fault);
    if (frame->fragments && element->tag >> 16 != 0xFFFE) return reject(scan, fault, "no fragment of the pixel data, but");
    return between_items(scan, element, fault);
}

/* A header whose bytes all lie in the span. */
static bool header_in_place(struct scan *scan, const uint8_t **at, struct fault *fault) {
    if (!scan->started && !begin_data_set(scan, *at, fault)) return false;
    size_t need;
    struct scan_element element = decode(scan, *at, SCAN_HEADER_BYTES_MAX, &need);
    if (scan->value_left) return true;
    *at += element.header_bytes;
    return act(scan, &element, fault);
}

/* A header that came in pieces: gathered first. Bytes of it that turn out to be a value are scanned as such. */
static bool header_gathered(struct scan *scan, const uint8_t **at, const uint8_t *end, struct fault *fault) {
    while (*at < end && scan->header_have < scan->header_need) scan->header[scan->header_have++] = *(*at)++;
    if (scan->header_have < scan->header_need) return true;
    if (!scan->started && !begin_data_set(scan, scan->header, fault)) return false;
    size_t need, used = 0;
    struct scan_element element = decode(scan, scan->header, scan->header_have, &need);
    if (need) {
        scan->header_need = (uint8_t)need;
        return true;
    }
    uint8_t bytes[SCAN_HEADER_BYTES_MAX], have = scan->header_have;
    memcpy(bytes, scan->header, have);
    scan->header_have = 0;
    scan->header_need = SCAN_HEADER_BYTES_MIN;
    if (scan->value_left == 0) {
        used = element.header_bytes;
        if (!act(scan, &element, fault)) return false;
    }
    return scan_walk_span(scan, bytes + used, bytes + have, fault);
}

bool scan_walk_span(struct scan *scan, const uint8_t *at, const uint8_t *end, struct fault *fault) {
    while (at < end) {
        if (scan->value_left) {
            at += pass_value(scan, at, (size_t)(end - at));
        } else if (scan->header_have == 0 && end - at >= SCAN_HEADER_BYTES_MAX) {
            if (!header_in_place(scan, &at, fault)) return false;
        } else if (!header_gathered(scan, &at, end, fault)) {
            return false;
        }
    }
    return true;
}

/* ---- the end ---- */

static bool finish_garbage(struct scan *scan, struct fault *fault) {
    uint64_t bytes = scan->offset - scan->garbage_offset;
    if (scan->pixel_data_tag || bytes <= GARBAGE_BYTES_MAX) return true;
    return fault_set(fault, FAULT_MALFORMED, scan->garbage_offset, "%" PRIu64 " bytes at offset %" PRIu64 " are no data elements",
                     bytes, scan->garbage_offset);
}

/* Encapsulated pixel data may lack its Sequence Delimitation Item when all its frames are there. */
static bool is_only_delimiter_missing(struct scan *scan) {
    struct scan_frame *frame = top_frame(scan);
    if (frame->overrun && !frame->in_item && scan->depth == 1) return true;
    if (scan->depth > 1 || !frame->fragments || !has_enough_fragments(scan, frame)) return false;
    scan->remarks |= SCAN_REMARK_MISSING_DELIMITER;
    return true;
}

static bool finish_elements(struct scan *scan, struct fault *fault) {
    const char *what = NULL;
    uint32_t tag = scan->element_tag;
    uint64_t offset = scan->element_offset;
    if (scan->depth) tag = scan->frames[0].tag;
    bool item_was_wrong = scan->depth == 1 && scan->value_left && scan->offset == scan->overrun_end;
    if (item_was_wrong) return true; /* the length of its sequence fits */
    if (scan->value_left) {
        what = scan->depth ? "an item of" : "the element";
    } else if (scan->header_have >= SCAN_HEADER_BYTES_MIN) {
        what = "the header behind";
        offset = scan->offset;
    } else if (scan->depth && !is_only_delimiter_missing(scan)) {
        what = "the sequence";
    }
    if (!what) return true;
    return fault_set(fault, FAULT_MALFORMED, offset,
                     "the data set ends at offset %" PRIu64 " inside %s (%04X,%04X) begun at %" PRIu64,
                     scan->offset + scan->header_have, what, TAG_WORDS(tag), offset);
}

bool scan_walk_end(struct scan *scan, struct fault *fault) {
    if (!scan->started) {
        return fault_set(fault, FAULT_MALFORMED, 0, "the data set holds no data element (%" PRIu64 " bytes)",
                         scan->offset + scan->header_have);
    }
    if (scan->garbage) return finish_garbage(scan, fault);
    if (!finish_elements(scan, fault)) {
        if (scan->garbage_offset == SCAN_NONE) return false;
        remark_garbage(scan);
    }
    if (scan->header_have) scan->remarks |= SCAN_REMARK_TRAILING_GARBAGE;
    attributes_abandon(scan->out);
    return true;
}
