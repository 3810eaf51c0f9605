/* SPDX-License-Identifier: Apache-2.0 */
/* cursor: the only way that bytes of a known byte order are read from or written to memory. A reading cursor that runs out
 * returns zeros and stays `failed`; a writing cursor that runs out writes nothing more and stays `failed`: check once, at the
 * end. */
#ifndef LEAT_BASE_CURSOR_H
#define LEAT_BASE_CURSOR_H

#include "engine/base/slice.h"

static inline uint16_t load_le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint16_t load_be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t load_le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint32_t load_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}
static inline uint64_t load_le64(const uint8_t *p) { return (uint64_t)load_le32(p) | (uint64_t)load_le32(p + 4) << 32; }
static inline uint64_t load_be64(const uint8_t *p) { return (uint64_t)load_be32(p) << 32 | load_be32(p + 4); }

static inline void store_le16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static inline void store_be16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static inline void store_le32(uint8_t *p, uint32_t v) { store_le16(p, (uint16_t)v); store_le16(p + 2, (uint16_t)(v >> 16)); }
static inline void store_be32(uint8_t *p, uint32_t v) { store_be16(p, (uint16_t)(v >> 16)); store_be16(p + 2, (uint16_t)v); }
static inline void store_le64(uint8_t *p, uint64_t v) { store_le32(p, (uint32_t)v); store_le32(p + 4, (uint32_t)(v >> 32)); }
static inline void store_be64(uint8_t *p, uint64_t v) { store_be32(p, (uint32_t)(v >> 32)); store_be32(p + 4, (uint32_t)v); }

/* ---- reading ---- */
struct reader {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct reader reader_over(struct slice s) {
    const uint8_t *bytes =
        s.bytes ? s.bytes : (const uint8_t *)""; /* an empty slice may point nowhere; arithmetic on NULL may not */
    return (struct reader){.at = bytes, .end = bytes + s.length};
}
static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->at); }

static inline const uint8_t *reader_take(struct reader *r, size_t n) {
    if (reader_left(r) < n) {
        r->failed = true;
        r->at = r->end;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += n;
    return p;
}
static inline struct slice reader_slice(struct reader *r, size_t n) {
    const uint8_t *p = reader_take(r, n);
    return slice_of(p, p ? n : 0);
}
static inline uint8_t reader_u8(struct reader *r) { const uint8_t *p = reader_take(r, 1); return p ? p[0] : 0; }
static inline uint16_t reader_le16(struct reader *r) { const uint8_t *p = reader_take(r, 2); return p ? load_le16(p) : 0; }
static inline uint16_t reader_be16(struct reader *r) { const uint8_t *p = reader_take(r, 2); return p ? load_be16(p) : 0; }
static inline uint32_t reader_le32(struct reader *r) { const uint8_t *p = reader_take(r, 4); return p ? load_le32(p) : 0; }
static inline uint32_t reader_be32(struct reader *r) { const uint8_t *p = reader_take(r, 4); return p ? load_be32(p) : 0; }
static inline uint64_t reader_le64(struct reader *r) { const uint8_t *p = reader_take(r, 8); return p ? load_le64(p) : 0; }
static inline uint64_t reader_be64(struct reader *r) { const uint8_t *p = reader_take(r, 8); return p ? load_be64(p) : 0; }

/* ---- writing ---- */
struct writer {
    uint8_t *start, *at, *end;
    bool failed;
};

static inline struct writer writer_over(void *buffer, size_t capacity) {
    return (struct writer){.start = buffer, .at = buffer, .end = (uint8_t *)buffer + capacity};
}
static inline size_t writer_length(const struct writer *w) { return (size_t)(w->at - w->start); }
static inline uint8_t *writer_room(struct writer *w, size_t n) {
    if (w->failed || (size_t)(w->end - w->at) < n) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->at;
    w->at += n;
    return p;
}
static inline void writer_u8(struct writer *w, uint8_t v) { uint8_t *p = writer_room(w, 1); if (p) *p = v; }
static inline void writer_le16(struct writer *w, uint16_t v) { uint8_t *p = writer_room(w, 2); if (p) store_le16(p, v); }
static inline void writer_be16(struct writer *w, uint16_t v) { uint8_t *p = writer_room(w, 2); if (p) store_be16(p, v); }
static inline void writer_le32(struct writer *w, uint32_t v) { uint8_t *p = writer_room(w, 4); if (p) store_le32(p, v); }
static inline void writer_be32(struct writer *w, uint32_t v) { uint8_t *p = writer_room(w, 4); if (p) store_be32(p, v); }
static inline void writer_le64(struct writer *w, uint64_t v) { uint8_t *p = writer_room(w, 8); if (p) store_le64(p, v); }
static inline void writer_be64(struct writer *w, uint64_t v) { uint8_t *p = writer_room(w, 8); if (p) store_be64(p, v); }
static inline void writer_bytes(struct writer *w, const void *bytes, size_t n) {
    uint8_t *p = writer_room(w, n);
    if (p && n) memcpy(p, bytes, n);
}
static inline void writer_slice(struct writer *w, struct slice s) { writer_bytes(w, s.bytes, s.length); }
static inline void writer_zeros(struct writer *w, size_t n) { uint8_t *p = writer_room(w, n); if (p && n) memset(p, 0, n); }

#endif
