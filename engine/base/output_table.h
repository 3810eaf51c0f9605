/* SPDX-License-Identifier: Apache-2.0 */
/* output_table: aligned columns for people. Rows are kept back until enough are there to know the widths (OUTPUT_TABLE_ROWS),
 * then each goes out as it comes: a listing of a billion instances costs no memory. One thread, its output's. */
#ifndef LEAT_BASE_OUTPUT_TABLE_H
#define LEAT_BASE_OUTPUT_TABLE_H

#include "engine/base/output.h"

#define OUTPUT_TABLE_ROWS 500u
#define OUTPUT_TABLE_COLUMNS 16u

struct output_table;
enum output_align { OUTPUT_LEFT, OUTPUT_RIGHT };
struct output_column {
    const char *title;
    enum output_align align;
};
/* columns: borrowed until destroy. NULL: no memory. */
struct output_table *output_table_create(struct output *output, const struct output_column *columns, size_t count);
void output_table_cell(struct output_table *table, struct slice text);
void output_table_count(struct output_table *table, uint64_t value);
void output_table_row_end(struct output_table *table);
void output_table_destroy(struct output_table *table); /* what was kept back goes out first */

#endif
