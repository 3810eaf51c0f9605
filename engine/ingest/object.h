/* SPDX-License-Identifier: Apache-2.0 */
/* object: one composite SOP instance on its way from a C-STORE to its response. It comes from the fixed pool of its reactor's
 * intake (holding one is the credit that reserves a slot in every ring ahead) and goes from stage to stage as a pointer;
 * whoever holds the pointer is its only owner, so nothing in it is atomic.
 *
 *   FREE ──intake_begin──▶ RECEIVING ──intake_end──▶ DECIDING ──▶ WRITING ──▶ COMMITTING ──▶ ANSWERED ──intake_recycle──▶ FREE
 *                              │ connection lost        │  ▲          │            │            ▲
 *                              ▼                        ▼  │          └─ failed ───┼────────────┤
 *                            FREE (nothing stored)     HELD (behind an object of the same identity)
 *                                                       └─ duplicate ─────────────┴────────────┘
 *
 * Thread: RECEIVING, ANSWERED and FREE belong to the reactor; DECIDING and HELD to a decider; WRITING to the logs' loop;
 * COMMITTING to the committer. The chunks stay the object's until the reactor recycles it. */
#ifndef LEAT_INGEST_OBJECT_H
#define LEAT_INGEST_OBJECT_H

#include "codec/dicom/indexed.h"
#include "codec/dicom/scan.h"
#include "engine/base/checksum.h"
#include "engine/base/limits.h"
#include "engine/store/log_writer.h"

enum object_state {
    OBJECT_FREE,
    OBJECT_RECEIVING,
    OBJECT_DECIDING,
    OBJECT_HELD,
    OBJECT_WRITING,
    OBJECT_COMMITTING,
    OBJECT_ANSWERED,
};

enum object_verdict {
    OBJECT_UNDECIDED,
    OBJECT_NEW,        /* no such instance before */
    OBJECT_VERSION,    /* other bytes under a known identity: becomes current, the earlier one is superseded */
    OBJECT_DUPLICATE,  /* the same bytes under the same identity: success, not stored twice */
    OBJECT_REFUSED,    /* with the status in `refusal` */
};

#define OBJECT_COMMENT_BYTES 64 /* PS3.7 C.4.3: LO */

/* A refusal, as it goes into the C-STORE-RSP (PS3.4 B.2.3) and into `problems`. */
struct refusal {
    uint16_t status;
    uint32_t offending_element; /* tag, 0 = none */
    char comment[OBJECT_COMMENT_BYTES + 1]; /* Error Comment 0000,0902, LO */
};

#define OBJECT_CHUNKS_MAX (LIMIT_STREAM_BYTES / LIMIT_CHUNK_BYTES + 1)
#define OBJECT_BLOCKS_INLINE (LIMIT_STREAM_BYTES / LIMIT_CRC_BLOCK_BYTES + 1)
#define OBJECT_UID_BYTES 256 /* longer than the standard's 64: such UIDs are filed, and listed as problems */

/* What the object's association knows and the record keeps. Borrowed: lives as long as the session that waits for the answer,
 * which outlives the object (session.c counts them). */
struct origin {
    struct slice calling_aet, called_aet, peer_address, implementation_uid, implementation_version;
};

struct intake;
struct spill;
struct held_entry;

struct object {
    struct object *next; /* of whatever list its owner keeps */
    enum object_state state;
    enum object_verdict verdict;
    struct intake *intake;
    void (*answered)(struct object *object); /* on the intake's reactor, in state ANSWERED; the callee recycles it */
    void *session;
    struct origin origin;
    uint16_t message_id;
    uint8_t context_id;
    uint64_t begun_ns;      /* monotonic: the command was there */

    /* ---- from the command set ---- */
    uint8_t sop_class_length, sop_instance_length, transfer_syntax_length;
    char sop_class[OBJECT_UID_BYTES], sop_instance[OBJECT_UID_BYTES], transfer_syntax[LIMIT_UID_BYTES + 1];

    /* ---- the data set, as it arrives ---- */
    uint64_t length;
    struct iovec chunks[OBJECT_CHUNKS_MAX]; /* iov_len = bytes filled */
    uint32_t chunk_count;   /* chunks held */
    uint32_t filling;       /* the first of them that has room; chunk_count when all are full */
    uint32_t block_count, block_capacity;
    uint32_t *blocks;       /* CRC-32 of each whole or last 1 MiB; inline_blocks, or from the heap for a streamed object */
    uint32_t inline_blocks[OBJECT_BLOCKS_INLINE];
    uint32_t block_crc;     /* of the block under way */
    bool refused_early;     /* what still comes is thrown away */
    struct spill *spill;    /* NULL, or the file of its own that it streams to */
    struct digest digest;
    struct scan scan;
    struct attributes attributes;

    /* ---- decided ---- */
    struct refusal refusal;
    struct held_entry *entry; /* in the decider's table of what is decided and not yet visible */
    uint32_t decider;
    bool quarantined;         /* the committer: another study owns its Series UID */
    struct append append;     /* the record as the log takes it; slices point into this object */

    _Alignas(4096) uint8_t attribute_bytes[INDEXED_BLOCK_BYTES_MAX]; /* last: its pages are touched only as far as used */
};

/* The one setter of object->state: asserts that the step is one of the arrows above. */
void object_move(struct object *object, enum object_state to);
const char *object_state_name(enum object_state state);

/* The UIDs that are its identity: (Study, Series, SOP Instance UID), as captured, without padding. Good after the scan. */
struct object_uids {
    struct slice study_uid, series_uid, sop_uid;
};
struct object_uids object_uids(const struct object *object);

/* Fills a refusal: status, offending element (0: none) and the comment, cut to what an LO holds; sets the verdict. */
void object_refuse(struct object *object, uint16_t status, uint32_t offending_element, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
