/* SPDX-License-Identifier: Apache-2.0 */
/* sim_objects: objects of the simulation and what must be true of them after a recovery:
 *   - each acknowledged one is there, at its place, byte for byte;
 *   - whatever is there is whole;
 *   - nothing that was refused (unless the archive had turned read-only), and nothing that was once seen to be gone, turns up;
 *   - each log gives acknowledged records in the order of their acknowledgements;
 *   - nothing that wasn't acknowledged lies before what was acknowledged in the same run of the server (else the index, which
 *     stands behind it, would never hear of it);
 *   - replay from a position gives exactly what lies behind it. */
#include "sim_objects.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void fill(uint64_t seed, uint64_t sequence, uint64_t from, uint8_t *out, size_t bytes) {
    uint64_t base = mix(seed * 0x9e3779b97f4a7c15u + sequence);
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word = (base ^ ((from + i) / 8)) * 0xbf58476d1ce4e5b9u;
        memcpy(out + i, &word, bytes - i < 8 ? bytes - i : 8);
    }
}

void sim_objects_fail(struct sim_objects *objects, const char *what, uint64_t sequence) {
    if (objects->wrong) return;
    objects->wrong = what;
    objects->wrong_sequence = sequence;
}

void sim_objects_init(struct sim_objects *objects, uint64_t seed) {
    *objects = (struct sim_objects){.seed = seed};
    objects->items = calloc(SIM_OBJECTS, sizeof *objects->items);
    invariant(objects->items);
}

static void drop_payload(struct sim_object *object) {
    free(object->payload);
    object->payload = NULL;
}

void sim_objects_forget(struct sim_objects *objects) {
    for (uint32_t i = 0; i < objects->count; i++) {
        struct sim_object *object = &objects->items[i];
        for (size_t w = 0; w < 2; w++) { /* the stream's own, which it can't free any more */
            if (object->told != SIM_WAITING) continue;
            free(object->writes[w].padded);
            free(object->writes[w].tail);
        }
        if (object->told == SIM_WAITING) object->told = SIM_NOTHING;
        drop_payload(object);
    }
}

void sim_objects_release(struct sim_objects *objects) {
    sim_objects_forget(objects);
    free(objects->items);
}

/* ---- making ---- */

static void told(struct append *append) {
    struct sim_object *object = container_of(append, struct sim_object, append);
    struct sim_objects *objects = object->objects;
    if (append->result == APPEND_DURABLE) {
        object->told = SIM_ACKNOWLEDGED;
        object->told_at = ++objects->clock;
        object->place = append->place;
        object->next_offset = append->next_offset;
        objects->acknowledged++;
        if (object->stream) store_stream_keep(object->stream, append->place);
    } else {
        object->told = SIM_REFUSED;
        objects->refused++;
        if (!store_is_read_only(objects->store)) object->forbidden = true;
        if (object->stream) store_stream_abort(object->stream);
    }
    object->stream = NULL;
    if (append->result == APPEND_PENDING) sim_objects_fail(objects, "done without a result", object->sequence);
    drop_payload(object);
}

static void describe(struct sim_object *object) {
    struct record *r = &object->append.record;
    *r = (struct record){.type = RECORD_OBJECT, .sequence = object->sequence, .received_us = object->sequence * 7};
    snprintf(object->uid, sizeof object->uid, "1.2.3.%llu", (unsigned long long)object->sequence);
    r->study_uid = r->series_uid = r->sop_uid = slice_text(object->uid);
    r->payload_length = object->bytes;
    uint32_t blocks = record_block_count(object->bytes);
    invariant(blocks * 4 <= sizeof object->crcs);
    for (uint32_t i = 0; i < blocks; i++) {
        uint64_t at = (uint64_t)i * RECORD_BLOCK_BYTES;
        uint64_t n = object->bytes - at < RECORD_BLOCK_BYTES ? object->bytes - at : RECORD_BLOCK_BYTES;
        store_le32(object->crcs + i * 4, checksum_crc32(0, object->payload + at, (size_t)n));
    }
    r->block_crcs = slice_of(object->crcs, blocks * 4);
}

struct sim_object *sim_objects_make(struct sim_objects *objects, uint32_t log, uint64_t bytes, bool streamed) {
    if (objects->count == SIM_OBJECTS) return NULL;
    struct sim_object *object = &objects->items[objects->count++];
    *object = (struct sim_object){
        .objects = objects, .sequence = objects->count, .bytes = bytes, .log = log, .streamed = streamed, .run = objects->run};
    void *memory = NULL;
    size_t room = (size_t)(bytes + DISK_BLOCK_BYTES) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    invariant(posix_memalign(&memory, DISK_BLOCK_BYTES, room) == 0);
    object->payload = memory;
    fill(objects->seed, object->sequence, 0, object->payload, (size_t)bytes);
    describe(object);
    object->told = SIM_WAITING;
    object->append.done = told;
    if (streamed) return object;
    uint64_t at = 0; /* in up to three parts, as chunks are */
    for (int i = 0; i < 3 && at < bytes; i++) {
        uint64_t n = i < 2 ? (bytes - at) / 2 / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES : bytes - at;
        if (n == 0 && i < 2) continue;
        object->parts[object->append.payload_count++] = (struct iovec){.iov_base = object->payload + at, .iov_len = (size_t)n};
        at += n;
    }
    object->append.payload = object->parts;
    object->append.payload_bytes = bytes;
    return object;
}

/* ---- streamed ones ---- */

static void stream_finished(void *context, bool ok, enum fault_code code) {
    struct sim_object *object = context;
    if (!ok) {
        object->told = SIM_REFUSED;
        store_stream_abort(object->stream);
        object->stream = NULL;
        drop_payload(object);
        return;
    }
    store_stream_describe(object->stream, &object->append.record);
    memcpy(object->stream_file, object->append.record.stream_file, RECORD_ID_BYTES);
    object->append.record.block_crcs = slice_of(object->crcs, record_block_count(object->bytes) * 4);
    log_writer_append(object->writer, &object->append);
    log_writer_kick(object->writer);
}

static void stream_written(struct store_stream_write *write, bool ok) {}

void sim_objects_stream(struct sim_object *object, struct store *store, struct log_writer *writer, uint32_t volume) {
    object->writer = writer;
    object->objects->store = store;
    object->stream = store_stream_create(store, volume, object->objects->loop, NULL);
    if (!object->stream) {
        object->told = SIM_REFUSED;
        drop_payload(object);
        return;
    }
    uint64_t first = object->bytes / 2 / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    uint64_t sizes[2] = {first, object->bytes - first}, at = 0;
    for (size_t i = 0; i < 2; i++) {
        if (sizes[i] == 0) continue;
        object->parts[i] = (struct iovec){.iov_base = object->payload + at, .iov_len = (size_t)sizes[i]};
        object->writes[i] =
            (struct store_stream_write){.parts = &object->parts[i], .count = 1, .bytes = sizes[i], .done = stream_written};
        store_stream_write(object->stream, &object->writes[i]);
        at += sizes[i];
    }
    store_stream_finish(object->stream, stream_finished, object);
}

/* ---- verification ---- */

struct verify {
    struct sim_objects *objects;
    struct store *store;
    uint64_t last[SIM_LOGS];      /* told_at of the last acknowledged one */
    struct place at[SIM_LOGS];    /* where the log stands */
    uint64_t next[SIM_LOGS];
    uint32_t untold_run[SIM_LOGS]; /* of the last record that nobody was told of */
    /* replay from a position */
    const struct sim_object *from[SIM_LOGS];
    uint64_t behind[SIM_LOGS], behind_seen[SIM_LOGS];
};

static bool same_bytes(void *context, struct slice block, uint64_t offset) {
    const struct sim_object *object = context;
    uint8_t expected[4096];
    for (size_t at = 0; at < block.length; at += sizeof expected) {
        size_t n = block.length - at < sizeof expected ? block.length - at : sizeof expected;
        fill(object->objects->seed, object->sequence, offset + at, expected, n);
        if (memcmp(expected, block.bytes + at, n) != 0) {
            sim_objects_fail(object->objects, "other bytes than were sent", object->sequence);
            return false;
        }
    }
    return true;
}

static void check_object(struct verify *v, struct sim_object *object, const struct record *record, struct place place,
                         uint32_t log, uint64_t next_offset) {
    struct sim_objects *objects = v->objects;
    bool here =
        object->told == SIM_ACKNOWLEDGED && place.segment == object->place.segment && place.offset == object->place.offset;
    if (object->forbidden && object->told != SIM_ACKNOWLEDGED)
        sim_objects_fail(objects, "it was gone or refused, and is back", object->sequence);
    if (log != object->log) sim_objects_fail(objects, "in another log", object->sequence);
    if (!slice_equal(record->sop_uid, slice_text(object->uid)) || record->payload_length != object->bytes)
        sim_objects_fail(objects, "other fields than were sent", object->sequence);
    if (here) {
        object->seen++;
        if (object->told_at < v->last[log])
            sim_objects_fail(objects, "order of the log is not that of the acknowledgements", object->sequence);
        if (next_offset != object->next_offset)
            sim_objects_fail(objects, "next offset is not the one that was told", object->sequence);
        v->last[log] = object->told_at;
        if (v->untold_run[log] == object->run)
            sim_objects_fail(objects, "something nobody was told of lies before it", object->sequence);
    } else {
        v->untold_run[log] = object->run;
    }
    if (object->told != SIM_ACKNOWLEDGED) object->seen++;
    struct fault fault = {0};
    if (!store_read_payload(v->store, place, same_bytes, object, &fault)) {
        static char text[400];
        snprintf(text, sizeof text, "can't be read: %s", fault.text);
        sim_objects_fail(objects, text, object->sequence);
    }
}

static bool visit(void *context, const struct record *record, struct place place, uint32_t log, uint64_t next_offset,
                  struct fault *fault) {
    struct verify *v = context;
    if (record->sequence == 0 || record->sequence > v->objects->count || log >= SIM_LOGS) {
        sim_objects_fail(v->objects, "a record that nobody wrote", record->sequence);
        return true;
    }
    if (place.segment == v->at[log].segment && place.offset < v->next[log])
        sim_objects_fail(v->objects, "records overlap", record->sequence);
    if (place.segment < v->at[log].segment) sim_objects_fail(v->objects, "segments out of order", record->sequence);
    v->at[log] = place;
    v->next[log] = next_offset;
    struct sim_object *object = &v->objects->items[record->sequence - 1];
    check_object(v, object, record, place, log, next_offset);
    const struct sim_object *from = v->from[log];
    if (from &&
        (place.segment > from->place.segment || (place.segment == from->place.segment && place.offset >= from->next_offset)))
        v->behind[log]++;
    return true;
}

static bool visit_behind(void *context, const struct record *record, struct place place, uint32_t log, uint64_t next_offset,
                         struct fault *fault) {
    struct verify *v = context;
    v->behind_seen[log]++;
    return true;
}

/* One acknowledged object of each log, from whose end the log is replayed. */
static void choose_positions(struct verify *v) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) {
        uint64_t wanted = mix(v->objects->seed + v->objects->clock + log), count = 0;
        for (uint32_t i = 0; i < v->objects->count; i++) {
            const struct sim_object *object = &v->objects->items[i];
            if (object->told == SIM_ACKNOWLEDGED && object->log == log && wanted % ++count == 0) v->from[log] = object;
        }
    }
}

static void check_positions(struct verify *v) {
    struct store_position positions[SIM_LOGS];
    size_t count = 0;
    struct fault fault = {0};
    for (uint32_t log = 0; log < SIM_LOGS; log++) {
        if (!v->from[log]) continue;
        positions[count++] =
            (struct store_position){.log = log, .segment = v->from[log]->place.segment, .offset = v->from[log]->next_offset};
    }
    if (!store_replay(v->store, positions, count, visit_behind, v, &fault))
        sim_objects_fail(v->objects, "replay from a position fails", 0);
    for (uint32_t log = 0; log < SIM_LOGS; log++)
        if (v->from[log] && v->behind[log] != v->behind_seen[log])
            sim_objects_fail(v->objects, "replay from a position gives other records than lie behind it", v->from[log]->sequence);
}

bool sim_objects_verify(struct sim_objects *objects, struct store *store) {
    struct verify v = {.objects = objects, .store = store};
    struct fault fault = {0};
    for (uint32_t i = 0; i < objects->count; i++) objects->items[i].seen = 0;
    choose_positions(&v);
    if (!store_replay(store, NULL, 0, visit, &v, &fault)) {
        static char text[400];
        snprintf(text, sizeof text, "replay fails: %s", fault.text);
        sim_objects_fail(objects, text, 0);
    }
    check_positions(&v);
    for (uint32_t i = 0; i < objects->count; i++) {
        struct sim_object *object = &objects->items[i];
        if (object->told == SIM_ACKNOWLEDGED && object->seen == 0)
            sim_objects_fail(objects, "ACKNOWLEDGED AND LOST", object->sequence);
        if (object->told != SIM_ACKNOWLEDGED && object->seen == 0) object->forbidden = true;
    }
    return !objects->wrong;
}
