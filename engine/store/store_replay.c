/* SPDX-License-Identifier: Apache-2.0 */
/* store_replay: the logs read in their order, and the scrub, which reads everything. Blocking; replay while nobody else uses the
 * store, scrub on any thread. */
#include <stdlib.h>

#include "engine/base/log.h"
#include "engine/store/segment.h"
#include "engine/store/store_state.h"

static void header_of(const struct segment_view *view, struct segment_header *header) {
    *header = (struct segment_header){.number = view->number, .log = view->log, .kind = view->kind};
    memcpy(header->id, view->id, RECORD_ID_BYTES);
}

static bool no_memory(struct fault *fault) { return fault_set(fault, FAULT_MEMORY, 0, "no memory to read the archive"); }

/* ---- replay ---- */

struct replay {
    struct store *store;
    store_visitor *visit;
    void *context;
    struct fault damage; /* the first one; the walk goes on */
};

static void note_damage(struct replay *replay, const struct fault *fault) {
    log_error("%s", fault->text);
    if (replay->damage.code == FAULT_NONE) replay->damage = *fault;
}

static bool replay_segment(struct replay *replay, const struct segment_view *view, uint64_t from, struct fault *fault) {
    struct fault why;
    struct disk_file *file;
    if (from > view->end && from > SEGMENT_HEADER_BYTES) {
        fault_set(&why, FAULT_CORRUPT, from, "the index knows segment %u up to offset %llu, but it ends at %llu", view->number,
                  (unsigned long long)from, (unsigned long long)view->end);
        note_damage(replay, &why);
        return true;
    }
    if (!store_state_open(replay->store, view, &file, fault)) return false;
    struct segment_header header;
    struct segment_scan scan;
    header_of(view, &header);
    bool ok = segment_scan_init(&scan, file, &header, from, view->end, fault);
    for (bool more = ok; more;) {
        struct record record;
        struct record_frame frame;
        struct place place;
        uint64_t next;
        switch (segment_scan_next(&scan, &record, &frame, &place, &next, &why)) {
        case SEGMENT_RECORD: ok = more = replay->visit(replay->context, &record, place, view->log, next, fault); break;
        case SEGMENT_DAMAGED: {
            struct fault damage;
            fault_set(&damage, FAULT_CORRUPT, place.offset, "segment %u is damaged from offset %llu to %llu: %s", view->number,
                      (unsigned long long)place.offset, (unsigned long long)next, why.text);
            note_damage(replay, &damage);
            break;
        }
        case SEGMENT_END: more = false; break;
        case SEGMENT_FAILED:
            if (fault) *fault = why;
            ok = more = false;
            break;
        }
    }
    segment_scan_release(&scan);
    disk_close(file);
    return ok;
}

static const struct store_position *position_of(const struct store_position *positions, size_t count, uint32_t log) {
    for (size_t i = 0; i < count; i++)
        if (positions[i].log == log) return &positions[i];
    return NULL;
}

static int compare_logs(const void *a, const void *b) {
    const struct segment_view *x = a, *y = b;
    if (x->log != y->log) return x->log < y->log ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

bool store_replay(struct store *store, const struct store_position *positions, size_t count, store_visitor *visit, void *context,
                  struct fault *fault) {
    struct replay replay = {.store = store, .visit = visit, .context = context};
    size_t view_count;
    struct segment_view *views = store_state_list(store, &view_count);
    if (!views) return no_memory(fault);
    qsort(views, view_count, sizeof *views, compare_logs);
    bool ok = true;
    for (size_t i = 0; ok && i < view_count; i++) {
        const struct store_position *position = position_of(positions, count, views[i].log);
        if (views[i].missing || (position && views[i].number < position->segment)) continue;
        ok = replay_segment(&replay, &views[i], position && views[i].number == position->segment ? position->offset : 0, fault);
    }
    free(views);
    if (ok && replay.damage.code != FAULT_NONE) {
        if (fault) *fault = replay.damage;
        return false;
    }
    return ok;
}

/* ---- scrub ---- */

struct scrub {
    struct store *store;
    store_scrub_visitor *visit;
    void *context;
    uint64_t done_bytes, total_bytes;
};

/* A streamed payload is read as any reader would. */
static bool check_stream(struct scrub *scrub, struct place place, struct fault *why) {
    struct store_payload *payload = store_payload_open(scrub->store, place, why);
    struct slice block = {0};
    bool ok = payload;
    while (ok && (ok = store_payload_next(payload, &block, why)) && block.length) continue;
    store_payload_close(payload);
    return ok;
}

static bool scrub_segment(struct scrub *scrub, const struct segment_view *view, struct fault *fault) {
    struct fault why;
    struct disk_file *file;
    uint64_t before = scrub->done_bytes;
    struct place nowhere = {.segment = view->number};
    if (!store_state_open(scrub->store, view, &file, &why)) {
        scrub->done_bytes = before + view->end;
        return scrub->visit(scrub->context, NULL, nowhere, &why, scrub->done_bytes, scrub->total_bytes)
               || fault_set(fault, FAULT_CANCELLED, 0, "stopped");
    }
    struct segment_header header;
    struct segment_scan scan;
    header_of(view, &header);
    bool ok = segment_scan_init(&scan, file, &header, 0, view->end, fault);
    for (bool more = ok; more;) {
        struct record record;
        struct record_frame frame;
        struct place place = nowhere;
        uint64_t next = view->end;
        enum segment_step step = segment_scan_next(&scan, &record, &frame, &place, &next, &why);
        if (step == SEGMENT_END) break;
        bool good = step == SEGMENT_RECORD;
        if (good && record.streamed)
            good = check_stream(scrub, place, &why);
        else if (good)
            good = segment_scan_check(&scan, &record, place, &why) == SEGMENT_PAYLOAD_WHOLE;
        scrub->done_bytes = before + (step == SEGMENT_FAILED ? view->end : next);
        if (!scrub->visit(scrub->context, step == SEGMENT_RECORD ? &record : NULL, place, good ? NULL : &why, scrub->done_bytes,
                          scrub->total_bytes))
            ok = fault_set(fault, FAULT_CANCELLED, 0, "stopped");
        more = ok && step != SEGMENT_FAILED;
    }
    scrub->done_bytes = before + view->end;
    segment_scan_release(&scan);
    disk_close(file);
    return ok;
}

bool store_scrub(struct store *store, store_scrub_visitor *visit, void *context, struct fault *fault) {
    struct scrub scrub = {.store = store, .visit = visit, .context = context};
    size_t count;
    struct segment_view *views = store_state_list(store, &count);
    if (!views) return no_memory(fault);
    for (size_t i = 0; i < count; i++) scrub.total_bytes += views[i].end;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) ok = scrub_segment(&scrub, &views[i], fault);
    free(views);
    return ok;
}
