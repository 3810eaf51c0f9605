/* SPDX-License-Identifier: Apache-2.0 */
/* listing: rows of one kind, as an aligned table for people or as a JSON array with an object a line for programs. Row by row, so
 * that a listing of any length costs no memory. One thread, its output's. */
#ifndef LEAT_SERVE_LISTING_H
#define LEAT_SERVE_LISTING_H

#include "engine/base/output_table.h"

/* A column: its title in the table (NULL: JSON only), its name in JSON (NULL: table only). */
struct listing_column {
    const char *title, *name;
    enum output_align align;
};

struct listing {
    struct output *output;
    const struct listing_column *columns;
    struct output_table *table; /* NULL: JSON */
    struct output_column titles[OUTPUT_TABLE_COLUMNS];
    uint64_t row_count;
    size_t column;
};

/* columns: borrowed, until a title-less and name-less one. False: no memory (said). */
bool listing_init(struct listing *listing, struct output *output, bool json, const struct listing_column *columns);
/* The next column's value. An empty text is null in JSON. */
void listing_text(struct listing *listing, struct slice text);
void listing_number(struct listing *listing, uint64_t number);
void listing_bool(struct listing *listing, bool value);
/* Microseconds since 1970: "2026-03-01T12:00:00Z", with milliseconds in JSON. */
void listing_time(struct listing *listing, uint64_t time_us);
void listing_row_end(struct listing *listing);
void listing_release(struct listing *listing);

#endif
