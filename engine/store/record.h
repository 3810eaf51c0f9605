/* SPDX-License-Identifier: Apache-2.0 */
/* record: the unit of the log. A header (fixed prefix, fields, CRC table of the payload), then the payload. The table of bytes is
 * in README.md. Pure functions over memory; any thread.
 *
 * A struct record is a view: what its slices point to is the caller's when it encodes, and lies in the decoded header when it was
 * decoded. */
#ifndef LEAT_STORE_RECORD_H
#define LEAT_STORE_RECORD_H

#include "engine/base/cursor.h"
#include "engine/base/fault.h"

#define RECORD_FORMAT_VERSION 1u
#define RECORD_PREFIX_BYTES 96u
#define RECORD_HEADER_MAX_BYTES (1024u * 1024u) /* an object of 256 GiB still fits its CRC table */
#define RECORD_BLOCK_BYTES (1024u * 1024u)      /* of payload under one CRC-32 */
#define RECORD_ID_BYTES 16u

enum record_type {
    RECORD_OBJECT = 1, /* a data set as it was received */
    RECORD_CHANGE = 2, /* demographic update, merge, deletion, lock, job state, verdict */
    RECORD_NOTE = 3,   /* counters and problems */
};

/* Where a record is. The payload begins at offset + header_bytes of the segment's file, or is a file of its own
 * (record.streamed). */
struct place {
    uint32_t segment;
    uint32_t header_bytes; /* distance from the record's start to its payload, padding included */
    uint64_t offset;       /* of the record in its segment */
    uint64_t payload_bytes;
};

struct record {
    enum record_type type;
    uint64_t sequence;    /* hybrid clock of the decision; the highest one wins */
    uint64_t received_us; /* since 1970 UTC */

    /* OBJECT; a CHANGE names what it changes with the same UIDs */
    struct slice study_uid, series_uid, sop_uid, sop_class_uid, transfer_syntax_uid;
    struct slice calling_aet, called_aet, peer_address, peer_implementation_uid, peer_implementation_version;
    uint8_t digest[16];          /* keyed with the archive's secret, over the payload */
    uint64_t payload_length;     /* bytes of payload */
    struct slice block_crcs;     /* CRC-32 (u32, little endian) of each RECORD_BLOCK_BYTES of payload, the last one shorter */
    uint32_t remarks;            /* what was tolerated: bits of codec/dicom/scan.h */
    uint32_t extractor_version;  /* that found `attributes` */
    struct slice attributes;     /* a block of codec/dicom/attributes.h, as it is */
    bool streamed;               /* the payload is a file of its own: */
    uint8_t stream_file[RECORD_ID_BYTES];
    uint32_t stream_volume;

    /* CHANGE */
    uint32_t change_kind;
    struct slice change; /* as change_kind says; also text for people */

    /* NOTE */
    uint64_t run_id;        /* of the process that counts */
    struct slice counters;  /* entries, written by record_counter_write, read by record_counter_next */
    struct slice problems;  /* entries, written by record_problem_write, read by record_problem_next */
};

/* ---- entries of a note ---- */
struct record_counter {
    struct slice name;
    uint64_t total; /* cumulative since the run began */
};
struct record_problem {
    uint64_t sequence;
    uint32_t kind;
    uint64_t time_us;
    struct slice study_uid, series_uid, sop_uid, calling_aet, text;
};
void record_counter_write(struct writer *writer, const struct record_counter *counter);
/* False: the end, or malformed (reader->failed). */
bool record_counter_next(struct reader *reader, struct record_counter *counter);
void record_problem_write(struct writer *writer, const struct record_problem *problem);
bool record_problem_next(struct reader *reader, struct record_problem *problem);

/* ---- payload blocks ---- */
static inline uint32_t record_block_count(uint64_t payload_bytes) {
    return (uint32_t)((payload_bytes + RECORD_BLOCK_BYTES - 1) / RECORD_BLOCK_BYTES);
}
static inline uint32_t record_block_crc(const struct record *record, uint32_t block) {
    return load_le32(record->block_crcs.bytes + (size_t)block * 4);
}

/* ---- the header in bytes ---- */
/* What a record says about where it stands; the log writer's affair. */
struct record_frame {
    uint8_t segment_id[RECORD_ID_BYTES];
    uint64_t offset;        /* of the record in its segment */
    uint64_t durable_bytes; /* of that segment, when this was written: damage before it is no torn end */
    uint32_t header_bytes;  /* with padding */
    uint64_t total_bytes;   /* from this record's start to the next one's */
    /* decoding also gives what the prefix says of the record: */
    enum record_type type;
    bool streamed;
    uint64_t sequence, payload_bytes;
};

/* Bytes of the header, padded to a multiple of `alignment` (8 or 4096), or 0 when it would pass RECORD_HEADER_MAX_BYTES. */
uint32_t record_header_bytes(const struct record *record, uint32_t alignment);
/* Writes frame->header_bytes bytes (padding zeroed). */
void record_encode(const struct record *record, const struct record_frame *frame, uint8_t *out);
/* Changes total_bytes of an encoded header: the last record of a group of small ones also covers the group's padding. */
void record_extend(uint8_t *header, uint64_t total_bytes);

/* The prefix (RECORD_PREFIX_BYTES of them): lengths, and whose it is. FAULT_MALFORMED: no record; FAULT_CORRUPT: CRC;
 * FAULT_NEWER_FORMAT. */
bool record_decode_frame(struct slice bytes, struct record_frame *frame, struct fault *fault);
/* The whole header: bytes.length >= frame's header_bytes. Checks its CRC; unknown fields are skipped. */
bool record_decode(struct slice bytes, struct record *record, struct record_frame *frame, struct fault *fault);

#endif
