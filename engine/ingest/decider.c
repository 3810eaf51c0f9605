/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest/decider.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/ingest/pipeline.h"
#include "index/catalog.h"
#include "net/dimse/status.h"

/* ---- the table of what is decided and not yet visible ---- */

static struct digest_value key_of(const struct decider *decider, const struct object_uids *identity) {
    uint8_t bytes[3 * (2 + 4096)];
    const struct slice uids[3] = {identity->study_uid, identity->series_uid, identity->sop_uid};
    struct writer w = writer_over(bytes, sizeof bytes);
    for (int i = 0; i < 3; i++) {
        writer_le16(&w, (uint16_t)uids[i].length);
        writer_slice(&w, uids[i]);
    }
    invariant(!w.failed); /* captured values are cut far below */
    return digest_of(pipeline_secret(decider->pipeline), bytes, writer_length(&w));
}

static struct held_entry **bucket_of(struct decider *decider, const struct digest_value *key) {
    return &decider->buckets[load_le32(key->bytes) & decider->bucket_mask];
}

static struct held_entry *find(struct decider *decider, const struct digest_value *key) {
    struct held_entry *entry = *bucket_of(decider, key);
    while (entry && memcmp(entry->key.bytes, key->bytes, sizeof key->bytes) != 0) entry = entry->next;
    return entry;
}

static struct held_entry *insert(struct decider *decider, const struct digest_value *key) {
    struct held_entry *entry = decider->free;
    invariant(entry != NULL); /* there are as many as objects */
    decider->free = entry->next;
    *entry = (struct held_entry){.key = *key, .decider = decider, .next = *bucket_of(decider, key)};
    *bucket_of(decider, key) = entry;
    return entry;
}

static void remove_entry(struct decider *decider, struct held_entry *entry) {
    struct held_entry **link = bucket_of(decider, &entry->key);
    while (*link != entry) link = &(*link)->next;
    *link = entry->next;
    entry->next = decider->free;
    decider->free = entry;
}

static void hold(struct decider *decider, struct held_entry *entry, struct object *object) {
    object_move(object, OBJECT_HELD);
    object->next = NULL;
    if (entry->last) entry->last->next = object;
    else entry->first = object;
    entry->last = object;
    decider->held++;
}

/* ---- the decision ---- */

/* Fills the verdict. The whole policy of today; others will be choices here. */
static void decide(struct decider *decider, struct object *object, const struct object_uids *identity) {
    struct catalog_hit hit;
    struct fault fault = {0};
    switch (catalog_lookup(pipeline_catalog(decider->pipeline), identity->study_uid, identity->series_uid, identity->sop_uid,
                           &hit, &fault)) {
    case CATALOG_NONE:
    case CATALOG_COLLISION: /* kept; the catalog lists it as one that can't be filed */
        object->verdict = OBJECT_NEW;
        return;
    case CATALOG_FOUND:
        object->verdict = hit.payload_length == object->length &&
                                  memcmp(hit.digest, object->append.record.digest, sizeof hit.digest) == 0
                              ? OBJECT_DUPLICATE
                              : OBJECT_VERSION;
        return;
    case CATALOG_ERROR:
        log_error("index: %s", fault.text);
        object_refuse(object, STATUS_OUT_OF_RESOURCES, 0, "the index can't be read now");
        return;
    }
    invariant(false);
}

/* Decides an object and sends it on. Its entry: NULL, or the one that it takes over. True: the entry (now) waits for its
 * record. */
static bool decide_and_send(struct decider *decider, struct object *object, const struct object_uids *identity,
                            const struct digest_value *key, struct held_entry *entry) {
    decide(decider, object, identity);
    switch (object->verdict) {
    case OBJECT_NEW:
    case OBJECT_VERSION:
        object->entry = entry ? entry : insert(decider, key);
        object->append.record.sequence = sequence_next(&decider->sequence, clock_wall_us());
        pipeline_write(decider->pipeline, object);
        return true;
    case OBJECT_DUPLICATE:
        counters_add(decider->counters, COUNTER_DUPLICATES, 1);
        pipeline_answer(object);
        return false;
    case OBJECT_REFUSED:
    case OBJECT_UNDECIDED:
        break;
    }
    pipeline_answer(object);
    return false;
}

static void arrivals_drained(void *context, void **items, size_t count) {
    struct decider *decider = context;
    for (size_t i = 0; i < count; i++) {
        struct object *object = items[i];
        struct object_uids identity = object_uids(object);
        struct digest_value key = key_of(decider, &identity);
        struct held_entry *entry = find(decider, &key);
        if (entry) hold(decider, entry, object);
        else (void)decide_and_send(decider, object, &identity, &key, NULL);
    }
}

static void release_entry(struct decider *decider, struct held_entry *entry) {
    while (entry->first) {
        struct object *object = entry->first;
        entry->first = object->next;
        if (!entry->first) entry->last = NULL;
        decider->held--;
        object_move(object, OBJECT_DECIDING);
        struct object_uids identity = object_uids(object);
        if (decide_and_send(decider, object, &identity, &entry->key, entry)) return; /* the others wait for this one now */
    }
    remove_entry(decider, entry);
}

static void releases_drained(void *context, void **items, size_t count) {
    for (size_t i = 0; i < count; i++) release_entry(context, items[i]);
}

/* ---- life ---- */

bool decider_init(struct decider *decider, struct pipeline *pipeline, struct waker *waker, struct counters_cell *counters,
                  uint32_t number, uint32_t objects, uint64_t highest_sequence, struct fault *fault) {
    *decider = (struct decider){.pipeline = pipeline, .counters = counters, .bucket_mask = objects - 1};
    invariant((objects & (objects - 1)) == 0);
    sequence_init(&decider->sequence, number, highest_sequence);
    decider->entries = calloc(objects, sizeof *decider->entries);
    decider->buckets = calloc(objects, sizeof *decider->buckets);
    if (!decider->entries || !decider->buckets)
        return fault_set(fault, FAULT_MEMORY, 0, "no memory for %u objects under way", objects);
    for (uint32_t i = objects; i-- > 0;) {
        decider->entries[i].next = decider->free;
        decider->free = &decider->entries[i];
    }
    return inbox_init(&decider->releases, waker, objects, releases_drained, decider, fault) &&
           inbox_init(&decider->arrivals, waker, objects, arrivals_drained, decider, fault);
}

void decider_release(struct decider *decider) {
    if (decider->arrivals.ring.slots) inbox_release(&decider->arrivals);
    if (decider->releases.ring.slots) inbox_release(&decider->releases);
    free(decider->entries);
    free(decider->buckets);
}

void decider_post(struct decider *decider, struct object *object) {
    bool posted = inbox_post(&decider->arrivals, object);
    invariant(posted); /* its slot was reserved with its credit */
}

void decider_settle(struct held_entry *entry) {
    bool posted = inbox_post(&entry->decider->releases, entry);
    invariant(posted);
}
