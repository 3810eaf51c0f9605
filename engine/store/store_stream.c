/* SPDX-License-Identifier: Apache-2.0 */
/* store_stream: a payload as a file. Its writes are operations of the loop; directory work and removal are jobs. A stream that
 * waits for its record lies in streams/new; a job moves it to streams when the record is durable, and only then may its segment
 * be recorded as settled. */
#include "engine/store/store_stream.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/random.h"
#include "engine/store/store_state.h"

enum stream_state { STREAM_OPEN, STREAM_FINISHING, STREAM_FINISHED, STREAM_LEAVING };

struct store_stream {
    struct store *store;
    void *loop;
    struct disk_file *file;
    uint32_t volume; /* index */
    uint8_t id[RECORD_ID_BYTES];
    enum stream_state state;
    uint64_t bytes;      /* appended */
    uint32_t in_flight;
    enum fault_code failed; /* FAULT_NONE: every write so far is good */
    uint32_t failures_seen;
    struct disk_op sync_op;
    struct disk_job job;
    int job_error;
    void (*done)(void *context, bool ok, enum fault_code code);
    void *context;
    struct place place;
    struct store_stream *next, *previous; /* in store.streams */
};

/* ---- life ---- */

static void link_stream(struct store_stream *stream) {
    struct store *store = stream->store;
    pthread_mutex_lock(&store->mutex);
    stream->next = store->streams;
    if (stream->next) stream->next->previous = stream;
    store->streams = stream;
    pthread_mutex_unlock(&store->mutex);
}

static void destroy(struct store_stream *stream) {
    struct store *store = stream->store;
    pthread_mutex_lock(&store->mutex);
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        store->streams = stream->next;
    if (stream->next) stream->next->previous = stream->previous;
    pthread_mutex_unlock(&store->mutex);
    if (stream->file) disk_close(stream->file);
    free(stream);
}

void store_stream_drop_all(struct store *store) {
    while (store->streams) destroy(store->streams);
}

static uint32_t failures_of(const struct store_stream *stream) {
    const struct store *store = stream->store;
    return atomic_load_explicit(&store->filesystems[store->volumes[stream->volume].filesystem].sync_failures,
                                memory_order_acquire);
}

struct store_stream *store_stream_create(struct store *store, uint32_t volume, void *loop, struct fault *fault) {
    uint32_t ranked[STORE_VOLUMES_MAX];
    if (store_is_read_only(store)) {
        fault_set(fault, FAULT_UNSUPPORTED, 0, "the archive is read-only");
        return NULL;
    }
    if (store_state_rank_volumes(store, volume, ranked) == 0) {
        fault_set(fault, FAULT_MISSING, 0, "there is no volume to write to");
        return NULL;
    }
    struct store_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for a streamed file");
        return NULL;
    }
    char path[PATH_MAX];
    stream->store = store;
    stream->loop = loop;
    stream->volume = ranked[0];
    stream->failures_seen = failures_of(stream);
    random_bytes(stream->id, sizeof stream->id);
    volume_stream_path(&store->volumes[stream->volume], "streams/new", stream->id, path);
    int error = disk_open(store->disk, path, DISK_WRITE | DISK_CREATE | DISK_DIRECT, &stream->file);
    if (error) {
        free(stream);
        fault_set_os(fault, -error, "%s can't be created", path);
        return NULL;
    }
    link_stream(stream);
    return stream;
}

void store_stream_describe(const struct store_stream *stream, struct record *record) {
    record->streamed = true;
    memcpy(record->stream_file, stream->id, RECORD_ID_BYTES);
    record->stream_volume = stream->store->volumes[stream->volume].number;
}

uint64_t store_stream_bytes(const struct store_stream *stream) { return stream->bytes; }

/* ---- leaving ---- */

static void remove_work(struct disk_job *job) {
    struct store_stream *stream = container_of(job, struct store_stream, job);
    char path[PATH_MAX];
    volume_stream_path(&stream->store->volumes[stream->volume], "streams/new", stream->id, path);
    /* In an archive that has turned read-only its record may come back at the next start, which then decides. */
    if (!store_is_read_only(stream->store)) disk_unlink(stream->store->disk, path);
    destroy(stream);
}

static void leave(struct store_stream *stream) {
    stream->job = (struct disk_job){.work = remove_work};
    disk_start_job(stream->store->disk, stream->loop, &stream->job, 0);
}

void store_stream_abort(struct store_stream *stream) {
    invariant(stream->state == STREAM_OPEN || stream->state == STREAM_FINISHED);
    stream->state = STREAM_LEAVING;
    if (stream->in_flight == 0) leave(stream);
}

/* The last stream of a sealed segment has settled: recorded, so that opening doesn't read it again. */
static void settle_segment(struct store *store, uint32_t number) {
    struct segment_state *segment = store_state_find(store, number);
    if (!segment) return;
    pthread_mutex_lock(&store->mutex);
    if (segment->unsettled > 0) segment->unsettled--;
    bool now = segment->unsettled == 0 && !segment->settled && atomic_load_explicit(&segment->sealed, memory_order_acquire);
    uint64_t end = atomic_load_explicit(&segment->end, memory_order_acquire);
    pthread_mutex_unlock(&store->mutex);
    if (!now) return;
    struct manifest_segment entry = store_state_describe(store, segment, MANIFEST_SEALED, end, true);
    if (!store_state_record(store, &entry, NULL)) return;
    pthread_mutex_lock(&store->mutex);
    segment->settled = true;
    pthread_mutex_unlock(&store->mutex);
}

static void keep_work(struct disk_job *job) {
    struct store_stream *stream = container_of(job, struct store_stream, job);
    struct store *store = stream->store;
    const struct volume *volume = &store->volumes[stream->volume];
    char from[PATH_MAX], to[PATH_MAX], folder[PATH_MAX];
    volume_stream_path(volume, "streams/new", stream->id, from);
    volume_stream_path(volume, "streams", stream->id, to);
    volume_path(volume, "streams", folder);
    int error = disk_rename(store->disk, from, to);
    if (!error) {
        error = disk_sync_dir(store->disk, folder);
        if (error) store_state_sync_failed(store, volume->filesystem);
    }
    if (error)
        log_warn("%s stays where it is until the next start (error %d)", from, -error);
    else
        settle_segment(store, stream->place.segment);
    destroy(stream);
}

void store_stream_keep(struct store_stream *stream, struct place place) {
    invariant(stream->state == STREAM_FINISHED && stream->in_flight == 0);
    stream->state = STREAM_LEAVING;
    stream->place = place;
    if (stream->file) disk_close(stream->file);
    stream->file = NULL;
    stream->job = (struct disk_job){.work = keep_work};
    disk_start_job(stream->store->disk, stream->loop, &stream->job, 0);
}

/* ---- finishing ---- */

static void finished(struct store_stream *stream) {
    if (failures_of(stream) != stream->failures_seen && stream->failed == FAULT_NONE) stream->failed = FAULT_IO;
    stream->state = STREAM_FINISHED;
    stream->done(stream->context, stream->failed == FAULT_NONE, stream->failed);
}

static void name_work(struct disk_job *job) {
    struct store_stream *stream = container_of(job, struct store_stream, job);
    const struct volume *volume = &stream->store->volumes[stream->volume];
    char folder[PATH_MAX];
    volume_path(volume, "streams/new", folder);
    stream->job_error = disk_sync_dir(stream->store->disk, folder);
    if (stream->job_error) store_state_sync_failed(stream->store, volume->filesystem);
}

static void name_done(struct disk_job *job) {
    struct store_stream *stream = container_of(job, struct store_stream, job);
    if (stream->job_error) stream->failed = FAULT_IO;
    finished(stream);
}

static void sync_done(struct disk_op *op, int64_t result) {
    struct store_stream *stream = container_of(op, struct store_stream, sync_op);
    if (result < 0) {
        log_error("fdatasync of a streamed file failed (error %d)", (int)-result);
        store_state_sync_failed(stream->store, stream->store->volumes[stream->volume].filesystem);
        stream->failed = FAULT_IO;
        finished(stream);
        return;
    }
    stream->job = (struct disk_job){.work = name_work, .done = name_done};
    disk_start_job(stream->store->disk, stream->loop, &stream->job, 0);
}

static void go_on(struct store_stream *stream) {
    if (stream->in_flight) return;
    if (stream->state == STREAM_LEAVING) {
        leave(stream); /* the stream is the background thread's from here on */
        return;
    }
    if (stream->state != STREAM_FINISHING) return;
    if (stream->failed != FAULT_NONE) {
        finished(stream);
        return;
    }
    stream->sync_op = (struct disk_op){.done = sync_done};
    disk_sync(stream->file, stream->loop, &stream->sync_op);
}

void store_stream_finish(struct store_stream *stream, void (*done)(void *context, bool ok, enum fault_code code), void *context) {
    invariant(stream->state == STREAM_OPEN);
    stream->state = STREAM_FINISHING;
    stream->done = done;
    stream->context = context;
    go_on(stream);
}

/* ---- writes ---- */

static void write_done(struct disk_op *op, int64_t result) {
    struct store_stream_write *write = container_of(op, struct store_stream_write, op);
    struct store_stream *stream = write->stream;
    uint64_t expected = (write->bytes + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
    bool ok = result == (int64_t)expected;
    if (!ok && stream->failed == FAULT_NONE) {
        log_error("a write to a streamed file failed (%lld of %llu bytes)", (long long)result, (unsigned long long)expected);
        stream->failed = result == -ENOSPC || result == -EDQUOT ? FAULT_NO_SPACE : FAULT_IO;
    }
    free(write->padded);
    free(write->tail);
    write->padded = NULL;
    write->tail = NULL;
    write->done(write, ok); /* may finish or abort the stream: both wait until this write is counted off */
    stream->in_flight--;
    go_on(stream);
}

/* The last write's last block is filled up with zeros, in a copy. */
static bool pad(struct store_stream_write *write) {
    size_t inside = (size_t)(write->bytes % DISK_BLOCK_BYTES);
    void *tail = NULL;
    write->padded = malloc((write->count + 1) * sizeof *write->padded);
    if (!write->padded || posix_memalign(&tail, DISK_BLOCK_BYTES, DISK_BLOCK_BYTES)) return false;
    write->tail = tail;
    struct iovec last = write->parts[write->count - 1];
    invariant(last.iov_len >= inside);
    memcpy(write->padded, write->parts, write->count * sizeof *write->padded);
    memcpy(write->tail, (const uint8_t *)last.iov_base + last.iov_len - inside, inside);
    memset(write->tail + inside, 0, DISK_BLOCK_BYTES - inside);
    write->padded[write->count - 1].iov_len -= inside;
    write->padded[write->count] = (struct iovec){.iov_base = write->tail, .iov_len = DISK_BLOCK_BYTES};
    return true;
}

void store_stream_write(struct store_stream *stream, struct store_stream_write *write) {
    invariant(stream->state == STREAM_OPEN && stream->bytes % DISK_BLOCK_BYTES == 0 && write->count > 0);
    write->stream = stream;
    write->padded = NULL;
    write->tail = NULL;
    write->op = (struct disk_op){.done = write_done};
    uint64_t at = stream->bytes;
    stream->bytes += write->bytes;
    stream->in_flight++;
    atomic_fetch_add_explicit(&stream->store->activity, 1, memory_order_relaxed);
    const struct iovec *parts = write->parts;
    uint32_t count = write->count;
    if (write->bytes % DISK_BLOCK_BYTES) {
        if (!pad(write)) {
            stream->failed = FAULT_MEMORY; /* reported by finish; what is written here is short and never used */
        } else {
            /* A last part of less than a block leaves nothing in its place. */
            bool empty = write->padded[count - 1].iov_len == 0;
            if (empty) write->padded[count - 1] = write->padded[count];
            parts = write->padded;
            count += empty ? 0 : 1;
        }
    }
    disk_writev(stream->file, stream->loop, &write->op, parts, count, at);
}
