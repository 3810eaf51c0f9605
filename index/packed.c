/* SPDX-License-Identifier: Apache-2.0 */
/* packed: see packed.h.
 *
 * uid = head (varint: length of the rest * 2 + 1 if the rest is plain bytes), prefix (1 byte: < PREFIX_SHARED an entry of
 * `prefixes`, else PREFIX_SHARED + the count of characters shared with the base), rest. */
#include "index/packed.h"

#include "engine/base/check.h"

#define PREFIX_SHARED 32u
#define SHARED_MAX (255u - PREFIX_SHARED)

/* Frozen: entries are only ever added at the end. The longest that fits is taken. */
static const char *const prefixes[] = {
    "",
    "1.2.840.10008.5.1.4.1.1.",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.4.",
    "1.2.840.10008.",
    "1.2.840.113619.",
    "1.2.840.",
    "1.3.12.2.1107.5.",
    "1.3.6.1.4.1.",
    "1.3.46.670589.",
    "1.2.392.200036.",
    "1.2.826.0.1.",
    "1.2.276.0.",
    "2.16.840.1.",
    "2.25.",
    "1.2.",
    "1.3.",
};
_Static_assert(sizeof prefixes / sizeof prefixes[0] <= PREFIX_SHARED, "prefix codes must stay below the shared ones");

void packed_number(struct writer *w, uint64_t number) {
    while (number >= 0x80) {
        writer_u8(w, (uint8_t)(number | 0x80));
        number >>= 7;
    }
    writer_u8(w, (uint8_t)number);
}

uint64_t packed_read_number(struct reader *r) {
    uint64_t number = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(r);
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return number;
    }
    r->failed = true;
    return 0;
}

void packed_slice(struct writer *w, struct slice s) {
    packed_number(w, s.length);
    writer_slice(w, s);
}

struct slice packed_read_slice(struct reader *r) {
    uint64_t length = packed_read_number(r);
    if (length > reader_left(r)) {
        r->failed = true;
        length = 0;
    }
    return reader_slice(r, (size_t)length);
}

static uint32_t nibble_of(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c == '.' ? 10 : 15;
}

static bool is_numeric(struct slice s) {
    for (size_t i = 0; i < s.length; i++)
        if (nibble_of(s.bytes[i]) == 15) return false;
    return true;
}

static size_t shared_length(struct slice a, struct slice b) {
    size_t n = a.length < b.length ? a.length : b.length, i = 0;
    while (i < n && a.bytes[i] == b.bytes[i]) i++;
    return i;
}

static uint8_t best_prefix(struct slice uid, struct slice base, size_t *length) {
    uint8_t best = 0;
    *length = 0;
    for (size_t i = 1; i < array_count(prefixes); i++) {
        struct slice prefix = slice_text(prefixes[i]);
        if (prefix.length > *length && shared_length(uid, prefix) == prefix.length) {
            best = (uint8_t)i;
            *length = prefix.length;
        }
    }
    size_t shared = shared_length(uid, base);
    if (shared > SHARED_MAX) shared = SHARED_MAX;
    if (shared > *length) {
        best = (uint8_t)(PREFIX_SHARED + shared);
        *length = shared;
    }
    return best;
}

void packed_uid(struct writer *w, struct slice uid, struct slice base) {
    size_t shared;
    uint8_t prefix = best_prefix(uid, base, &shared);
    struct slice rest = slice_of(uid.bytes + shared, uid.length - shared);
    bool plain = !is_numeric(rest);
    packed_number(w, rest.length * 2 + plain);
    writer_u8(w, prefix);
    if (plain) {
        writer_slice(w, rest);
        return;
    }
    for (size_t i = 0; i < rest.length; i += 2) {
        uint32_t low = i + 1 < rest.length ? nibble_of(rest.bytes[i + 1]) : 15;
        writer_u8(w, (uint8_t)(nibble_of(rest.bytes[i]) << 4 | low));
    }
}

static bool unpack_prefix(uint8_t prefix, struct slice base, struct writer *text) {
    if (prefix >= PREFIX_SHARED) {
        size_t shared = prefix - PREFIX_SHARED;
        if (shared > base.length) return false;
        writer_bytes(text, base.bytes, shared);
        return true;
    }
    if (prefix >= array_count(prefixes)) return false;
    writer_slice(text, slice_text(prefixes[prefix]));
    return true;
}

struct slice packed_read_uid(struct reader *r, struct slice base, uint8_t *out, size_t capacity) {
    static const char digits[] = "0123456789.?????";
    struct writer text = writer_over(out, capacity);
    uint64_t head = packed_read_number(r);
    uint64_t length = head >> 1;
    if (length > PACKED_UID_BYTES_MAX || !unpack_prefix(reader_u8(r), base, &text)) r->failed = true;
    if (r->failed) return slice_of(out, 0);
    if (head & 1) {
        writer_slice(&text, reader_slice(r, (size_t)length));
    } else {
        for (uint64_t i = 0; i < length; i++) {
            uint8_t pair = i & 1 ? r->at[-1] : reader_u8(r);
            if (r->failed) break;
            writer_u8(&text, (uint8_t)digits[i & 1 ? pair & 15 : pair >> 4]);
        }
    }
    if (text.failed) r->failed = true;
    return slice_of(out, r->failed ? 0 : writer_length(&text));
}
