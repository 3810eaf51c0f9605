/* SPDX-License-Identifier: Apache-2.0 */
/* store_recover: what opening a store does about the past: finds and records the ends of segments that were active, names the
 * segments whose files are missing, puts aside files that belong to nothing, gives streamed files to their records or removes
 * them. */
#ifndef LEAT_STORE_STORE_RECOVER_H
#define LEAT_STORE_STORE_RECOVER_H

#include "engine/store/store_state.h"

/* Fills the store's table of segments from its manifest. Nothing is written when the store was opened read-only. */
bool store_recover(struct store *store, struct fault *fault);

#endif
