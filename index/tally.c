/* SPDX-License-Identifier: Apache-2.0 */
/* tally: see tally.h. */
#include "index/tally.h"

#include "index/packed.h"

bool tally_next(struct reader *r, struct slice *text, uint64_t *count) {
    if (reader_left(r) == 0) return false;
    *text = packed_read_slice(r);
    *count = packed_read_number(r);
    return !r->failed;
}

static int compare(struct slice a, struct slice b) {
    size_t n = a.length < b.length ? a.length : b.length;
    int order = n ? memcmp(a.bytes, b.bytes, n) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static void write_entry(struct writer *w, struct slice text, uint64_t count) {
    if (count == 0) return;
    packed_slice(w, text);
    packed_number(w, count);
}

struct slice tally_change(struct slice tally, struct slice text, int64_t delta, struct row_arena *arena) {
    if (delta == 0) return tally;
    size_t capacity = tally.length + text.length + 20;
    struct writer w = writer_over(row_arena_take(arena, capacity), capacity);
    struct reader r = reader_over(tally);
    struct slice at;
    uint64_t count;
    bool done = false;
    while (tally_next(&r, &at, &count)) {
        int order = compare(at, text);
        if (order == 0) count += (uint64_t)delta;
        else if (order > 0 && !done) write_entry(&w, text, (uint64_t)delta);
        if (order >= 0) done = true;
        write_entry(&w, at, count);
    }
    if (!done) write_entry(&w, text, (uint64_t)delta);
    return slice_of(w.start, writer_length(&w));
}

size_t tally_join(struct slice tally, char *out, size_t capacity) {
    struct reader r = reader_over(tally);
    struct slice text;
    uint64_t count;
    size_t length = 0;
    while (tally_next(&r, &text, &count)) {
        if (capacity - length < text.length + 1) break;
        if (length) out[length++] = '\\';
        if (text.length) memcpy(out + length, text.bytes, text.length);
        length += text.length;
    }
    return length;
}
