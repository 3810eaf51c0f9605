/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_check: the index against itself and against the log, for `leat verify`: walks every row, counts anew what rows count,
 * and hands every place to the caller, who compares it with the segments. Over a snapshot; any thread, while others read and
 * commit. */
#ifndef LEAT_INDEX_CATALOG_CHECK_H
#define LEAT_INDEX_CATALOG_CHECK_H

#include "index/catalog.h"

struct catalog_check_report {
    uint64_t rows;        /* walked */
    uint64_t places;      /* handed to the visitor */
    uint64_t wrong_rows;  /* can't be decoded, or stand under a key that is not theirs */
    uint64_t wrong_counts; /* stored counts that differ from those counted */
    uint64_t wrong_lookups; /* a lookup without its row, or a row without its lookup */
};

/* visit (may be NULL) is called for every instance and superseded version; it returns false to stop. `say` (may be NULL) gets a
 * line for each thing that is wrong. True: the walk was finished; report says what it found. */
bool catalog_check(struct catalog *catalog, catalog_instance_visitor *visit, void (*say)(void *context, const char *line),
                   void *context, struct catalog_check_report *report, struct fault *fault);

#endif
