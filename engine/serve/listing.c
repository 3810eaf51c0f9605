/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/listing.h"

#include <inttypes.h>
#include <time.h>

#include "engine/base/check.h"

bool listing_init(struct listing *listing, struct output *output, bool json, const struct listing_column *columns) {
    *listing = (struct listing){.output = output, .columns = columns};
    if (json) {
        output_print(output, "[");
        return true;
    }
    size_t count = 0;
    for (const struct listing_column *column = columns; column->title || column->name; column++) {
        if (!column->title) continue;
        invariant(count < OUTPUT_TABLE_COLUMNS);
        listing->titles[count++] = (struct output_column){column->title, column->align};
    }
    listing->table = output_table_create(output, listing->titles, count);
    if (!listing->table) output_message(output, "leat: no memory");
    return listing->table != NULL;
}

/* Whether the column at hand is shown; JSON gets its name. */
static bool begin_value(struct listing *listing) {
    const struct listing_column *column = &listing->columns[listing->column];
    invariant(column->title || column->name);
    bool first = listing->column++ == 0;
    if (listing->table) return column->title != NULL;
    if (first) output_print(listing->output, listing->row_count ? ",\n{" : "\n{");
    if (!column->name) return false;
    output_print(listing->output, "%s\"%s\": ", first ? "" : ", ", column->name);
    return true;
}

void listing_text(struct listing *listing, struct slice text) {
    if (!begin_value(listing)) return;
    if (listing->table)
        output_table_cell(listing->table, text);
    else if (text.length == 0)
        output_print(listing->output, "null");
    else
        output_json_string(listing->output, text);
}

void listing_number(struct listing *listing, uint64_t number) {
    if (!begin_value(listing)) return;
    if (listing->table)
        output_table_count(listing->table, number);
    else
        output_print(listing->output, "%" PRIu64, number);
}

void listing_bool(struct listing *listing, bool value) {
    if (!begin_value(listing)) return;
    if (listing->table)
        output_table_cell(listing->table, slice_text(value ? "yes" : ""));
    else
        output_print(listing->output, value ? "true" : "false");
}

void listing_time(struct listing *listing, uint64_t time_us) {
    char text[40];
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (listing->table)
        n += (size_t)snprintf(text + n, sizeof text - n, "Z");
    else
        n += (size_t)snprintf(text + n, sizeof text - n, ".%03uZ", (unsigned)(time_us / 1000 % 1000));
    listing_text(listing, slice_of(text, n));
}

void listing_row_end(struct listing *listing) {
    listing->row_count++;
    listing->column = 0;
    if (listing->table)
        output_table_row_end(listing->table);
    else
        output_print(listing->output, "}");
}

void listing_release(struct listing *listing) {
    if (listing->table)
        output_table_destroy(listing->table);
    else
        output_print(listing->output, listing->row_count ? "\n]\n" : "]\n");
}
