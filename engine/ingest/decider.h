/* SPDX-License-Identifier: Apache-2.0 */
/* decider: says what an object is to the archive: new, a new version, a duplicate. These decisions stand here and nowhere else;
 * what spans more than one instance (a series that two studies claim, a study that two patients claim) follows from the set of
 * records (index/README.md).
 *
 * There is one a worker thread, and the hash of the SOP Instance UID says which, so two objects of one identity meet in the
 * same one. It keeps a table of the identities that it decided and that are not yet visible in the catalog: a second object of
 * such an identity is HELD there, with its bytes, until the first one's end, and is decided then (committed: duplicate or
 * version; failed: anew).
 *
 *   arrivals ─▶ decide ─▶ the logs (NEW, VERSION) or back to the reactor (DUPLICATE, REFUSED)
 *   releases ─▶ the entry goes, or the next held object takes it over
 *
 * Thread: its worker's, but for init and release. Reads of the catalog may block; nothing else does. */
#ifndef LEAT_INGEST_DECIDER_H
#define LEAT_INGEST_DECIDER_H

#include "engine/base/counters.h"
#include "engine/ingest/object.h"
#include "engine/ingest/sequence.h"
#include "engine/runtime/inbox.h"

struct pipeline;

/* An identity that is decided and not yet visible. */
struct held_entry {
    struct held_entry *next; /* in its bucket, or the free list */
    struct digest_value key; /* keyed digest of the three UIDs */
    struct object *first, *last; /* HELD behind it, in the order of their arrival */
    struct decider *decider;
};

struct decider {
    struct pipeline *pipeline;
    struct counters_cell *counters;
    struct sequence sequence;
    struct inbox arrivals; /* struct object */
    struct inbox releases; /* struct held_entry: the record behind it is visible, or failed */
    struct held_entry *entries, *free;
    struct held_entry **buckets;
    uint32_t bucket_mask;
    uint32_t held; /* objects HELD now */
};

/* objects: how many there are in all, so that no ring and no table is ever full. */
bool decider_init(struct decider *decider, struct pipeline *pipeline, struct waker *waker, struct counters_cell *counters,
                  uint32_t number, uint32_t objects, uint64_t highest_sequence, struct fault *fault);
void decider_release(struct decider *decider);

/* Any thread. An object in DECIDING. */
void decider_post(struct decider *decider, struct object *object);
/* Any thread: what was decided under this entry is visible in the catalog, or has failed. */
void decider_settle(struct held_entry *entry);

#endif
