/* SPDX-License-Identifier: Apache-2.0 */
/* problem: what `leat problems` lists, as numbers with words. The numbers stand in the log (RECORD_NOTE): never change one,
 * only add. Constant data; any thread. */
#ifndef LEAT_BASE_PROBLEM_H
#define LEAT_BASE_PROBLEM_H

#include <stdint.h>

/* symbol, number, word, meaning */
#define PROBLEM_TABLE(X)                                                                                                         \
    X(REFUSED, 1, "refused", "an object was answered with a failure and is not kept")                                            \
    X(REMARKED, 2, "remarked", "an object is filed although something in it is wrong")                                           \
    X(QUARANTINED, 3, "quarantined", "an object is kept, but its Series UID is already in another study")                        \
    X(COLLISION, 4, "collision", "an object is kept, but can't be filed: its UIDs and another's have the same key")              \
    X(CORRUPT, 5, "corrupt", "stored bytes are not what was written")                                                            \
    X(DISK, 6, "disk", "a write, a flush or a read failed")                                                                      \
    X(PATIENT_CONFLICT, 7, "patient-conflict",                                                                                   \
      "records of several patients claim a study; it stands under the one claimed last")                                         \
    X(UNLISTED, 8, "unlisted", "more problems at once than could be listed one by one")

enum problem_kind {
#define PROBLEM_SYMBOL(symbol, number, word, meaning) PROBLEM_##symbol = number,
    PROBLEM_TABLE(PROBLEM_SYMBOL)
#undef PROBLEM_SYMBOL
};

static inline const char *problem_word(uint32_t kind) {
    switch (kind) {
#define PROBLEM_CASE(symbol, number, word, meaning) case number: return word;
        PROBLEM_TABLE(PROBLEM_CASE)
#undef PROBLEM_CASE
    }
    return "unknown";
}

#endif
