/* SPDX-License-Identifier: Apache-2.0 */
/* charset: bytes to characters, one at a time. Order of the file: the output, the repertoires, values with code extensions
 * (ISO 2022), streams. */
#include "codec/dicom/charset.h"

#include "codec/dicom/charset_converter.h"
#include "codec/dicom/charset_tables.h"
#include "codec/dicom/charset_terms.h"
#include "engine/base/check.h"

#define REPLACEMENT 0xFFFDu
#define ESCAPE 0x1Bu

/* ---- output ---- */

struct sink {
    char *out;
    size_t capacity, written, needed;
    bool lossy;
};

static size_t utf8_encode(uint32_t c, uint8_t out[static 4]) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (uint8_t)(0x80 | (c & 0x3F));
    out[0] = (uint8_t)((0xF0u << (4 - n)) | c);
    return n;
}

static void put(struct sink *sink, uint32_t character) {
    uint8_t bytes[4];
    size_t n = utf8_encode(character, bytes);
    if (sink->written == sink->needed && n <= sink->capacity - sink->written) {
        memcpy(sink->out + sink->written, bytes, n);
        sink->written += n;
    }
    sink->needed += n;
}

static void put_bad(struct sink *sink) {
    sink->lossy = true;
    put(sink, REPLACEMENT);
}

/* Surrogates and what lies beyond Unicode are no characters. */
static void put_checked(struct sink *sink, uint32_t c) {
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        put_bad(sink);
    else
        put(sink, c);
}

static bool is_kept_control(uint8_t byte) { return byte == '\t' || byte == '\n' || byte == '\f' || byte == '\r'; }

/* A control character: kept, or dropped (NUL is padding; others nobody wants in an index). */
static void put_control(struct sink *sink, uint8_t byte) {
    if (is_kept_control(byte))
        put(sink, byte);
    else if (byte != 0)
        sink->lossy = true;
}

/* ---- repertoires ---- */

static void put_upper(struct sink *sink, unsigned set, uint8_t byte) {
    uint16_t c = charset_tables_upper[set][byte - 0xA0];
    if (c)
        put(sink, c);
    else
        put_bad(sink);
}

/* Bytes 80..9F: controls in ISO 8859, but letters and quotes in the Windows code page that devices send under the name of
 * Latin-1. */
static void put_c1(struct sink *sink, unsigned g1, uint8_t byte) {
    uint16_t c = g1 == CHARSET_ELEMENT_UPPER + CHARSET_TABLES_LATIN1 ? charset_tables_windows[byte - 0x80] : 0;
    sink->lossy = true;
    put(sink, c ? c : REPLACEMENT);
}

/* The first code that knows the character, or U+FFFD. */
static void put_converted(struct sink *sink, enum charset_converter_code code, enum charset_converter_code other,
                          struct slice bytes) {
    uint32_t c;
    if (charset_converter_decode(code, bytes, &c) || charset_converter_decode(other, bytes, &c))
        put_checked(sink, c);
    else
        put_bad(sink);
}

/* ---- code extensions ---- */

struct decoder {
    struct charset_terms terms;
    unsigned g0, g1;
    bool person_name;
};

static void reset(struct decoder *d) {
    d->g0 = d->terms.g0;
    d->g1 = d->terms.g1;
}

/* PS3.5 6.1.2.5.3: after a line, a page, a value or a component everything is as at the start. */
static bool is_delimiter(const struct decoder *d, uint8_t byte) {
    return byte == '\\' || byte == '\n' || byte == '\r' || byte == '\f' || (d->person_name && (byte == '^' || byte == '='));
}

static bool is_graphic(uint8_t byte) { return byte >= 0x21 && byte <= 0x7E; }

/* A character of a two-byte set in G0. Returns the bytes taken. */
static size_t take_jis(struct sink *sink, const struct decoder *d, struct slice rest) {
    uint8_t euc[3] = {0x8F, (uint8_t)(rest.bytes[0] | 0x80), (uint8_t)(rest.bytes[1] | 0x80)};
    struct slice bytes = d->g0 == CHARSET_ELEMENT_JISX0212 ? slice_of(euc, 3) : slice_of(euc + 1, 2);
    put_converted(sink, CHARSET_CONVERTER_EUC_JP, CHARSET_CONVERTER_EUC_JP_MS, bytes);
    return 2;
}

static size_t take_lower(struct sink *sink, struct decoder *d, struct slice rest) {
    uint8_t byte = rest.bytes[0];
    bool two_bytes = d->g0 == CHARSET_ELEMENT_JISX0208 || d->g0 == CHARSET_ELEMENT_JISX0212;
    if (two_bytes && is_graphic(byte) && rest.length >= 2 && is_graphic(rest.bytes[1])) return take_jis(sink, d, rest);
    if (is_delimiter(d, byte)) {
        reset(d);
        put(sink, byte);
    } else if (byte < 0x20 || byte == 0x7F) {
        put_control(sink, byte);
    } else if (byte == ' ') {
        put(sink, ' ');
    } else if (two_bytes) {
        put_bad(sink); /* half a character */
    } else if (d->g0 >= CHARSET_ELEMENT_UPPER) {
        put_upper(sink, d->g0 - CHARSET_ELEMENT_UPPER, byte | 0x80);
    } else if (d->g0 == CHARSET_ELEMENT_ROMAJI && byte == '~') {
        put(sink, 0x203E); /* the other difference, yen for backslash, can't be told from a delimiter */
    } else {
        put(sink, byte);
    }
    return 1;
}

/* Where JIS X 0201 is announced, but Shift JIS is sent: a lead byte and its trail. */
static bool is_shift_jis(const struct decoder *d, struct slice rest) {
    if (d->g1 != CHARSET_ELEMENT_UPPER + CHARSET_TABLES_KATAKANA || rest.length < 2) return false;
    uint8_t lead = rest.bytes[0], trail = rest.bytes[1];
    return ((lead >= 0x81 && lead <= 0x9F) || (lead >= 0xE0 && lead <= 0xFC)) && trail >= 0x40 && trail <= 0xFC && trail != 0x7F;
}

static size_t take_two_bytes(struct sink *sink, unsigned g1, struct slice rest) {
    uint32_t character;
    if (rest.length < 2 || rest.bytes[1] < 0x80) {
        /* Half a character; or one of those that Windows adds to KS X 1001, whose trail bytes are letters. */
        bool windows = g1 == CHARSET_ELEMENT_KSX1001 && rest.length >= 2 && rest.bytes[1] >= 'A' && rest.bytes[1] != '\\' &&
                       rest.bytes[1] != '^' &&
                       charset_converter_decode(CHARSET_CONVERTER_CP949, slice_of(rest.bytes, 2), &character);
        if (windows)
            put_checked(sink, character);
        else
            put_bad(sink);
        return windows ? 2 : 1;
    }
    if (g1 == CHARSET_ELEMENT_KSX1001)
        put_converted(sink, CHARSET_CONVERTER_CP949, CHARSET_CONVERTER_CP949, slice_of(rest.bytes, 2));
    else
        put_converted(sink, CHARSET_CONVERTER_EUC_CN, CHARSET_CONVERTER_GB18030, slice_of(rest.bytes, 2));
    return 2;
}

static size_t take_upper(struct sink *sink, const struct decoder *d, struct slice rest) {
    unsigned g1 = d->g1 != CHARSET_ELEMENT_NONE ? d->g1 : d->terms.g1_fallback;
    uint8_t byte = rest.bytes[0];
    if (is_shift_jis(d, rest)) {
        sink->lossy = true;
        put_converted(sink, CHARSET_CONVERTER_CP932, CHARSET_CONVERTER_CP932, slice_of(rest.bytes, 2));
        return 2;
    }
    if (g1 == CHARSET_ELEMENT_KSX1001 || g1 == CHARSET_ELEMENT_GB2312) return take_two_bytes(sink, g1, rest);
    if (byte < 0xA0)
        put_c1(sink, g1, byte);
    else if (g1 >= CHARSET_ELEMENT_UPPER)
        put_upper(sink, g1 - CHARSET_ELEMENT_UPPER, byte);
    else
        put_bad(sink);
    return 1;
}

static size_t take_escape(struct sink *sink, struct decoder *d, struct slice rest) {
    unsigned element;
    bool to_g1;
    size_t length;
    if (!charset_terms_escape(slice_of(rest.bytes + 1, rest.length - 1), &element, &to_g1, &length)) {
        put_bad(sink);
        return 1;
    }
    *(to_g1 ? &d->g1 : &d->g0) = element;
    return 1 + length;
}

static void decode_extensions(struct sink *sink, struct decoder *d, struct slice raw) {
    reset(d);
    for (size_t at = 0; at < raw.length;) {
        struct slice rest = slice_of(raw.bytes + at, raw.length - at);
        if (rest.bytes[0] == ESCAPE)
            at += take_escape(sink, d, rest);
        else
            at += rest.bytes[0] < 0x80 ? take_lower(sink, d, rest) : take_upper(sink, d, rest);
    }
}

/* ---- streams ---- */

/* The length of a well-formed UTF-8 character (Unicode 3.9, Table 3-7), or 0. */
static size_t utf8_length(struct slice rest, uint32_t *character) {
    uint8_t lead = rest.bytes[0];
    size_t n = lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
    if (n == 0 || rest.length < n) return 0;
    uint32_t c = lead & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((rest.bytes[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (rest.bytes[i] & 0x3F);
    }
    static const uint32_t least[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
    *character = c;
    return n;
}

/* The shortest run of bytes that is one character, or 0. */
static size_t converted_length(enum charset_converter_code code, struct slice rest, uint32_t *character) {
    for (size_t n = 1; n <= 4 && n <= rest.length; n++)
        if (charset_converter_decode(code, slice_of(rest.bytes, n), character)) return n;
    return 0;
}

static size_t stream_length(enum charset_stream stream, struct slice rest, uint32_t *character) {
    static const enum charset_converter_code codes[] = {
        [CHARSET_STREAM_GB18030] = CHARSET_CONVERTER_GB18030,
        [CHARSET_STREAM_SJIS] = CHARSET_CONVERTER_CP932,
        [CHARSET_STREAM_EUCJP] = CHARSET_CONVERTER_EUC_JP_MS,
        [CHARSET_STREAM_BIG5] = CHARSET_CONVERTER_BIG5,
    };
    return stream == CHARSET_STREAM_UTF8 ? utf8_length(rest, character) : converted_length(codes[stream], rest, character);
}

static void decode_stream(struct sink *sink, enum charset_stream stream, struct slice raw) {
    for (size_t at = 0; at < raw.length;) {
        uint8_t byte = raw.bytes[at];
        uint32_t character;
        size_t n = 1;
        if (byte < 0x20 || byte == 0x7F)
            put_control(sink, byte);
        else if (byte < 0x80)
            put(sink, byte);
        else if ((n = stream_length(stream, slice_of(raw.bytes + at, raw.length - at), &character)) > 0)
            put_checked(sink, character);
        else
            put_bad(sink);
        at += n ? n : 1;
    }
}

/* ---- whole values ---- */

static bool is_well_formed_utf8(struct slice raw) {
    for (size_t at = 0; at < raw.length;) {
        uint32_t character;
        size_t n = raw.bytes[at] < 0x80 ? 1 : utf8_length(slice_of(raw.bytes + at, raw.length - at), &character);
        if (n == 0) return false;
        at += n;
    }
    return true;
}

/* Whether each byte is itself in every repertoire: no byte above 7E, no control but those that are kept. '~' is another
 * character in one. */
static bool is_plain(struct slice raw) {
    for (size_t i = 0; i < raw.length; i++) {
        uint8_t byte = raw.bytes[i];
        if (byte >= 0x7E || (byte < 0x20 && !is_kept_control(byte))) return false;
    }
    return true;
}

static bool has_upper(struct slice raw) {
    for (size_t i = 0; i < raw.length; i++)
        if (raw.bytes[i] >= 0x80) return true;
    return false;
}

static void decode(struct sink *sink, struct slice specific_character_set, struct slice raw, bool person_name) {
    struct decoder d = {.terms = charset_terms_parse(specific_character_set), .person_name = person_name};
    if (d.terms.stream == CHARSET_STREAM_NONE && d.terms.undeclared && has_upper(raw)) {
        /* Nothing says what these bytes are: UTF-8 if they could hardly be anything else, else Latin-1. */
        sink->lossy = true;
        if (!memchr(raw.bytes, ESCAPE, raw.length) && is_well_formed_utf8(raw))
            d.terms.stream = CHARSET_STREAM_UTF8;
        else
            d.terms.g1_fallback = CHARSET_ELEMENT_UPPER + CHARSET_TABLES_LATIN1;
    }
    if (d.terms.stream != CHARSET_STREAM_NONE)
        decode_stream(sink, d.terms.stream, raw);
    else
        decode_extensions(sink, &d, raw);
}

size_t charset_to_utf8(struct slice specific_character_set, struct slice raw, bool person_name, char *out, size_t capacity,
                       bool *lossy) {
    struct sink sink = {.out = out, .capacity = capacity};
    if (is_plain(raw)) {
        sink.needed = raw.length;
        sink.written = raw.length < capacity ? raw.length : capacity;
        if (sink.written) memcpy(out, raw.bytes, sink.written);
    } else {
        decode(&sink, specific_character_set, raw, person_name);
        if (sink.needed > sink.written && capacity > sink.written) memset(out + sink.written, ' ', capacity - sink.written);
    }
    if (lossy) *lossy = sink.lossy;
    return sink.needed;
}
