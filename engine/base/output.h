/* SPDX-License-Identifier: Apache-2.0 */
/* output: what a command says, wherever it runs: lines for standard output, lines for standard error, and progress. A sink takes
 * them to this process's terminal (tools/leat) or through the control socket (engine/serve/control.c). One thread at a time. A
 * sink that is gone (closed pipe, client went away) makes output_gone true: a command then stops its work. */
#ifndef LEAT_BASE_OUTPUT_H
#define LEAT_BASE_OUTPUT_H

#include <stdatomic.h>
#include <stdio.h>

#include "engine/base/slice.h"

enum output_stream {
    OUTPUT_RESULT = 1,   /* standard output */
    OUTPUT_MESSAGE = 2,  /* standard error */
    OUTPUT_PROGRESS = 3, /* one line that replaces the former one; not kept */
};

struct output {
    /* false: nobody reads any more. */
    bool (*write)(void *context, enum output_stream stream, const void *bytes, size_t length);
    void *context;
    const atomic_bool
        *cancel; /* NULL, or set by whoever wants the command to stop (a signal handler, a server that shuts down) */
    bool gone;
    size_t used;
    char buffer[16384];        /* of OUTPUT_RESULT */
};

void output_init(struct output *output, bool (*write)(void *, enum output_stream, const void *, size_t), void *context);
/* Result text: buffered. */
void output_print(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
void output_bytes(struct output *output, struct slice bytes);
/* A message: one line, newline added; the result buffered so far goes out first. */
void output_message(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool output_flush(struct output *output); /* false: gone */
/* Whether to stop: the reader is gone or somebody cancelled. */
bool output_stopped(const struct output *output);

/* ---- JSON ---- */

/* A JSON string with its quotes: control characters, quotes and what is not UTF-8 are escaped (bad bytes become U+FFFD). */
void output_json_string(struct output *output, struct slice text);

#endif
