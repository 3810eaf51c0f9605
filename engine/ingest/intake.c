/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest/intake.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "codec/dicom/text_check.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/ingest/pipeline.h"
#include "engine/ingest/spill.h"
#include "net/dimse/status.h"

#define WAITERS_RETRY_MS 2
#define SPILL_CHUNKS_LEAST 4 /* a smaller object isn't worth a file of its own */

/* ---- the pool ---- */

static void answers_drained(void *context, void **items, size_t count) {
    (void)context;
    for (size_t i = 0; i < count; i++) {
        struct object *object = items[i];
        object_move(object, OBJECT_ANSWERED);
        object->answered(object);
    }
}

bool intake_init(struct intake *intake, struct pipeline *pipeline, struct reactor *reactor, struct counters_cell *counters,
                 uint32_t object_count, uint32_t cached_chunks, struct fault *fault) {
    *intake = (struct intake){.pipeline = pipeline, .reactor = reactor, .counters = counters, .object_count = object_count};
    intake->objects = mmap(NULL, sizeof(struct object) * object_count, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (intake->objects == MAP_FAILED) {
        intake->objects = NULL;
        return fault_set(fault, FAULT_MEMORY, 0, "no address space for %u objects under way", object_count);
    }
    if (!inbox_init(&intake->answers, reactor_waker(reactor), object_count, answers_drained, intake, fault)) {
        munmap(intake->objects, sizeof(struct object) * object_count);
        intake->objects = NULL;
        return false;
    }
    for (uint32_t i = object_count; i-- > 0;) { /* the one taken first stands first */
        struct object *object = &intake->objects[i];
        object->intake = intake;
        object->next = intake->free;
        intake->free = object;
    }
    chunk_cache_init(&intake->chunks, pipeline_chunks(pipeline), cached_chunks);
    return true;
}

void intake_release(struct intake *intake) {
    if (!intake->objects) return;
    invariant(intake->in_use == 0);
    chunk_cache_release(&intake->chunks);
    inbox_release(&intake->answers);
    munmap(intake->objects, sizeof(struct object) * intake->object_count);
    intake->objects = NULL;
}

/* ---- waiting for a credit or a chunk ---- */

static void wake_one(struct intake *intake) {
    struct intake_waiter *waiter = intake->first_waiter;
    if (!waiter) return;
    intake_stop_waiting(intake, waiter);
    waiter->ready(waiter);
}

static void retry_waiters(struct timer *timer) {
    struct intake *intake = container_of(timer, struct intake, waiters_timer);
    uint32_t chances = chunk_pool_free(pipeline_chunks(intake->pipeline));
    struct intake_waiter *last = intake->last_waiter;
    while (chances-- && intake->first_waiter) {
        struct intake_waiter *waiter = intake->first_waiter;
        wake_one(intake);
        if (waiter == last) break;
    }
    if (intake->first_waiter) timer_arm(intake->reactor, &intake->waiters_timer, WAITERS_RETRY_MS, retry_waiters);
}

void intake_wait(struct intake *intake, struct intake_waiter *waiter) {
    if (waiter->waiting) return;
    waiter->waiting = true;
    waiter->next = NULL;
    waiter->previous = intake->last_waiter;
    if (intake->last_waiter) intake->last_waiter->next = waiter;
    else intake->first_waiter = waiter;
    intake->last_waiter = waiter;
    counters_add(intake->counters, COUNTER_WAITED_MEMORY, 1);
    if (!timer_is_armed(&intake->waiters_timer))
        timer_arm(intake->reactor, &intake->waiters_timer, WAITERS_RETRY_MS, retry_waiters);
}

void intake_stop_waiting(struct intake *intake, struct intake_waiter *waiter) {
    if (!waiter->waiting) return;
    waiter->waiting = false;
    if (waiter->previous) waiter->previous->next = waiter->next;
    else intake->first_waiter = waiter->next;
    if (waiter->next) waiter->next->previous = waiter->previous;
    else intake->last_waiter = waiter->previous;
    if (!intake->first_waiter) timer_disarm(intake->reactor, &intake->waiters_timer);
}

/* ---- chunks ---- */

static bool add_chunk(struct object *object) {
    struct intake *intake = object->intake;
    if (object->chunk_count == OBJECT_CHUNKS_MAX) return false;
    void *chunk = chunk_take(&intake->chunks);
    if (!chunk) return false;
    object->chunks[object->chunk_count++] = (struct iovec){.iov_base = chunk, .iov_len = 0};
    intake->receiving_chunks++;
    return true;
}

static void give_chunks(struct object *object, uint32_t keep) {
    struct intake *intake = object->intake;
    if (object->state == OBJECT_RECEIVING) intake->receiving_chunks -= object->chunk_count - keep;
    while (object->chunk_count > keep) chunk_cache_give(&intake->chunks, object->chunks[--object->chunk_count].iov_base);
}

/* The rest of the data set is read and forgotten. Chunks that are full go back; in the others there may be bytes of this
 * receive that nobody has looked at yet. */
static void refuse_early(struct object *object) {
    object->refused_early = true;
    if (object->spill) spill_abandon(object);
    uint32_t full = object->filling < object->chunk_count ? object->filling : object->chunk_count - 1;
    for (uint32_t i = 0; i < full; i++) chunk_cache_give(&object->intake->chunks, object->chunks[i].iov_base);
    object->intake->receiving_chunks -= full;
    object->chunk_count -= full;
    memmove(object->chunks, object->chunks + full, object->chunk_count * sizeof object->chunks[0]);
    object->filling = 0;
}

static void start_spilling(struct object *object) {
    struct fault fault = {0};
    if (!spill_begin(object, &fault)) {
        object_refuse(object, STATUS_OUT_OF_RESOURCES, 0, "no space or no file for a large object");
        refuse_early(object);
        return;
    }
    counters_add(object->intake->counters, COUNTER_STREAMED, 1);
}

/* Hands the full chunks in front to the file; what can't be written is noticed at the next step. */
static void push_full_chunks(struct object *object) {
    if (object->filling == 0) return;
    for (uint32_t i = 0; i < object->filling; i++) (void)spill_push(object, object->chunks[i].iov_base);
    object->intake->receiving_chunks -= object->filling;
    object->chunk_count -= object->filling;
    memmove(object->chunks, object->chunks + object->filling, object->chunk_count * sizeof object->chunks[0]);
    object->filling = 0;
}

static bool is_among_the_largest(const struct object *object) {
    const struct intake *intake = object->intake;
    return object->filling >= SPILL_CHUNKS_LEAST && object->chunk_count * intake->receiving >= intake->receiving_chunks;
}

static bool memory_is_short(const struct intake *intake) {
    const struct chunk_pool *pool = pipeline_chunks(intake->pipeline);
    return chunk_pool_free(pool) < chunk_pool_total(pool) / 4;
}

/* Streams the object to a file of its own when its size or the state of the memory asks for it. */
static void consider_spilling(struct object *object) {
    if (!object->spill && !object->refused_early &&
        (object->length >= LIMIT_STREAM_BYTES || (memory_is_short(object->intake) && is_among_the_largest(object))))
        start_spilling(object);
    if (!object->spill) return;
    push_full_chunks(object);
    if (!spill_has_failed(object) || !object->chunk_count) return;
    object_refuse(object, STATUS_OUT_OF_RESOURCES, 0, "a write of a large object failed");
    refuse_early(object);
}

/* True: object->chunks[object->filling] has room. */
static bool have_room(struct object *object) {
    if (object->refused_early) return true;
    if (object->filling < object->chunk_count) return true;
    if (add_chunk(object)) return true;
    if (!object->spill && object->filling > 0) { /* nobody waits while holding what can be spilled */
        start_spilling(object);
        if (object->refused_early) return true;
    }
    if (object->spill) push_full_chunks(object);
    return add_chunk(object);
}

/* ---- receiving ---- */

struct object *intake_begin(struct intake *intake, enum scan_encoding encoding) {
    struct object *object = intake->free;
    if (!object) return NULL;
    void *chunk = chunk_take(&intake->chunks);
    if (!chunk) return NULL;
    intake->free = object->next;
    atomic_fetch_add_explicit(&intake->in_use, 1, memory_order_relaxed);
    intake->receiving++;
    intake->receiving_chunks++;
    object_move(object, OBJECT_RECEIVING);
    object->next = NULL;
    object->verdict = OBJECT_UNDECIDED;
    object->refusal = (struct refusal){0};
    object->length = 0;
    object->chunks[0] = (struct iovec){.iov_base = chunk, .iov_len = 0};
    object->chunk_count = 1;
    object->filling = 0;
    object->block_count = 0;
    object->blocks = object->inline_blocks;
    object->block_capacity = OBJECT_BLOCKS_INLINE;
    object->block_crc = 0;
    object->refused_early = false;
    object->spill = NULL;
    object->quarantined = false;
    object->append.result = APPEND_PENDING;
    object->entry = NULL;
    object->begun_ns = reactor_now_ns(intake->reactor);
    digest_init(&object->digest, pipeline_secret(intake->pipeline));
    attributes_init(&object->attributes, object->attribute_bytes, sizeof object->attribute_bytes);
    scan_init(&object->scan, encoding, &object->attributes);
    return object;
}

uint32_t intake_room(struct object *object, struct iovec *pieces, uint32_t max, size_t wanted) {
    uint32_t count = 0;
    if (!have_room(object)) return 0;
    if (object->refused_early) {
        pieces[0] = (struct iovec){.iov_base = object->chunks[0].iov_base,
                                   .iov_len = wanted < LIMIT_CHUNK_BYTES ? wanted : LIMIT_CHUNK_BYTES};
        return 1;
    }
    uint32_t at = object->filling;
    while (count < max && wanted) {
        struct iovec *chunk = &object->chunks[at];
        size_t n = LIMIT_CHUNK_BYTES - chunk->iov_len;
        if (n > wanted) n = wanted;
        pieces[count++] = (struct iovec){.iov_base = (uint8_t *)chunk->iov_base + chunk->iov_len, .iov_len = n};
        wanted -= n;
        if (++at == object->chunk_count && (!wanted || count == max || !add_chunk(object))) break;
    }
    return count;
}

static bool add_block(struct object *object) {
    if (object->block_count == object->block_capacity) {
        uint32_t capacity = object->block_capacity * 4;
        uint32_t *more = malloc(sizeof *more * capacity);
        if (!more) return false;
        memcpy(more, object->blocks, sizeof *more * object->block_count);
        if (object->blocks != object->inline_blocks) free(object->blocks);
        object->blocks = more;
        object->block_capacity = capacity;
    }
    object->blocks[object->block_count++] = object->block_crc;
    object->block_crc = 0;
    return true;
}

/* New bytes, inside one chunk, still in the cache: CRC, digest, scan. */
static void check_bytes(struct object *object, const uint8_t *bytes, size_t n) {
    struct fault fault = {0};
    uint64_t length = object->length;
    for (size_t done = 0; done < n;) {
        size_t k = LIMIT_CRC_BLOCK_BYTES - (length + done) % LIMIT_CRC_BLOCK_BYTES;
        if (k > n - done) k = n - done;
        object->block_crc = checksum_crc32(object->block_crc, bytes + done, k);
        done += k;
        if ((length + done) % LIMIT_CRC_BLOCK_BYTES == 0 && !add_block(object)) {
            object_refuse(object, STATUS_OUT_OF_RESOURCES, 0, "out of memory");
            refuse_early(object);
            return;
        }
    }
    digest_update(&object->digest, bytes, n);
    if (scan_feed(&object->scan, bytes, n, &fault) == SCAN_FAULT) {
        object_refuse(object, STATUS_CANNOT_UNDERSTAND, 0, "at %llu: %s", (unsigned long long)fault.offset, fault.text);
        refuse_early(object);
    }
}

size_t intake_received(struct object *object, const uint8_t *where, size_t n) {
    size_t taken = 0;
    while (taken < n && !object->refused_early) {
        if (!have_room(object)) break;
        if (object->refused_early) break;
        struct iovec *chunk = &object->chunks[object->filling];
        uint8_t *tail = (uint8_t *)chunk->iov_base + chunk->iov_len;
        size_t k = LIMIT_CHUNK_BYTES - chunk->iov_len;
        if (k > n - taken) k = n - taken;
        if (where + taken != tail) memmove(tail, where + taken, k);
        chunk->iov_len += k;
        check_bytes(object, tail, k);
        object->length += k;
        taken += k;
        if (!object->refused_early && chunk->iov_len == LIMIT_CHUNK_BYTES) {
            object->filling++;
            consider_spilling(object);
        }
    }
    if (object->refused_early) {
        object->length += n - taken;
        taken = n;
    }
    return taken;
}

/* ---- the end ---- */

static bool is_missing(struct object *object, struct slice uid, uint32_t tag, const char *what) {
    if (uid.length) return false;
    object_refuse(object, STATUS_DATA_SET_MISMATCH, tag, "%s is missing or empty", what);
    return true;
}

/* A UID that the capture had to cut can't be compared whole, so it can't be an identity. */
static bool has_cut_uid(struct object *object) {
    static const uint32_t tags[] = {0x00080018, 0x0020000D, 0x0020000E};
    struct attribute attribute;
    for (size_t i = 0; i < array_count(tags); i++) {
        if (!attributes_get(attributes_block(&object->attributes), tags[i], &attribute) || !(attribute.flags & ATTRIBUTE_CUT))
            continue;
        object_refuse(object, STATUS_DATA_SET_MISMATCH, tags[i], "a UID is far longer than 64 characters");
        return true;
    }
    return false;
}

/* PS3.4 B.2.3: what a data set needs to be filed at all. Everything else that is wrong with it is filed and remarked. */
static bool is_complete(struct object *object) {
    struct object_uids identity = object_uids(object);
    struct slice sop_class = {0};
    if (has_cut_uid(object)) return false;
    attributes_find(attributes_block(&object->attributes), 0x00080016, &sop_class);
    sop_class = slice_unpadded(sop_class);
    if (is_missing(object, sop_class, 0x00080016, "SOP Class UID") ||
        is_missing(object, identity.sop_uid, 0x00080018, "SOP Instance UID") ||
        is_missing(object, identity.study_uid, 0x0020000D, "Study Instance UID") ||
        is_missing(object, identity.series_uid, 0x0020000E, "Series Instance UID"))
        return false;
    if (!slice_equal(identity.sop_uid, slice_of(object->sop_instance, object->sop_instance_length))) {
        object_refuse(object, STATUS_DATA_SET_MISMATCH, 0x00080018, "SOP Instance UID is not the command's");
        return false;
    }
    return true;
}

static void leave_receiving(struct object *object) {
    struct intake *intake = object->intake;
    intake->receiving--;
    intake->receiving_chunks -= object->chunk_count;
}

static void answer_here(struct object *object) {
    leave_receiving(object);
    bool posted = inbox_post(&object->intake->answers, object); /* it has a slot: the inbox holds every object */
    invariant(posted);
}

static void spilled(struct object *object, bool ok, const struct fault *fault) {
    if (!ok) {
        object_refuse(object, STATUS_OUT_OF_RESOURCES, 0, "%s", fault->text);
        answer_here(object);
        return;
    }
    leave_receiving(object);
    pipeline_submit(object->intake->pipeline, object);
}

void intake_end(struct object *object) {
    struct fault fault = {0};
    if (!object->refused_early) {
        if (scan_finish(&object->scan, &fault) != SCAN_DONE)
            object_refuse(object, STATUS_CANNOT_UNDERSTAND, 0, "at %llu: %s", (unsigned long long)fault.offset, fault.text);
        else if (object->length % LIMIT_CRC_BLOCK_BYTES && !add_block(object))
            object_refuse(object, STATUS_OUT_OF_RESOURCES, 0, "out of memory");
        else if (is_complete(object))
            object->scan.remarks |= text_check(attributes_block(&object->attributes));
    }
    scan_release(&object->scan);
    if (object->verdict == OBJECT_REFUSED) {
        if (object->spill) spill_abandon(object);
        answer_here(object);
        return;
    }
    if (object->spill) {
        struct iovec last = {0};
        push_full_chunks(object);
        if (object->chunk_count && object->chunks[0].iov_len) {
            last = object->chunks[0];
            object->chunks[0] = object->chunks[--object->chunk_count];
            object->intake->receiving_chunks--;
        }
        give_chunks(object, 0);
        spill_end(object, last.iov_base, (uint32_t)last.iov_len, spilled);
        return;
    }
    leave_receiving(object);
    pipeline_submit(object->intake->pipeline, object);
}

static void free_object(struct object *object) {
    struct intake *intake = object->intake;
    give_chunks(object, 0);
    if (object->blocks != object->inline_blocks) free(object->blocks);
    object->blocks = object->inline_blocks;
    object_move(object, OBJECT_FREE);
    object->next = intake->free;
    intake->free = object;
    atomic_fetch_sub_explicit(&intake->in_use, 1, memory_order_relaxed);
    wake_one(intake);
}

void intake_abandon(struct object *object) {
    scan_release(&object->scan);
    if (object->spill) spill_abandon(object);
    counters_add(object->intake->counters, COUNTER_LOST, 1);
    give_chunks(object, 0);
    object->intake->receiving--;
    free_object(object);
}

void intake_recycle(struct object *object) {
    if (object->spill)
        spill_release(object,
                      object->append.result == APPEND_DURABLE); /* a durable record names the file, whatever was answered */
    free_object(object);
}
