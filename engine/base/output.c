/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/output.h"

#include <stdarg.h>
#include <stdlib.h>

void output_init(struct output *output, bool (*write)(void *, enum output_stream, const void *, size_t), void *context) {
    output->write = write;
    output->context = context;
    output->cancel = NULL;
    output->gone = false;
    output->used = 0;
}

bool output_flush(struct output *output) {
    if (output->used && !output->gone)
        output->gone = !output->write(output->context, OUTPUT_RESULT, output->buffer, output->used);
    output->used = 0;
    return !output->gone;
}

void output_bytes(struct output *output, struct slice bytes) {
    while (bytes.length) {
        size_t room = sizeof output->buffer - output->used;
        size_t n = bytes.length < room ? bytes.length : room;
        memcpy(output->buffer + output->used, bytes.bytes, n);
        output->used += n;
        bytes = slice_of(bytes.bytes + n, bytes.length - n);
        if (output->used == sizeof output->buffer) output_flush(output);
    }
}

/* Formats into `small`, or into memory that the caller frees when it is not `small`. NULL: no memory. */
static char *format_text(char *small, size_t capacity, const char *format, va_list args, size_t *length) {
    va_list again;
    va_copy(again, args);
    int wanted = vsnprintf(small, capacity, format, args);
    char *text = small;
    if (wanted >= 0 && (size_t)wanted >= capacity) {
        text = malloc((size_t)wanted + 1);
        if (text) vsnprintf(text, (size_t)wanted + 1, format, again);
    }
    va_end(again);
    *length = wanted < 0 ? 0 : (size_t)wanted;
    return text;
}

void output_print(struct output *output, const char *format, ...) {
    char small[1024];
    size_t length;
    va_list args;
    va_start(args, format);
    char *text = format_text(small, sizeof small, format, args, &length);
    va_end(args);
    if (!text) {
        output->gone = true;
        return;
    }
    output_bytes(output, slice_of(text, length));
    if (text != small) free(text);
}

/* What a peer chose (a UID with an escape sequence in it) must not drive a terminal. */
static void blank_controls(char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7f) text[i] = '?';
}

void output_message(struct output *output, const char *format, ...) {
    char small[1024];
    size_t length;
    va_list args;
    output_flush(output);
    va_start(args, format);
    char *text = format_text(small, sizeof small - 1, format, args, &length);
    va_end(args);
    if (!text) {
        output->gone = true;
        return;
    }
    blank_controls(text, length);
    text[length] = '\n'; /* over the NUL */
    if (!output->gone) output->gone = !output->write(output->context, OUTPUT_MESSAGE, text, length + 1);
    if (text != small) free(text);
}

bool output_stopped(const struct output *output) {
    return output->gone || (output->cancel && atomic_load_explicit(output->cancel, memory_order_relaxed));
}

/* Bytes of the UTF-8 character at s (RFC 3629: no overlong forms, no surrogates), or 0. */
static size_t utf8_length(const uint8_t *s, size_t left) {
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : s[0] >= 0xe0 && s[0] <= 0xef ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
    if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
    return n;
}

void output_json_string(struct output *output, struct slice text) {
    output_print(output, "\"");
    for (size_t i = 0; i < text.length;) {
        const uint8_t *s = text.bytes + i;
        size_t n = utf8_length(s, text.length - i);
        if (n == 0) {
            output_print(output, "\\ufffd");
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            output_print(output, "\\%c", *s);
        } else if (*s < 0x20 || *s == 0x7f) {
            output_print(output, "\\u%04x", *s);
        } else {
            output_bytes(output, slice_of(s, n));
        }
        i += n;
    }
    output_print(output, "\"");
}
