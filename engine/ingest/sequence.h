/* SPDX-License-Identifier: Apache-2.0 */
/* sequence: the numbers that order decisions: a hybrid clock of (microseconds, decider). It never goes below what it was told
 * of at start-up, never stands still, and those of two deciders never meet, so every record's sequence is its own. One owner;
 * no thread. */
#ifndef LEAT_INGEST_SEQUENCE_H
#define LEAT_INGEST_SEQUENCE_H

#include <stdint.h>

#include "engine/base/check.h"

#define SEQUENCE_DECIDER_BITS 8
#define SEQUENCE_DECIDERS ((uint64_t)1 << SEQUENCE_DECIDER_BITS) /* the last one is the notebook's */

struct sequence {
    uint64_t last;
    uint64_t decider;
};

/* highest: of any record in the archive. */
static inline void sequence_init(struct sequence *sequence, uint32_t decider, uint64_t highest) {
    invariant(decider < SEQUENCE_DECIDERS);
    *sequence = (struct sequence){.last = highest, .decider = decider};
}

static inline uint64_t sequence_next(struct sequence *sequence, uint64_t wall_us) {
    uint64_t next = wall_us << SEQUENCE_DECIDER_BITS | sequence->decider;
    if (next <= sequence->last)
        next = ((sequence->last >> SEQUENCE_DECIDER_BITS) + 1) << SEQUENCE_DECIDER_BITS | sequence->decider;
    sequence->last = next;
    return next;
}

#endif
