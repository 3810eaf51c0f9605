/* SPDX-License-Identifier: Apache-2.0 */
/* attributes: the writer and the readers of the flat block; the layout is in attributes.h. */
#include "codec/dicom/attributes.h"

#include "engine/base/check.h"

void attributes_init(struct attributes *a, void *buffer, uint32_t capacity) {
    *a = (struct attributes){.buffer = buffer, .capacity = capacity};
}

bool attributes_begin(struct attributes *a, uint32_t tag, const char vr[2]) {
    invariant(a->open == 0);
    struct writer w = writer_over(a->buffer + a->length, a->capacity - a->length);
    writer_le32(&w, tag);
    writer_bytes(&w, vr, 2);
    writer_le16(&w, 0);
    writer_le32(&w, 0);
    if (w.failed) {
        a->dropped++;
        return false;
    }
    a->open = ATTRIBUTE_HEADER_BYTES;
    return true;
}

bool attributes_append(struct attributes *a, const void *bytes, size_t n) {
    if (a->open == 0) return false;
    if (n > a->capacity - a->length - a->open) {
        a->open = 0;
        a->dropped++;
        return false;
    }
    if (n) memcpy(a->buffer + a->length + a->open, bytes, n);
    a->open += (uint32_t)n;
    return true;
}

bool attributes_end(struct attributes *a, uint16_t flags) {
    if (a->open == 0) return false;
    uint8_t *header = a->buffer + a->length;
    store_le16(header + 6, flags);
    store_le32(header + 8, a->open - ATTRIBUTE_HEADER_BYTES);
    a->length += a->open;
    a->open = 0;
    return true;
}

void attributes_abandon(struct attributes *a) { a->open = 0; }

uint8_t *attributes_open_value(struct attributes *a, uint32_t *length) {
    if (a->open == 0) {
        *length = 0;
        return NULL;
    }
    *length = a->open - ATTRIBUTE_HEADER_BYTES;
    return a->buffer + a->length + ATTRIBUTE_HEADER_BYTES;
}

bool attributes_add(struct attributes *a, uint32_t tag, const char vr[2], uint16_t flags, struct slice value) {
    return attributes_begin(a, tag, vr) && attributes_append(a, value.bytes, value.length) && attributes_end(a, flags);
}

bool attributes_next(struct reader *r, struct attribute *out) {
    if (r->failed || reader_left(r) == 0) return false;
    out->tag = reader_le32(r);
    out->vr[0] = (char)reader_u8(r);
    out->vr[1] = (char)reader_u8(r);
    out->vr[2] = 0;
    out->flags = reader_le16(r);
    uint32_t length = reader_le32(r);
    out->value = reader_slice(r, length);
    return !r->failed;
}

bool attributes_get(struct slice block, uint32_t tag, struct attribute *out) {
    struct reader r = reader_over(block);
    while (attributes_next(&r, out)) {
        if (out->tag == tag) return true;
    }
    *out = (struct attribute){.tag = tag, .vr = "UN"};
    return false;
}

bool attributes_find(struct slice block, uint32_t tag, struct slice *value) {
    struct attribute found;
    bool is_there = attributes_get(block, tag, &found);
    *value = found.value;
    return is_there;
}
