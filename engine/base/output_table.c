/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/output_table.h"

#include <inttypes.h>
#include <stdlib.h>

#include "engine/base/check.h"

struct output_table {
    struct output *output;
    const struct output_column *columns;
    size_t column_count, column; /* column: of the next cell */
    size_t widths[OUTPUT_TABLE_COLUMNS];
    size_t row_count;
    bool streaming;              /* the widths are settled: rows go out as they come */
    char *cells;                 /* kept back: NUL-terminated texts one after the other */
    size_t cells_used, cells_capacity;
};

/* Characters, as a terminal counts them (wide characters are not worth a dependency here): UTF-8 lead bytes. */
static size_t display_width(const char *text) {
    size_t width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

struct output_table *output_table_create(struct output *output, const struct output_column *columns, size_t count) {
    invariant(count > 0 && count <= OUTPUT_TABLE_COLUMNS);
    struct output_table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    table->output = output;
    table->columns = columns;
    table->column_count = count;
    for (size_t i = 0; i < count; i++) table->widths[i] = display_width(columns[i].title);
    return table;
}

static void print_cell(const struct output_table *table, size_t column, const char *text) {
    size_t width = display_width(text);
    int pad = width < table->widths[column] ? (int)(table->widths[column] - width) : 0;
    const char *gap = column ? "  " : "";
    if (table->columns[column].align == OUTPUT_RIGHT)
        output_print(table->output, "%s%*s%s", gap, pad, "", text);
    else if (column + 1 == table->column_count)
        output_print(table->output, "%s%s", gap, text);
    else
        output_print(table->output, "%s%s%*s", gap, text, pad, "");
    if (column + 1 == table->column_count) output_print(table->output, "\n");
}

/* The titles and all rows kept back; from then on rows go out as they come. */
static void stop_keeping(struct output_table *table) {
    table->streaming = true;
    for (size_t i = 0; i < table->column_count; i++) print_cell(table, i, table->columns[i].title);
    size_t column = 0;
    for (size_t at = 0; at < table->cells_used; at += strlen(table->cells + at) + 1) {
        print_cell(table, column, table->cells + at);
        column = (column + 1) % table->column_count;
    }
    table->cells_used = 0;
}

/* Room for a text of `length` and its NUL, or NULL. */
static char *keep_room(struct output_table *table, size_t length) {
    size_t wanted = table->cells_used + length + 1;
    if (wanted > table->cells_capacity) {
        size_t capacity = wanted * 2 + 4096;
        char *grown = realloc(table->cells, capacity);
        if (!grown) return NULL;
        table->cells = grown;
        table->cells_capacity = capacity;
    }
    char *room = table->cells + table->cells_used;
    table->cells_used = wanted;
    return room;
}

/* Control characters would break the table, or drive the terminal. */
static void copy_printable(char *to, struct slice text) {
    for (size_t i = 0; i < text.length; i++)
        to[i] = text.bytes[i] < 0x20 || text.bytes[i] == 0x7f ? '?' : (char)text.bytes[i];
    to[text.length] = 0;
}

void output_table_cell(struct output_table *table, struct slice text) {
    invariant(table->column < table->column_count);
    size_t before = table->cells_used;
    char *room = keep_room(table, text.length);
    if (!room) {
        table->output->gone = true;
        return;
    }
    copy_printable(room, text);
    if (table->streaming) {
        print_cell(table, table->column, room);
        table->cells_used = before;
    } else if (display_width(room) > table->widths[table->column]) {
        table->widths[table->column] = display_width(room);
    }
    table->column++;
}

void output_table_count(struct output_table *table, uint64_t value) {
    char text[24];
    int length = snprintf(text, sizeof text, "%" PRIu64, value);
    output_table_cell(table, slice_of(text, (size_t)length));
}

void output_table_row_end(struct output_table *table) {
    while (table->column < table->column_count && !table->output->gone) output_table_cell(table, slice_of("", 0));
    table->column = 0;
    if (++table->row_count == OUTPUT_TABLE_ROWS && !table->streaming) stop_keeping(table);
}

void output_table_destroy(struct output_table *table) {
    if (!table) return;
    if (!table->streaming) stop_keeping(table);
    free(table->cells);
    free(table);
}
