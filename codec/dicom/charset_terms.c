/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/dicom/charset_terms.h"

#include "codec/dicom/charset.h"
#include "codec/dicom/charset_tables.h"
#include "engine/base/check.h"

#define UPPER(name) (CHARSET_ELEMENT_UPPER + CHARSET_TABLES_##name)

/* Terms by the number of their ISO registration (ISO_IR n, ISO 2022 IR n). */
struct term {
    uint16_t registration;
    uint8_t g0, g1;
    uint8_t stream;
    bool needs_escape; /* Table C.12-4: multi-byte, may not be value 1 */
};

static const struct term terms[] = {
    {6, CHARSET_ELEMENT_ASCII, CHARSET_ELEMENT_NONE, 0, false},
    {100, CHARSET_ELEMENT_ASCII, UPPER(LATIN1), 0, false},
    {101, CHARSET_ELEMENT_ASCII, UPPER(LATIN2), 0, false},
    {109, CHARSET_ELEMENT_ASCII, UPPER(LATIN3), 0, false},
    {110, CHARSET_ELEMENT_ASCII, UPPER(LATIN4), 0, false},
    {144, CHARSET_ELEMENT_ASCII, UPPER(CYRILLIC), 0, false},
    {127, CHARSET_ELEMENT_ASCII, UPPER(ARABIC), 0, false},
    {126, CHARSET_ELEMENT_ASCII, UPPER(GREEK), 0, false},
    {138, CHARSET_ELEMENT_ASCII, UPPER(HEBREW), 0, false},
    {148, CHARSET_ELEMENT_ASCII, UPPER(LATIN5), 0, false},
    {166, CHARSET_ELEMENT_ASCII, UPPER(THAI), 0, false},
    {203, CHARSET_ELEMENT_ASCII, UPPER(LATIN9), 0, false},
    {13, CHARSET_ELEMENT_ROMAJI, UPPER(KATAKANA), 0, false},
    {14, CHARSET_ELEMENT_ROMAJI, UPPER(KATAKANA), 0, false},
    {87, CHARSET_ELEMENT_ASCII, CHARSET_ELEMENT_NONE, 0, true},
    {159, CHARSET_ELEMENT_ASCII, CHARSET_ELEMENT_NONE, 0, true},
    {149, CHARSET_ELEMENT_ASCII, CHARSET_ELEMENT_KSX1001, 0, true},
    {58, CHARSET_ELEMENT_ASCII, CHARSET_ELEMENT_GB2312, 0, true},
    {192, CHARSET_ELEMENT_ASCII, CHARSET_ELEMENT_NONE, CHARSET_STREAM_UTF8, false},
};

/* What devices write instead, without punctuation and in capitals, and which registration they mean; 0: a stream. */
struct alias {
    const char *name;
    uint16_t registration;
    uint8_t stream;
};

static const struct alias aliases[] = {
    {"ASCII", 6, 0},         {"USASCII", 6, 0},       {"ISO646", 6, 0},        {"ISO88591", 100, 0},    {"LATIN1", 100, 0},
    {"WINDOWS1252", 100, 0}, {"CP1252", 100, 0},      {"ISO88592", 101, 0},    {"LATIN2", 101, 0},      {"ISO88593", 109, 0},
    {"LATIN3", 109, 0},      {"ISO88594", 110, 0},    {"LATIN4", 110, 0},      {"ISO88595", 144, 0},    {"CYRILLIC", 144, 0},
    {"ISO88596", 127, 0},    {"ARABIC", 127, 0},      {"ISO88597", 126, 0},    {"GREEK", 126, 0},       {"ISO88598", 138, 0},
    {"HEBREW", 138, 0},      {"ISO88599", 148, 0},    {"LATIN5", 148, 0},      {"ISO885911", 166, 0},   {"TIS620", 166, 0},
    {"THAI", 166, 0},        {"ISO885915", 203, 0},   {"LATIN9", 203, 0},      {"UTF8", 192, 0},        {"UNICODE", 192, 0},
    {"ISO10646", 192, 0},    {"EUCKR", 149, 0},       {"KSC5601", 149, 0},     {"KSX1001", 149, 0},     {"CP949", 149, 0},
    {"ISO2022JP", 87, 0},    {"JISX0208", 87, 0},     {"JISX0201", 13, 0},
    {"GB18030", 0, CHARSET_STREAM_GB18030},           {"GBK", 0, CHARSET_STREAM_GB18030}, {"CP936", 0, CHARSET_STREAM_GB18030},
    {"GB2312", 0, CHARSET_STREAM_GB18030},            {"EUCCN", 0, CHARSET_STREAM_GB18030},
    {"SHIFTJIS", 0, CHARSET_STREAM_SJIS},             {"SJIS", 0, CHARSET_STREAM_SJIS},   {"CP932", 0, CHARSET_STREAM_SJIS},
    {"WINDOWS31J", 0, CHARSET_STREAM_SJIS},           {"EUCJP", 0, CHARSET_STREAM_EUCJP}, {"BIG5", 0, CHARSET_STREAM_BIG5},
};

#define NAME_BYTES 24

/* Letters and digits in capitals: "iso 8859-1" -> "ISO88591". Longer ones are cut, and then unknown. */
static struct slice bare_name(struct slice value, char name[static NAME_BYTES]) {
    size_t n = 0;
    for (size_t i = 0; i < value.length && n < NAME_BYTES; i++) {
        uint8_t c = value.bytes[i];
        if (c >= 'a' && c <= 'z') c = (uint8_t)(c - 'a' + 'A');
        if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) name[n++] = (char)c;
    }
    return slice_of(name, n);
}

static const struct term *term_of(unsigned registration) {
    for (size_t i = 0; i < array_count(terms); i++)
        if (terms[i].registration == registration) return &terms[i];
    return NULL;
}

/* The number behind a prefix such as ISOIR, ISO2022IR, IR; 0: another name. */
static unsigned registration_of(struct slice name) {
    static const char *const prefixes[] = {"ISO2022IR", "ISOIR", "IR"};
    for (size_t i = 0; i < array_count(prefixes); i++) {
        size_t length = strlen(prefixes[i]);
        if (name.length <= length || name.length > length + 3 || memcmp(name.bytes, prefixes[i], length) != 0) continue;
        unsigned number = 0;
        for (size_t at = length; at < name.length; at++) {
            if (name.bytes[at] < '0' || name.bytes[at] > '9') return 0;
            number = number * 10 + name.bytes[at] - '0';
        }
        return number;
    }
    return 0;
}

/* Fills *stream or returns the term; NULL and no stream: unknown. */
static const struct term *value_read(struct slice value, enum charset_stream *stream) {
    char buffer[NAME_BYTES];
    struct slice name = bare_name(value, buffer);
    unsigned registration = name.length == 0 ? 6 : registration_of(name); /* empty value 1: the default repertoire */
    *stream = CHARSET_STREAM_NONE;
    for (size_t i = 0; registration == 0 && i < array_count(aliases); i++) {
        if (!slice_equal(name, slice_text(aliases[i].name))) continue;
        *stream = aliases[i].stream;
        if (*stream != CHARSET_STREAM_NONE) return NULL;
        registration = aliases[i].registration;
    }
    const struct term *term = term_of(registration);
    if (term) *stream = term->stream;
    return term;
}

/* Takes the next of the values parted by backslashes, trimmed. */
static struct slice next_value(struct slice *rest) {
    const uint8_t *end = rest->length ? memchr(rest->bytes, '\\', rest->length) : NULL;
    struct slice value = slice_of(rest->bytes, end ? (size_t)(end - rest->bytes) : rest->length);
    *rest = end ? slice_of(end + 1, rest->length - value.length - 1) : slice_of(NULL, 0);
    value = slice_unpadded(value);
    while (value.length && value.bytes[0] == ' ') value = slice_of(value.bytes + 1, value.length - 1);
    return value;
}

static void take_value(struct charset_terms *out, struct slice value, bool first) {
    enum charset_stream stream;
    const struct term *term = value_read(value, &stream);
    if (stream != CHARSET_STREAM_NONE) {
        /* A stream rules alone; where others stand before it, they count, unless they say nothing. */
        if (out->stream == CHARSET_STREAM_NONE && out->g1 == CHARSET_ELEMENT_NONE && out->g1_fallback == CHARSET_ELEMENT_NONE)
            out->stream = stream;
        out->undeclared = false;
        return;
    }
    if (!term) {
        out->unknown = true;
        return;
    }
    if (term->registration != 6) out->undeclared = false;
    if (first) {
        out->g0 = term->g0;
        out->g1 = term->g1;
    }
    if (out->g1_fallback == CHARSET_ELEMENT_NONE) out->g1_fallback = term->g1;
}

struct charset_terms charset_terms_parse(struct slice specific_character_set) {
    struct charset_terms out = {.g0 = CHARSET_ELEMENT_ASCII, .g1 = CHARSET_ELEMENT_NONE, .undeclared = true};
    struct slice rest = slice_unpadded(specific_character_set);
    bool first = true;
    do {
        take_value(&out, next_value(&rest), first);
        first = false;
    } while (rest.bytes);
    return out;
}

/* ---- the exact terms ---- */

static bool term_is_exact(struct slice value, const char *prefix, const struct term **term) {
    char buffer[NAME_BYTES];
    size_t length = strlen(prefix);
    if (value.length <= length || memcmp(value.bytes, prefix, length) != 0) return false;
    unsigned registration = registration_of(bare_name(value, buffer));
    *term = registration == 14 ? NULL : term_of(registration);
    for (size_t i = length; i < value.length; i++)
        if (value.bytes[i] < '0' || value.bytes[i] > '9') return false;
    return *term != NULL && value.bytes[length] != '0';
}

bool charset_is_standard(struct slice specific_character_set) {
    struct slice rest = slice_unpadded(specific_character_set), value = next_value(&rest);
    const struct term *term;
    if (!rest.bytes) { /* one value: no code extensions */
        if (value.length == 0 || slice_equal(value, slice_text("GB18030")) || slice_equal(value, slice_text("GBK"))) return true;
        if (term_is_exact(value, "ISO_IR ", &term)) return !term->needs_escape && term->registration != 6;
        return term_is_exact(value, "ISO 2022 IR ", &term) && !term->needs_escape && term->stream == 0;
    }
    if (value.length && (!term_is_exact(value, "ISO 2022 IR ", &term) || term->needs_escape || term->stream != 0)) return false;
    while (rest.bytes) {
        value = next_value(&rest);
        if (!term_is_exact(value, "ISO 2022 IR ", &term) || term->stream != 0) return false;
    }
    return true;
}

/* ---- escape sequences ---- */

struct escape {
    const char *bytes; /* after ESC */
    uint8_t element;
    bool to_g1;
};

static const struct escape escapes[] = {
    {"(B", CHARSET_ELEMENT_ASCII, false},
    {"(J", CHARSET_ELEMENT_ROMAJI, false},
    {")I", UPPER(KATAKANA), true},
    {"-A", UPPER(LATIN1), true},
    {"-B", UPPER(LATIN2), true},
    {"-C", UPPER(LATIN3), true},
    {"-D", UPPER(LATIN4), true},
    {"-L", UPPER(CYRILLIC), true},
    {"-G", UPPER(ARABIC), true},
    {"-F", UPPER(GREEK), true},
    {"-H", UPPER(HEBREW), true},
    {"-M", UPPER(LATIN5), true},
    {"-T", UPPER(THAI), true},
    {"-b", UPPER(LATIN9), true},
    {"$B", CHARSET_ELEMENT_JISX0208, false},
    {"$(D", CHARSET_ELEMENT_JISX0212, false},
    {"$)C", CHARSET_ELEMENT_KSX1001, true},
    {"$)A", CHARSET_ELEMENT_GB2312, true},
    /* not in DICOM's tables, but seen, and without another meaning */
    {"$@", CHARSET_ELEMENT_JISX0208, false},  /* JIS C 6226-1978 */
    {"$(B", CHARSET_ELEMENT_JISX0208, false},
    {"(I", UPPER(KATAKANA), false},           /* katakana in G0 */
    {"(H", CHARSET_ELEMENT_ASCII, false},     /* an old misprint of (J */
};

bool charset_terms_escape(struct slice after_escape, unsigned *element, bool *to_g1, size_t *length) {
    for (size_t i = 0; i < array_count(escapes); i++) {
        size_t n = strlen(escapes[i].bytes);
        if (after_escape.length < n || memcmp(after_escape.bytes, escapes[i].bytes, n) != 0) continue;
        *element = escapes[i].element;
        *to_g1 = escapes[i].to_g1;
        *length = n;
        return true;
    }
    return false;
}
