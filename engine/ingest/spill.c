/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ingest/spill.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/ingest/intake.h"
#include "engine/ingest/pipeline.h"
#include "engine/store/store_stream.h"

/* One chunk on its way to the disk. */
struct spill_write {
    struct store_stream_write write;
    struct iovec part;
    struct spill *spill;
};

struct spill {
    struct store_stream *stream; /* NULL once it was kept or aborted */
    struct object *object;       /* NULL once abandoned */
    struct intake *intake;
    uint32_t in_flight;
    bool failed;
    void (*done)(struct object *object, bool ok, const struct fault *fault);
};

bool spill_begin(struct object *object, struct fault *fault) {
    struct spill *spill = calloc(1, sizeof *spill);
    if (!spill) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a streamed object");
    struct intake *intake = object->intake;
    spill->stream = store_stream_create(pipeline_store(intake->pipeline), STORE_ANY_VOLUME, intake->reactor, fault);
    if (!spill->stream) {
        free(spill);
        return false;
    }
    spill->object = object;
    spill->intake = intake;
    object->spill = spill;
    return true;
}

static void free_when_unused(struct spill *spill) {
    if (!spill->object && !spill->in_flight) free(spill);
}

static void written(struct store_stream_write *write, bool ok) {
    struct spill_write *mine = container_of(write, struct spill_write, write);
    struct spill *spill = mine->spill;
    chunk_cache_give(&spill->intake->chunks, mine->part.iov_base);
    if (!ok) spill->failed = true;
    spill->in_flight--;
    free(mine);
    free_when_unused(spill);
}

static bool write_chunk(struct spill *spill, void *chunk, uint32_t bytes) {
    struct spill_write *mine = calloc(1, sizeof *mine);
    if (!mine || spill->failed) { /* the object fails; the rest of it is not worth the disk */
        spill->failed = true;
        chunk_cache_give(&spill->intake->chunks, chunk);
        free(mine);
        return false;
    }
    mine->spill = spill;
    mine->part = (struct iovec){.iov_base = chunk, .iov_len = bytes};
    mine->write = (struct store_stream_write){.parts = &mine->part, .count = 1, .bytes = bytes, .done = written};
    spill->in_flight++;
    store_stream_write(spill->stream, &mine->write);
    return true;
}

bool spill_push(struct object *object, void *chunk) { return write_chunk(object->spill, chunk, LIMIT_CHUNK_BYTES); }

static void finished(void *context, bool ok, enum fault_code code) {
    struct spill *spill = context;
    struct fault fault = {0};
    if (spill->failed) ok = false;
    if (!ok)
        fault_set(&fault, code, 0,
                  code == FAULT_NO_SPACE ? "no space for a large object" : "a write or a flush of a large object failed");
    spill->done(spill->object, ok, &fault);
}

void spill_end(struct object *object, void *chunk, uint32_t bytes,
               void (*done)(struct object *object, bool ok, const struct fault *fault)) {
    struct spill *spill = object->spill;
    spill->done = done;
    if (chunk) (void)write_chunk(spill, chunk, bytes); /* a failure shows in `failed` when the stream has finished */
    store_stream_finish(spill->stream, finished, spill);
}

static void let_go(struct object *object) {
    struct spill *spill = object->spill;
    object->spill = NULL;
    spill->object = NULL;
    spill->stream = NULL;
    free_when_unused(spill);
}

void spill_abandon(struct object *object) {
    store_stream_abort(object->spill->stream);
    let_go(object);
}

void spill_release(struct object *object, bool keep) {
    if (keep) store_stream_keep(object->spill->stream, object->append.place);
    else store_stream_abort(object->spill->stream);
    let_go(object);
}

void spill_describe(const struct object *object, struct record *record) { store_stream_describe(object->spill->stream, record); }
bool spill_has_failed(const struct object *object) { return object->spill->failed; }
