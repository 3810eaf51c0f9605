/* SPDX-License-Identifier: Apache-2.0 */
/* spill: an object on its way to a file of its own, because it is long or memory is short. Full chunks are written as they fill
 * and come back to the intake; at the end the rest is written, the file and its folder are made durable, and only then the
 * object goes on to be decided like any other (its record names the file).
 *
 *   spill_begin ─▶ spill_push ... ─▶ spill_end ─▶ done(object, ok)
 *                        └─▶ spill_abandon: the file is removed once the disk has given everything back
 *
 * Thread: the reactor of the object's intake. */
#ifndef LEAT_INGEST_SPILL_H
#define LEAT_INGEST_SPILL_H

#include "engine/ingest/object.h"

/* Opens the file. False: the disk refused (*fault): the object is to be refused with A700. */
bool spill_begin(struct object *object, struct fault *fault);

/* Takes a full chunk over; it goes back to the intake's stock when it is written. False: the file can't be written: refuse the
 * object. */
bool spill_push(struct object *object, void *chunk);
bool spill_has_failed(const struct object *object);

/* No more chunks but this last one (NULL: none) of `bytes` bytes. done is called later, on the same thread: ok = the whole file
 * is durable. */
void spill_end(struct object *object, void *chunk, uint32_t bytes,
               void (*done)(struct object *object, bool ok, const struct fault *fault));

/* After done(ok): what the record says about the file. */
void spill_describe(const struct object *object, struct record *record);

/* Instead of spill_end: the object goes on without it at once. */
void spill_abandon(struct object *object);

/* After the object was decided: keeps the file (a record names it), or removes it (a duplicate, a refusal). Frees. */
void spill_release(struct object *object, bool keep);

#endif
