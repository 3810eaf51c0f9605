/* SPDX-License-Identifier: Apache-2.0 */
/* roll_up: the end of a batch: what changed below is counted above (series into studies, studies into patients, patients into
 * totals), and the changed rows and their lookups are written to the database batch. One step for each row however many records
 * touched it. The committer's thread. */
#ifndef LEAT_INDEX_ROLL_UP_H
#define LEAT_INDEX_ROLL_UP_H

#include "index/catalog_state.h"

/* False when a read failed: abort the batch. */
bool roll_up_count(struct catalog_batch *batch, struct fault *fault);
void roll_up_write(struct catalog_batch *batch);

#endif
