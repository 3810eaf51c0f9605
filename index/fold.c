/* SPDX-License-Identifier: Apache-2.0 */
/* fold: see fold.h. */
#include "index/fold.h"

/* U+00C0..U+017F without their accents, one to two letters each, "." for one that stays as it is. */
static const char latin[192][3] = {
    "A", "A", "A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I", /* 00C0 */
    "D", "N", "O", "O", "O", "O", "O", ".", "O", "U", "U", "U", "U", "Y", "TH", "SS", /* 00D0 */
    "A", "A", "A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I", /* 00E0 */
    "D", "N", "O", "O", "O", "O", "O", ".", "O", "U", "U", "U", "U", "Y", "TH", "Y", /* 00F0 */
    "A", "A", "A", "A", "A", "A", "C", "C", "C", "C", "C", "C", "C", "C", "D", "D", /* 0100 */
    "D", "D", "E", "E", "E", "E", "E", "E", "E", "E", "E", "E", "G", "G", "G", "G", /* 0110 */
    "G", "G", "G", "G", "H", "H", "H", "H", "I", "I", "I", "I", "I", "I", "I", "I", /* 0120 */
    "I", "I", "IJ", "IJ", "J", "J", "K", "K", "K", "L", "L", "L", "L", "L", "L", "L", /* 0130 */
    "L", "L", "L", "N", "N", "N", "N", "N", "N", "N", "N", "N", "O", "O", "O", "O", /* 0140 */
    "O", "O", "OE", "OE", "R", "R", "R", "R", "R", "R", "S", "S", "S", "S", "S", "S", /* 0150 */
    "S", "S", "T", "T", "T", "T", "T", "T", "U", "U", "U", "U", "U", "U", "U", "U", /* 0160 */
    "U", "U", "U", "U", "W", "W", "Y", "Y", "Y", "Z", "Z", "Z", "Z", "Z", "Z", "S", /* 0170 */
};

/* One UTF-8 character from text[at]; its length, or 1 with *code = 0 for a byte that begins none. */
static size_t decode(struct slice text, size_t at, uint32_t *code) {
    uint8_t first = text.bytes[at];
    size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
    *code = 0;
    if (length == 0 || at + length > text.length) return 1;
    uint32_t value = length == 1 ? first : first & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text.bytes[at + i] & 0xC0) != 0x80) return 1;
        value = value << 6 | (text.bytes[at + i] & 0x3Fu);
    }
    *code = value;
    return length;
}

/* Greek and Cyrillic small letters, the plain ranges; the rest stays. */
static uint32_t upper(uint32_t c) {
    if (c == 0x3C2) return 0x3A3;
    if (c >= 0x3B1 && c <= 0x3C9) return c - 32;
    if (c >= 0x430 && c <= 0x44F) return c - 32;
    if (c >= 0x450 && c <= 0x45F) return c - 80;
    return c;
}

struct output {
    char *out;
    size_t capacity, length;
    bool space, full;
};

static void put(struct output *o, const void *bytes, size_t n) {
    size_t need = n + (o->space && o->length ? 1 : 0);
    if (o->full || o->capacity - o->length < need) {
        o->full = true;
        return;
    }
    if (o->space && o->length) o->out[o->length++] = ' ';
    o->space = false;
    memcpy(o->out + o->length, bytes, n);
    o->length += n;
}

static void put_character(struct output *o, struct slice text, size_t at, size_t n, uint32_t code) {
    if (code >= 0xC0 && code < 0x180) {
        const char *plain = latin[code - 0xC0];
        if (plain[0] != '.') {
            put(o, plain, strlen(plain));
            return;
        }
    }
    uint32_t big = upper(code);
    if (code < 0x80 && n == 1 && code) {
        char c = (char)(code >= 'a' && code <= 'z' ? code - 32 : code);
        put(o, &c, 1);
    } else if (big != code) {
        char two[2] = {(char)(0xC0 | big >> 6), (char)(0x80 | (big & 0x3F))};
        put(o, two, 2);
    } else {
        put(o, text.bytes + at, n);
    }
}

static size_t fold(struct slice text, bool name, char *out, size_t capacity) {
    struct output o = {.out = out, .capacity = capacity};
    for (size_t at = 0; at < text.length && !o.full;) {
        uint32_t code;
        size_t n = decode(text, at, &code);
        uint8_t byte = text.bytes[at];
        if (byte == ' ' || code == 0x3000) {
            o.space = true;
        } else if (byte >= 0x20 && byte != 0x7F) {
            if (name && byte == '^') o.space = false;
            put_character(&o, text, at, n, code);
            if (name && byte == '^') {
                while (at + n < text.length && text.bytes[at + n] == ' ') n++;
            }
        }
        at += n;
    }
    if (name && !o.full)
        while (o.length && out[o.length - 1] == '^') o.length--;
    return o.length;
}

size_t fold_text(struct slice text, char *out, size_t capacity) { return fold(text, false, out, capacity); }
size_t fold_name(struct slice group, char *out, size_t capacity) { return fold(group, true, out, capacity); }

uint32_t fold_day(struct slice date) {
    uint32_t day = 0, digits = 0;
    for (size_t i = 0; i < date.length && digits < 8; i++) {
        uint8_t c = date.bytes[i];
        if (c == '.' && (digits == 4 || digits == 6)) continue;
        if (c < '0' || c > '9') return 0;
        day = day * 10 + (c - '0');
        digits++;
    }
    return digits == 8 ? day : 0;
}
