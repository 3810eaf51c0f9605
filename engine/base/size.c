/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *word;
    uint64_t factor;
};

static const struct unit byte_units[] = {
    {"", 1},
    {"B", 1},
    {"bytes", 1},
    {"K", 1ull << 10},
    {"KiB", 1ull << 10},
    {"KB", 1000ull},
    {"M", 1ull << 20},
    {"MiB", 1ull << 20},
    {"MB", 1000000ull},
    {"G", 1ull << 30},
    {"GiB", 1ull << 30},
    {"GB", 1000000000ull},
    {"T", 1ull << 40},
    {"TiB", 1ull << 40},
    {"TB", 1000000000000ull},
    {"P", 1ull << 50},
    {"PiB", 1ull << 50},
    {"PB", 1000000000000000ull},
    {NULL, 0},
};

static const struct unit time_units[] = {
    {"", 1000},         {"ms", 1},         {"s", 1000},       {"sec", 1000},       {"m", 60000},       {"min", 60000},
    {"h", 3600000},     {"d", 86400000},   {NULL, 0},
};

#define FRACTION_DIGITS 9

/* Digits, perhaps a point and up to nine digits more: the value is whole + fraction / scale. */
struct number {
    uint64_t whole, fraction, scale;
};

static bool parse_digits(const char **at, unsigned most, uint64_t *value, uint64_t *scale) {
    const char *start = *at;
    *value = 0;
    *scale = 1;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        if ((size_t)(*at - start) == most) return false;
        if (__builtin_mul_overflow(*value, 10u, value) || __builtin_add_overflow(*value, (uint64_t)(**at - '0'), value))
            return false;
        *scale *= 10;
    }
    return *at > start;
}

static bool parse_number(const char **at, struct number *number) {
    uint64_t ignored;
    if (!parse_digits(at, 20, &number->whole, &ignored)) return false;
    number->fraction = 0;
    number->scale = 1;
    if (**at != '.') return true;
    (*at)++;
    return parse_digits(at, FRACTION_DIGITS, &number->fraction, &number->scale);
}

static bool parse(const char *text, const struct unit *units, uint64_t *out) {
    struct number number;
    if (!parse_number(&text, &number)) return false;
    while (*text == ' ') text++;
    const struct unit *unit = units;
    while (unit->word && strcasecmp(unit->word, text) != 0) unit++;
    if (!unit->word) return false;
    uint64_t value;
    if (__builtin_mul_overflow(number.whole, unit->factor, &value)) return false;
    uint64_t part = (uint64_t)((__extension__(unsigned __int128)number.fraction * unit->factor) / number.scale);
    return !__builtin_add_overflow(value, part, out);
}

bool size_parse_bytes(const char *text, uint64_t *bytes) { return parse(text, byte_units, bytes); }

bool size_parse_ms(const char *text, uint64_t *ms) { return parse(text, time_units, ms); }

bool size_parse_count(const char *text, uint64_t *count) {
    uint64_t ignored;
    return parse_digits(&text, 20, count, &ignored) && *text == 0;
}

const char *size_format_bytes(uint64_t bytes, char out[SIZE_TEXT_BYTES]) {
    static const char *const words[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned power = 0;
    while (power < 6 && bytes >> (10 * (power + 1))) power++;
    uint64_t unit = 1ull << (10 * power);
    if (bytes % unit == 0) {
        snprintf(out, SIZE_TEXT_BYTES, "%" PRIu64 " %s", bytes / unit, words[power]);
    } else {
        uint64_t tenths = (bytes % unit) / (unit / 1024) * 10 / 1024;
        snprintf(out, SIZE_TEXT_BYTES, "%" PRIu64 ".%" PRIu64 " %s", bytes / unit, tenths, words[power]);
    }
    return out;
}

const char *size_format_ms(uint64_t ms, char out[SIZE_TEXT_BYTES]) {
    uint64_t seconds = ms / 1000;
    if (ms < 1000 && ms > 0)
        snprintf(out, SIZE_TEXT_BYTES, "%" PRIu64 "ms", ms);
    else if (seconds < 60)
        snprintf(out, SIZE_TEXT_BYTES, "%" PRIu64 "s", seconds);
    else if (seconds < 3600)
        snprintf(out, SIZE_TEXT_BYTES, "%" PRIu64 "min %02" PRIu64 "s", seconds / 60, seconds % 60);
    else
        snprintf(out, SIZE_TEXT_BYTES, "%" PRIu64 "h %02" PRIu64 "min", seconds / 3600, seconds / 60 % 60);
    return out;
}

const char *size_format_count(uint64_t count, char out[SIZE_TEXT_BYTES]) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = out;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return out;
}
