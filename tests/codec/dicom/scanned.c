/* SPDX-License-Identifier: Apache-2.0 */
/* scanned: see the header. */
#include "scanned.h"

#include <stdio.h>
#include <stdlib.h>

static enum scan_status feed_copy(struct scan *scan, const uint8_t *bytes, size_t n, struct fault *fault) {
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy) abort();
    if (n) memcpy(copy, bytes, n);
    enum scan_status status = scan_feed(scan, copy, n, fault);
    free(copy);
    return status;
}

static void keep(struct scanned *out, struct scan *scan, const struct attributes *a) {
    out->remarks = scan->remarks;
    out->pixel_data_tag = scan->pixel_data_tag;
    out->number_of_frames = scan->number_of_frames;
    out->fragments = scan->fragments;
    out->dropped = a->dropped;
    out->offset = out->status == SCAN_DONE ? scan->offset : 0; /* how far a failed scan came depends on the pieces */
    out->pixel_data_offset = scan->pixel_data_offset;
    out->pixel_data_value = scan->pixel_data_value;
    out->pixel_data_length = scan->pixel_data_length;
    out->encapsulated = scan->encapsulated;
    out->icon = scan->icon;
    out->length = a->length;
    scan_release(scan);
}

void scanned_in_steps(struct scanned *out, enum scan_encoding encoding, const void *bytes, size_t n, size_t step) {
    struct attributes a;
    struct scan scan;
    const uint8_t *at = bytes;
    memset(out, 0, offsetof(struct scanned, block));
    attributes_init(&a, out->block, sizeof out->block);
    scan_init(&scan, encoding, &a);
    if (step == 0) step = n;
    for (size_t left = n; left && out->status != SCAN_FAULT;) {
        size_t piece = left < step ? left : step;
        out->status = feed_copy(&scan, at, piece, &out->fault);
        at += piece;
        left -= piece;
    }
    if (out->status != SCAN_FAULT) out->status = scan_finish(&scan, &out->fault);
    keep(out, &scan, &a);
}

void scanned_in_two(struct scanned *out, enum scan_encoding encoding, const void *bytes, size_t n, size_t at) {
    struct attributes a;
    struct scan scan;
    memset(out, 0, offsetof(struct scanned, block));
    attributes_init(&a, out->block, sizeof out->block);
    scan_init(&scan, encoding, &a);
    out->status = feed_copy(&scan, bytes, at, &out->fault);
    if (out->status != SCAN_FAULT) out->status = feed_copy(&scan, (const uint8_t *)bytes + at, n - at, &out->fault);
    if (out->status != SCAN_FAULT) out->status = scan_finish(&scan, &out->fault);
    keep(out, &scan, &a);
}

const char *scanned_difference(const struct scanned *a, const struct scanned *b) {
#define SCANNED_COMPARE(field) if (a->field != b->field) return #field
    SCANNED_COMPARE(status);
    SCANNED_COMPARE(fault.code);
    SCANNED_COMPARE(fault.offset);
    SCANNED_COMPARE(remarks);
    SCANNED_COMPARE(pixel_data_tag);
    SCANNED_COMPARE(number_of_frames);
    SCANNED_COMPARE(fragments);
    SCANNED_COMPARE(dropped);
    SCANNED_COMPARE(offset);
    SCANNED_COMPARE(pixel_data_offset);
    SCANNED_COMPARE(pixel_data_value);
    SCANNED_COMPARE(pixel_data_length);
    SCANNED_COMPARE(encapsulated);
    SCANNED_COMPARE(icon);
    SCANNED_COMPARE(length);
#undef SCANNED_COMPARE
    if (strcmp(a->fault.text, b->fault.text) != 0) return "fault.text";
    return memcmp(a->block, b->block, a->length) == 0 ? NULL : "block";
}

const char *scanned_text(const struct scanned *s, uint32_t tag, char text[256]) {
    struct slice value;
    if (!attributes_find(slice_of(s->block, s->length), tag, &value)) return "(none)";
    value = slice_unpadded(value);
    snprintf(text, 256, "%.*s", SLICE_ARGS(value));
    return text;
}

const char *scanned_remarks(uint32_t remarks, char text[1024]) {
    size_t at = 0;
    text[0] = 0;
    for (; remarks; remarks &= remarks - 1) {
        at += (size_t)snprintf(text + at, 1024 - at, "%s%s", at ? "; " : "", scan_remark_text(remarks));
        if (at >= 1024) break;
    }
    return text;
}
