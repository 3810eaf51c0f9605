/* SPDX-License-Identifier: Apache-2.0 */
/* store_stream: the payload of a large object as a file of its own, written while the object arrives. Named by a fresh random id.
 *
 * Life: store_stream_create -> store_stream_write ... -> store_stream_finish (durable: data and name) -> the record is appended
 * with record.streamed, stream_file and stream_volume -> store_stream_keep when that append is durable. At any point instead:
 * store_stream_abort, which removes the file. All calls for one stream on its loop's thread, but keep and abort after finish's
 * done: any one thread. */
#ifndef LEAT_STORE_STORE_STREAM_H
#define LEAT_STORE_STORE_STREAM_H

#include "engine/store/store.h"

struct store_stream;

/* One write, embedded in its user, kept with its iovecs and buffers until done. Several may be in flight. */
struct store_stream_write {
    const struct iovec
        *parts; /* each buffer aligned to 4096; every length a multiple of 4096 but the last one of the last write */
    uint32_t count;
    uint64_t bytes;            /* their sum */
    void (*done)(struct store_stream_write *write, bool ok); /* on the loop; false: the object can't be kept (abort it) */

    struct disk_op op;         /* this and the rest: the stream's */
    struct store_stream *stream;
    struct iovec *padded;
    uint8_t *tail;
};

/* Creates the file (a system call or two). volume: STORE_ANY_VOLUME for the one with the most room. NULL: FAULT_NO_SPACE,
 * FAULT_IO, FAULT_UNSUPPORTED (read-only store). loop: as in disk.h. */
struct store_stream *store_stream_create(struct store *store, uint32_t volume, void *loop, struct fault *fault);

/* Appends at the stream's end. */
void store_stream_write(struct store_stream *stream, struct store_stream_write *write);

/* After the last write was begun: waits for all of them, fdatasync, directory fsync, then done on the loop. ok false: nothing is
 * kept, code says why (FAULT_NO_SPACE or FAULT_IO); the stream is still there and must be aborted. */
void store_stream_finish(struct store_stream *stream, void (*done)(void *context, bool ok, enum fault_code code), void *context);

/* What the record has to say: id and volume. */
void store_stream_describe(const struct store_stream *stream, struct record *record);
uint64_t store_stream_bytes(const struct store_stream *stream); /* appended so far */

/* The record that names the stream is durable (append.place): the file stays. The stream is gone for the caller. */
void store_stream_keep(struct store_stream *stream, struct place place);
/* The object isn't kept: the file is removed once its writes have ended. The stream is gone for the caller; writes in flight
 * still get their done. Not while a finish is under way: wait for its done. */
void store_stream_abort(struct store_stream *stream);

#endif
