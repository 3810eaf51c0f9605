/* SPDX-License-Identifier: Apache-2.0 */
/* limits: every bound that leat keeps, in one place, each with its reason; the static asserts at the end say how they hang
 * together. What an operator may change is a row of config_table.c whose default and range come from here. Constants only; any
 * thread. */
#ifndef LEAT_BASE_LIMITS_H
#define LEAT_BASE_LIMITS_H

#include <stdint.h>

#define LIMIT_KIB ((uint64_t)1024)
#define LIMIT_MIB (LIMIT_KIB * 1024)
#define LIMIT_GIB (LIMIT_MIB * 1024)
#define LIMIT_TIB (LIMIT_GIB * 1024)

/* ---- memory ---- */

/* O_DIRECT needs buffers, offsets and lengths in logical blocks; 4096 is the largest one that disks report. */
#define LIMIT_BLOCK_BYTES 4096u
/* A CT slice (525 KB) is three chunks: few list steps an object, and half a chunk lost on average is < 25 % of it. */
#define LIMIT_CHUNK_BYTES (256u * 1024u)
/* The chunk pool, the one budget of section 3 of the design: 1,024 chunks. */
#define LIMIT_MEMORY_DEFAULT_BYTES (256 * LIMIT_MIB)
/* Below it, one reactor with one streamed object and one log group no longer fit beside each other. */
#define LIMIT_MEMORY_MIN_BYTES (32 * LIMIT_MIB)
#define LIMIT_MEMORY_MAX_BYTES (4 * LIMIT_TIB)
/* An object longer than this goes to a file of its own, so that one sender can't hold an eighth of the default pool. */
#define LIMIT_STREAM_BYTES (32 * LIMIT_MIB)
/* Objects up to this are packed into the small-object log: their latency must not wait behind a bulk write. */
#define LIMIT_SMALL_OBJECT_BYTES (64u * 1024u)
/* Payload is checked in blocks of this: what a read has to verify before its first byte may be sent. */
#define LIMIT_CRC_BLOCK_BYTES (1024u * 1024u)

/* ---- network ---- */

#define LIMIT_AET_BYTES 16u  /* PS3.5 6.2, AE */
#define LIMIT_UID_BYTES 64u  /* PS3.5 9 */
/* PS3.8 9.3.2: A-ASSOCIATE has no bound of its own; 128 contexts with 40 syntaxes each are 350 KB, so more than this is an
 * attack. */
#define LIMIT_ASSOCIATE_BYTES (1024u * 1024u)
/* A command set is some 20 short elements (PS3.7 E.1); a C-MOVE-RSP with a long error comment stays under 1 KiB. */
#define LIMIT_COMMAND_BYTES (8u * 1024u)
#define LIMIT_PRESENTATION_CONTEXTS 128u /* odd ids 1..255, PS3.8 9.3.2.2 */
/* The PDU length that we announce (PS3.8 D.1). 256 KiB is a chunk; longer PDUs are served all the same. 0 = unlimited. */
#define LIMIT_PDU_DEFAULT_BYTES 262144u
#define LIMIT_PDU_MIN_BYTES 1024u /* system E offers PDUs from 2 KB */
#define LIMIT_PDU_MAX_BYTES (128u * 1024u * 1024u)
/* Operations that a peer may have outstanding on one association (PS3.7 D.3.3.3). */
#define LIMIT_ASYNC_WINDOW_DEFAULT 16u
#define LIMIT_ASYNC_WINDOW_MAX 256u
/* What an association may cost while nothing moves on it. */
#define LIMIT_IDLE_ASSOCIATION_BYTES (16u * 1024u)
#define LIMIT_ASSOCIATIONS_DEFAULT 2048u /* 32 MiB of idle associations at most */
#define LIMIT_ASSOCIATIONS_MAX 65536u
#define LIMIT_ASSOCIATIONS_PER_PEER 1024u /* one peer can't take every slot */
#define LIMIT_LISTENERS 16u
/* Backlog of a listening socket: a forklift migration opens its associations at once. */
#define LIMIT_LISTEN_BACKLOG 1024u

/* ---- data sets ---- */

/* Sequences inside sequences that the scanner follows; real structured reports reach 12. */
#define LIMIT_SEQUENCE_DEPTH 64u
/* The captured attributes of one object, as they go into its record. */
#define LIMIT_ATTRIBUTES_BYTES (32u * 1024u) /* INDEXED_BLOCK_BYTES_MAX of codec/dicom/indexed.h */
/* A value longer than this is captured cut (flag in the entry); patient comments reach 10,240 characters. */
#define LIMIT_ATTRIBUTE_VALUE_BYTES (4u * 1024u)

/* ---- the pipeline ---- */

/* Objects that one reactor may have between admission and response: each has a slot reserved in every ring ahead. */
#define LIMIT_CREDITS_PER_REACTOR 1024u
#define LIMIT_REACTORS 256u
#define LIMIT_WORKERS 255u /* a decider's number is a byte of each sequence; the last one is the notebook's */
/* In the device's queue at once: more does not make a disk faster, and a small object would wait behind it. */
#define LIMIT_DEVICE_BYTES (8u * 1024u * 1024u)
/* One write of a log: what a group gathers at most before it is sent to the device. */
#define LIMIT_GROUP_BYTES (4u * 1024u * 1024u)
#define LIMIT_GROUP_OBJECTS 1024u

/* ---- store and index ---- */

#define LIMIT_BULK_SEGMENT_BYTES (1 * LIMIT_GIB)
#define LIMIT_SMALL_SEGMENT_BYTES (256 * LIMIT_MIB)
#define LIMIT_BULK_SEGMENT_MIN_BYTES (64 * LIMIT_MIB)
#define LIMIT_SMALL_SEGMENT_MIN_BYTES (16 * LIMIT_MIB)
#define LIMIT_SEGMENT_MAX_BYTES (64 * LIMIT_GIB)
#define LIMIT_VOLUMES 64u
/* Head-room: the index's compaction and the segments under way still fit when objects are already refused. */
#define LIMIT_WATERMARK_BYTES (1 * LIMIT_GIB)
#define LIMIT_WATERMARK_PERCENT 2u
/* A flush of the index is forced after this many records or this time, which bounds replay to a few seconds. */
#define LIMIT_CHECKPOINT_RECORDS 250000u
#define LIMIT_CHECKPOINT_MS 10000u
/* Counters are written to the log at most this often. */
#define LIMIT_COUNTER_RECORD_MS 1000u

/* ---- time ---- */

#define LIMIT_ARTIM_MS 10000u              /* PS3.8 9.1.5 */
#define LIMIT_MESSAGE_MS 60000u            /* silence inside a PDU or a message */
#define LIMIT_IDLE_MS 3600000u             /* silence between messages */
#define LIMIT_MIN_RATE_BYTES_PER_S 1024u   /* a sender slower than this inside a message ... */
#define LIMIT_MIN_RATE_WINDOW_MS 300000u   /* ... for this long holds its chunks for nothing */
#define LIMIT_GRACE_MS 30000u              /* SIGTERM to the end: below systemd's 90 s */

/* ---- control socket and configuration ---- */

#define LIMIT_CONTROL_SESSIONS 16u
#define LIMIT_CONTROL_ARGUMENTS 64u
#define LIMIT_CONTROL_REQUEST_BYTES (64u * 1024u)
#define LIMIT_CONTROL_FRAME_BYTES (64u * 1024u)
#define LIMIT_CONFIG_BYTES (4 * LIMIT_MIB)
#define LIMIT_CLIENTS 4096u
#define LIMIT_PEERS 4096u
#define LIMIT_PREFERENCES 64u

_Static_assert(LIMIT_CHUNK_BYTES % LIMIT_BLOCK_BYTES == 0, "a chunk is written with O_DIRECT as it is");
_Static_assert(LIMIT_SMALL_OBJECT_BYTES <= LIMIT_CHUNK_BYTES, "a small object is one chunk");
_Static_assert(LIMIT_CRC_BLOCK_BYTES % LIMIT_CHUNK_BYTES == 0, "a CRC block ends where a chunk ends");
_Static_assert(LIMIT_STREAM_BYTES % LIMIT_CRC_BLOCK_BYTES == 0, "a chain is streamed from the start of a CRC block");
_Static_assert(LIMIT_STREAM_BYTES * 8 <= LIMIT_MEMORY_DEFAULT_BYTES,
               "eight objects just short of streaming fit in the default pool");
_Static_assert(LIMIT_GROUP_BYTES <= LIMIT_DEVICE_BYTES, "a group fits in the device's queue");
_Static_assert(LIMIT_GROUP_BYTES % LIMIT_BLOCK_BYTES == 0, "groups are written with O_DIRECT");
_Static_assert(LIMIT_DEVICE_BYTES < LIMIT_MEMORY_MIN_BYTES, "what the device holds leaves chunks for receiving");
_Static_assert(LIMIT_STREAM_BYTES + LIMIT_ATTRIBUTES_BYTES + LIMIT_CHUNK_BYTES < LIMIT_BULK_SEGMENT_MIN_BYTES,
               "an object that is not streamed fits in the smallest bulk segment with its header");
_Static_assert(LIMIT_SMALL_OBJECT_BYTES + LIMIT_ATTRIBUTES_BYTES + LIMIT_CHUNK_BYTES < LIMIT_SMALL_SEGMENT_MIN_BYTES,
               "a small object fits in the smallest small segment with its header");
_Static_assert(LIMIT_ASSOCIATIONS_PER_PEER < LIMIT_ASSOCIATIONS_DEFAULT, "one peer can't take every slot");
_Static_assert(LIMIT_ATTRIBUTE_VALUE_BYTES < LIMIT_ATTRIBUTES_BYTES, "a value that is cut leaves room for others");
_Static_assert(LIMIT_ASYNC_WINDOW_DEFAULT <= LIMIT_ASYNC_WINDOW_MAX, "the default is allowed");
_Static_assert(LIMIT_ASYNC_WINDOW_MAX <= LIMIT_CREDITS_PER_REACTOR, "one association can't want more than a reactor has");
_Static_assert(LIMIT_COMMAND_BYTES <= LIMIT_IDLE_ASSOCIATION_BYTES, "a command set fits in what an idle association may cost");
_Static_assert((uint64_t)LIMIT_ASSOCIATIONS_DEFAULT * LIMIT_IDLE_ASSOCIATION_BYTES <= LIMIT_MEMORY_DEFAULT_BYTES / 4,
               "idle associations are small beside the pool");
_Static_assert(LIMIT_PDU_MIN_BYTES < LIMIT_PDU_DEFAULT_BYTES && LIMIT_PDU_DEFAULT_BYTES <= LIMIT_PDU_MAX_BYTES,
               "the default is allowed");
_Static_assert(LIMIT_CONTROL_REQUEST_BYTES >= LIMIT_CONTROL_FRAME_BYTES, "a request is one frame");

#endif
