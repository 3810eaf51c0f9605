/* SPDX-License-Identifier: Apache-2.0 */
/* made_data_set: see the header. It shares no code with the scanner but the VR names that have a long form, written out
 * again here. */
#include "made_data_set.h"

#include <stdlib.h>
#include <zlib.h>

void made_init(struct made *m, enum scan_encoding encoding, bool undefined) {
    *m = (struct made){.encoding = encoding, .undefined = undefined, .capacity = 4096, .bytes = malloc(4096)};
    if (!m->bytes) abort();
}

void made_release(struct made *m) {
    free(m->bytes);
    m->bytes = NULL;
}

static uint8_t *room(struct made *m, size_t n) {
    while (m->capacity - m->length < n) {
        m->capacity *= 2;
        m->bytes = realloc(m->bytes, m->capacity);
        if (!m->bytes) abort();
    }
    m->length += n;
    return m->bytes + m->length - n;
}

void made_raw(struct made *m, const void *bytes, size_t n) {
    if (n) memcpy(room(m, n), bytes, n);
}

void made_fill(struct made *m, uint8_t byte, size_t n) { memset(room(m, n), byte, n); }

static void put16(struct made *m, uint16_t v) {
    uint8_t *p = room(m, 2);
    if (m->encoding == SCAN_EXPLICIT_BE) store_be16(p, v);
    else store_le16(p, v);
}

static void patch32(struct made *m, size_t at, uint32_t v) {
    if (m->encoding == SCAN_EXPLICIT_BE) store_be32(m->bytes + at, v);
    else store_le32(m->bytes + at, v);
}

static void put32(struct made *m, uint32_t v) {
    room(m, 4);
    patch32(m, m->length - 4, v);
}

static void put_tag(struct made *m, uint32_t tag) {
    put16(m, (uint16_t)(tag >> 16));
    put16(m, (uint16_t)tag);
}

static bool is_long(const char *vr) {
    static const char names[] = "OB OD OF OL OV OW SQ SV UC UN UR UT UV";
    const char *found = strstr(names, vr);
    return found && (found - names) % 3 == 0;
}

void made_header(struct made *m, uint32_t tag, const char *vr, uint32_t length) {
    put_tag(m, tag);
    if (m->encoding == SCAN_IMPLICIT_LE) {
        put32(m, length);
        return;
    }
    made_raw(m, vr, 2);
    if (is_long(vr)) {
        put16(m, 0);
        put32(m, length);
    } else {
        put16(m, (uint16_t)length);
    }
}

void made_tag(struct made *m, uint32_t tag, uint32_t length) {
    put_tag(m, tag);
    put32(m, length);
}

void made_bytes(struct made *m, uint32_t tag, const char *vr, const void *value, size_t n) {
    made_header(m, tag, vr, (uint32_t)n);
    made_raw(m, value, n);
}

void made_text(struct made *m, uint32_t tag, const char *vr, const char *text) {
    size_t n = strlen(text);
    made_header(m, tag, vr, (uint32_t)(n + (n & 1)));
    made_raw(m, text, n);
    if (n & 1) made_fill(m, strcmp(vr, "UI") == 0 ? 0 : ' ', 1);
}

void made_u16(struct made *m, uint32_t tag, const char *vr, uint16_t value) {
    made_header(m, tag, vr, 2);
    put16(m, value);
}

void made_u32(struct made *m, uint32_t tag, const char *vr, uint32_t value) {
    made_header(m, tag, vr, 4);
    put32(m, value);
}

/* The length was just written; it is patched when the content ends. */
static void push(struct made *m) {
    if (m->depth == MADE_DEPTH_MAX) abort();
    m->open[m->depth++] = m->undefined ? 0 : m->length;
}

static void pop(struct made *m, uint32_t delimiter) {
    size_t start = m->open[--m->depth];
    if (start == 0) made_tag(m, delimiter, 0);
    else patch32(m, start - 4, (uint32_t)(m->length - start));
}

void made_begin_sequence(struct made *m, uint32_t tag) {
    made_header(m, tag, "SQ", m->undefined ? 0xFFFFFFFF : 0);
    push(m);
}

void made_begin_item(struct made *m) {
    made_tag(m, MADE_ITEM, m->undefined ? 0xFFFFFFFF : 0);
    push(m);
}

void made_end_item(struct made *m) { pop(m, MADE_ITEM_END); }
void made_end_sequence(struct made *m) { pop(m, MADE_SEQUENCE_END); }

void made_begin_fragments(struct made *m, uint32_t tag, size_t table) {
    made_header(m, tag, "OB", 0xFFFFFFFF);
    made_fragment(m, table, 0);
}

void made_fragment(struct made *m, size_t bytes, uint8_t fill) {
    made_tag(m, MADE_ITEM, (uint32_t)bytes);
    made_fill(m, fill, bytes);
}

void made_end_fragments(struct made *m) { made_tag(m, MADE_SEQUENCE_END, 0); }

void made_deflate(struct made *m, bool wrapped) {
    z_stream z = {0};
    if (deflateInit2(&z, 6, Z_DEFLATED, wrapped ? MAX_WBITS : -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
    size_t capacity = deflateBound(&z, m->length) + 16;
    uint8_t *out = malloc(capacity);
    if (!out) abort();
    z.next_in = m->bytes;
    z.avail_in = (uInt)m->length;
    z.next_out = out;
    z.avail_out = (uInt)capacity;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) abort();
    free(m->bytes);
    m->bytes = out;
    m->capacity = capacity;
    m->length = capacity - z.avail_out;
    deflateEnd(&z);
    if (m->length & 1) m->bytes[m->length++] = 0; /* PS3.5 A.5 */
}
