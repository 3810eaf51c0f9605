/* SPDX-License-Identifier: Apache-2.0 */
/* values: see values.h. */
#include "index/values.h"

#include "codec/dicom/charset.h"
#include "index/packed.h"

#define CHANGE_HEADER_BYTES 9 /* sequence, flags */

enum kind { BINARY, TEXT, ASCII };

/* How the bytes of a VR become those of the index (PS3.5 6.2). */
static enum kind kind_of(const char *vr) {
    static const char text[][3] = {"LO", "SH", "PN", "ST", "LT", "UT", "UC"};
    static const char binary[][3] = {"US", "UL", "SS", "SL", "FL", "FD", "AT", "OB",
                                     "OW", "OF", "OD", "OL", "OV", "SV", "UV", "SQ"};
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++)
        if (memcmp(vr, text[i], 2) == 0) return TEXT;
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++)
        if (memcmp(vr, binary[i], 2) == 0) return BINARY;
    return ASCII;
}

/* Rows hold these themselves. */
static bool is_identifier(uint32_t tag) {
    switch (tag) {
    case 0x00080005: case 0x00080016: case 0x00080018: case 0x00100020: case 0x00100021: case 0x0020000D: case 0x0020000E:
        return true;
    default:
        return false;
    }
}

bool values_next(struct reader *r, struct value *out) {
    if (reader_left(r) == 0) return false;
    uint64_t code = packed_read_number(r);
    const struct indexed_attribute *known = code && code < INDEXED_COUNT_MAX ? indexed_by_code((uint8_t)code) : NULL;
    memset(out, 0, sizeof *out);
    if (known) {
        out->code = (uint8_t)code;
        out->tag = known->tag;
        memcpy(out->vr, known->vr, 2);
    } else if (code == 0) {
        out->tag = reader_le32(r);
        const uint8_t *vr = reader_take(r, 2);
        if (vr) memcpy(out->vr, vr, 2);
    } else {
        r->failed = true;
    }
    out->value = packed_read_slice(r);
    return !r->failed;
}

bool values_find(struct slice block, uint32_t tag, struct slice *value) {
    const struct indexed_attribute *known = indexed_find(tag);
    struct reader r = reader_over(block);
    while (reader_left(&r)) {
        uint64_t code = packed_read_number(&r);
        uint32_t at = code == 0 ? reader_le32(&r) : 0;
        if (code == 0) reader_take(&r, 2);
        *value = packed_read_slice(&r);
        if (!r.failed && (code ? known && known->code == code : at == tag)) return true;
    }
    *value = slice_of("", 0);
    return false;
}

void values_gather(struct values_source *source, struct slice attributes) {
    struct reader r = reader_over(attributes);
    struct attribute a;
    memset(source->known, 0, sizeof source->known);
    source->charset = slice_of(NULL, 0);
    source->count = 0;
    while (attributes_next(&r, &a)) {
        const struct indexed_attribute *known = indexed_find(a.tag);
        if (a.tag == 0x00080005 && !source->charset.bytes) source->charset = a.value;
        if (!known || source->known[known->code]) continue;
        source->known[known->code] = known;
        source->value[known->code] = a.value;
        uint32_t at = source->count++;
        for (; at && source->codes[at - 1] > known->code; at--) source->codes[at] = source->codes[at - 1];
        source->codes[at] = known->code;
    }
}

/* The value as the index keeps it; at most `capacity` bytes, or SIZE_MAX when a binary one does not fit. */
static size_t convert(const struct values_source *source, const struct indexed_attribute *known, uint8_t *out,
                      size_t capacity) {
    struct slice value = source->value[known->code];
    const char *vr = known->vr;
    enum kind kind = kind_of(vr);
    if (kind == BINARY) {
        if (value.length > capacity) return SIZE_MAX;
        memcpy(out, value.bytes, value.length);
        return value.length;
    }
    value = slice_unpadded(value);
    if (kind == TEXT) {
        size_t need = charset_to_utf8(source->charset, value, memcmp(vr, "PN", 2) == 0, (char *)out, capacity, NULL);
        return need > capacity ? SIZE_MAX : need;
    }
    while (value.length && value.bytes[0] == ' ') value = slice_of(value.bytes + 1, value.length - 1);
    if (value.length > capacity) return SIZE_MAX;
    memcpy(out, value.bytes, value.length);
    return value.length;
}

/* code, length, value: the length is known after the conversion, so the value is put where a short length lets it stand, and
 * moved if not. */
static bool pick_one(struct writer *w, const struct values_source *source, const struct indexed_attribute *known) {
    struct writer before = *w;
    packed_number(w, known->code);
    size_t room = (size_t)(w->end - w->at);
    if (w->failed || room < 2) goto none;
    size_t length = convert(source, known, w->at + 1, room - 1);
    if (length == SIZE_MAX) goto none;
    if (length < 0x80) {
        *w->at = (uint8_t)length;
        w->at += 1 + length;
        return true;
    }
    if (room < length + 4) goto none;
    uint8_t *value = w->at + 1;
    struct writer number = writer_over((uint8_t[8]){0}, 8);
    packed_number(&number, length);
    size_t n = writer_length(&number);
    memmove(w->at + n, value, length);
    memcpy(w->at, number.start, n);
    w->at += n + length;
    return true;
none:
    *w = before;
    return false;
}

size_t values_pick(const struct values_source *source, enum indexed_level level, uint8_t *out, size_t capacity) {
    struct writer w = writer_over(out, capacity);
    for (uint32_t i = 0; i < source->count; i++) {
        const struct indexed_attribute *known = source->known[source->codes[i]];
        if (known->level == level && !is_identifier(known->tag)) pick_one(&w, source, known);
    }
    return writer_length(&w);
}

size_t values_text(const struct values_source *source, uint32_t tag, char *out, size_t capacity) {
    const struct indexed_attribute *known = indexed_find(tag);
    if (!known || !source->known[known->code]) return 0;
    struct slice value = slice_unpadded(source->value[known->code]);
    while (value.length && value.bytes[0] == ' ') value = slice_of(value.bytes + 1, value.length - 1);
    size_t length = charset_to_utf8(source->charset, value, memcmp(known->vr, "PN", 2) == 0, out, capacity, NULL);
    return length < capacity ? length : capacity;
}

static void write_entry(struct writer *w, const struct value *v, struct slice text) {
    packed_number(w, v->code);
    if (v->code == 0) {
        writer_le32(w, v->tag);
        writer_bytes(w, v->vr, 2);
    }
    packed_slice(w, text);
}

static struct slice change_text(struct slice change) {
    return slice_of(change.bytes + CHANGE_HEADER_BYTES, change.length - CHANGE_HEADER_BYTES);
}

static bool change_stands(struct slice change) {
    return change.length >= CHANGE_HEADER_BYTES && !(change.bytes[8] & VALUES_WITHDRAWN);
}

bool values_find_effective(struct slice block, struct slice changes, uint32_t tag, struct slice *value) {
    if (changes.length && values_find(changes, tag, value) && change_stands(*value)) {
        *value = change_text(*value);
        return true;
    }
    return values_find(block, tag, value);
}

/* Two sorted lists into one: where both have an attribute, the standing change counts. */
struct slice values_effective(struct slice block, struct slice changes, uint8_t *out) {
    if (changes.length == 0) return block;
    struct writer w = writer_over(out, VALUES_BYTES_MAX);
    struct reader below = reader_over(block), above = reader_over(changes);
    struct value value, change;
    bool has_value = values_next(&below, &value), has_change = values_next(&above, &change);
    while (has_value || has_change) {
        bool same = has_value && has_change && value.code == change.code;
        bool take_change = has_change && (same || !has_value || change.code < value.code);
        struct writer before = w;
        if (take_change && change_stands(change.value)) write_entry(&w, &change, change_text(change.value));
        else if (!take_change || same) write_entry(&w, &value, value.value);
        if (w.failed) w = before;
        if (!take_change || same) has_value = values_next(&below, &value);
        if (take_change) has_change = values_next(&above, &change);
    }
    return slice_of(out, writer_length(&w));
}

struct slice values_change(struct slice changes, uint32_t tag, uint64_t sequence, uint8_t flags, struct slice text, uint8_t *out,
                           size_t capacity) {
    const struct indexed_attribute *known = indexed_find(tag);
    if (!known) return changes;
    struct writer w = writer_over(out, capacity);
    struct reader r = reader_over(changes);
    struct value v, added = {.tag = tag, .code = known->code};
    bool more = values_next(&r, &v);
    for (; more && v.code < known->code; more = values_next(&r, &v)) write_entry(&w, &v, v.value);
    if (more && v.code == known->code) {
        if (v.value.length < CHANGE_HEADER_BYTES || load_be64(v.value.bytes) >= sequence) return changes;
        more = values_next(&r, &v);
    }
    packed_number(&w, added.code);
    packed_number(&w, CHANGE_HEADER_BYTES + text.length);
    writer_be64(&w, sequence);
    writer_u8(&w, flags);
    writer_slice(&w, text);
    for (; more; more = values_next(&r, &v)) write_entry(&w, &v, v.value);
    return w.failed ? changes : slice_of(out, writer_length(&w));
}
