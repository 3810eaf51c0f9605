/* SPDX-License-Identifier: Apache-2.0 */
/* scan_inflate: see the header. A step is bounded by the caller's output, so that a small input that inflates to a thousand
 * times its size costs time but no memory. */
#include "codec/dicom/scan_inflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct scan_inflate {
    z_stream stream;
    uint64_t taken, trailing;
    bool started, ended, wrapped;
    bool pending; /* the last step filled its output, so there may be more without input */
};

struct scan_inflate *scan_inflate_create(void) {
    struct scan_inflate *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    if (inflateInit2(&state->stream, -MAX_WBITS) == Z_OK) return state;
    free(state);
    return NULL;
}

void scan_inflate_destroy(struct scan_inflate *state) {
    if (!state) return;
    inflateEnd(&state->stream);
    free(state);
}

/* A zlib header's first byte names deflate (8) and a window. Read as raw deflate it would be a stored block that is not the
 * last one, with a padding bit set, which no deflater writes. */
static void look_at_first_byte(struct scan_inflate *state, uint8_t first) {
    state->started = true;
    state->wrapped = (first & 0x0F) == 8 && first >> 4 <= 7;
    if (state->wrapped) inflateReset2(&state->stream, MAX_WBITS);
}

bool scan_inflate_step(struct scan_inflate *state, struct slice *in, uint8_t *out, size_t capacity, size_t *produced,
                       struct fault *fault) {
    *produced = 0;
    if (in->length == 0 && !state->pending) return true;
    if (state->ended) {
        state->trailing += in->length;
        *in = slice_of(in->bytes + in->length, 0);
        return true;
    }
    if (!state->started && in->length) look_at_first_byte(state, in->bytes[0]);
    z_stream *stream = &state->stream;
    uInt given = in->length > INT_MAX ? INT_MAX : (uInt)in->length;
    stream->next_in = (Bytef *)(uintptr_t)in->bytes;
    stream->avail_in = given;
    stream->next_out = out;
    stream->avail_out = (uInt)capacity;
    int status = inflate(stream, Z_NO_FLUSH);
    uInt used = given - stream->avail_in;
    *in = slice_of(in->bytes + used, in->length - used);
    state->taken += used;
    *produced = capacity - stream->avail_out;
    state->ended = status == Z_STREAM_END;
    state->pending = !state->ended && *produced == capacity;
    if (status == Z_OK || status == Z_STREAM_END || (status == Z_BUF_ERROR && *produced == 0 && in->length == 0)) return true;
    return fault_set(fault, status == Z_MEM_ERROR ? FAULT_MEMORY : FAULT_MALFORMED, state->taken,
                     "the deflated data set is broken at its byte %llu: %s", (unsigned long long)state->taken,
                     stream->msg ? stream->msg : zError(status));
}

bool scan_inflate_ended(const struct scan_inflate *state) { return state->ended; }
uint64_t scan_inflate_trailing(const struct scan_inflate *state) { return state->trailing; }
bool scan_inflate_is_wrapped(const struct scan_inflate *state) { return state->wrapped; }
