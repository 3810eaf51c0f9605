/* SPDX-License-Identifier: Apache-2.0 */
/* slice: bytes that somebody else owns. Whoever hands out a slice says how long it stays good. */
#ifndef LEAT_BASE_SLICE_H
#define LEAT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *bytes;
    size_t length;
};

static inline struct slice slice_of(const void *bytes, size_t length) {
    return (struct slice){.bytes = (const uint8_t *)bytes, .length = length};
}

static inline struct slice slice_text(const char *text) { return slice_of(text, strlen(text)); }

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* A UI, CS, AE or LO value without the padding that PS3.5 6.2 lets trail it: NULs and spaces. */
static inline struct slice slice_unpadded(struct slice s) {
    while (s.length && (s.bytes[s.length - 1] == 0 || s.bytes[s.length - 1] == ' ')) s.length--;
    return s;
}

/* For printf: "%.*s", SLICE_ARGS(s). */
#define SLICE_ARGS(s) (int)(s).length, (const char *)((s).bytes ? (s).bytes : (const uint8_t *)"")

#endif
