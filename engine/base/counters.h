/* SPDX-License-Identifier: Apache-2.0 */
/* counters: what happened, as numbers with names. Each thread adds to a cell of its own (no shared cache line); a reader sums the
 * cells. The names go to disk in notes (RECORD_NOTE) and to users in `leat stats`: never change one, only add. */
#ifndef LEAT_BASE_COUNTERS_H
#define LEAT_BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* symbol, name on disk and in output, group it is summed into ("" = none), meaning */
#define COUNTERS_TABLE(X) \
    X(STORED, "stored", "", "objects stored and acknowledged") \
    X(STORED_BYTES, "stored_bytes", "", "bytes of data sets stored and acknowledged") \
    X(DUPLICATES, "duplicates", "", "objects received again with the same bytes: acknowledged, not stored twice") \
    X(SUPERSEDED, "superseded", "", "objects received again with other bytes: the new one became current") \
    X(QUARANTINED, "quarantined", "", "objects kept, but not filed in the tree (Series UID already in another study)") \
    X(REMARKED, "remarked", "", "objects filed although something in them is wrong") \
    X(REFUSED_NO_SPACE, "refused_no_space", "refused", "A700: no space, or below the watermark") \
    X(REFUSED_WRITE_ERROR, "refused_write_error", "refused", "A700: a write or an fsync failed") \
    X(REFUSED_INCOMPLETE, "refused_incomplete", "refused", "A900: a UID is missing, or is not the command's") \
    X(REFUSED_UNREADABLE, "refused_unreadable", "refused", "C000: the data set can't be scanned, or there was none") \
    X(REFUSED_SOP_CLASS, "refused_sop_class", "refused", "0122: SOP class is not its context's, or is not accepted") \
    X(REFUSED_NOT_ALLOWED, "refused_not_allowed", "refused", "0124: the operation is not allowed for this peer") \
    X(REFUSED_COMMAND, "refused_command", "refused", "0210, 0211, 0212: a command that can't be served") \
    X(LOST, "lost", "", "objects whose association ended before their last fragment: nothing stored") \
    X(ASSOCIATIONS, "associations", "", "associations accepted") \
    X(REJECTED_AET, "rejected_aet", "rejected", "associations rejected: AE title or address") \
    X(REJECTED_LIMIT, "rejected_limit", "rejected", "associations rejected: limit of associations") \
    X(REJECTED_NO_SPACE, "rejected_no_space", "rejected", "associations rejected: no space") \
    X(REJECTED_PROTOCOL, "rejected_protocol", "rejected", "associations rejected: application context or protocol version") \
    X(ABORTED_PROTOCOL, "aborted_protocol", "", \
      "connections ended by us: bytes that are not DICOM's upper layer, or out of order") \
    X(ABORTED_TIMEOUT, "aborted_timeout", "", "connections ended by us: ARTIM, message, idle or minimum rate") \
    X(ABORTED_PEER, "aborted_peer", "", "associations ended by the peer without a release") \
    X(ECHOES, "echoes", "", "C-ECHO answered") \
    X(STREAMED, "streamed", "", "objects stored in a file of their own") \
    X(WAITED_MEMORY, "waited_memory", "", "times that a sender was held back for memory") \
    X(CORRUPT_READS, "corrupt_reads", "", "reads that found a checksum that does not fit")

enum counter {
#define COUNTERS_SYMBOL(symbol, name, group, meaning) COUNTER_##symbol,
    COUNTERS_TABLE(COUNTERS_SYMBOL)
#undef COUNTERS_SYMBOL
    COUNTER_COUNT
};

struct counters_row {
    const char *name, *group, *meaning;
};
const struct counters_row *counters_row(enum counter counter);
/* COUNTER_COUNT for a name that is not in the table (a note written by a later leat). */
enum counter counters_find(const char *name, size_t length);

/* One thread's share. Its owner alone adds; anyone may read. */
struct counters_cell {
    _Alignas(64) _Atomic uint64_t values[COUNTER_COUNT]; /* relaxed: pairs with nothing, a sum may be a moment old */
};

/* All cells. Created before the threads start, destroyed after they ended. */
struct counters {
    struct counters_cell *cells;
    size_t cell_count;
};
bool counters_init(struct counters *counters, size_t cell_count); /* false: no memory */
void counters_release(struct counters *counters);

static inline struct counters_cell *counters_cell(const struct counters *counters, size_t index) {
    return &counters->cells[index];
}

/* Owner of the cell only: a load and a store, no locked instruction. */
static inline void counters_add(struct counters_cell *cell, enum counter counter, uint64_t n) {
    uint64_t old = atomic_load_explicit(&cell->values[counter], memory_order_relaxed);
    atomic_store_explicit(&cell->values[counter], old + n, memory_order_relaxed);
}

/* Any thread. */
uint64_t counters_sum(const struct counters *counters, enum counter counter);
/* All counters of a group ("refused", "rejected") from an array of COUNTER_COUNT sums. */
uint64_t counters_group_sum(const uint64_t sums[COUNTER_COUNT], const char *group);

#endif
