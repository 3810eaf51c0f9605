/* SPDX-License-Identifier: Apache-2.0 */
/* record: struct record to header bytes and back. The prefix is a table of offsets, the fields are a table of tags; both are
 * printed in README.md, which the independent reader (tools/unpack.py) was written from. Pure functions. */
#include "engine/store/record.h"

#include "engine/base/check.h"
#include "engine/base/checksum.h"

/* The prefix: where each of its numbers stands. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_TYPE = 6,
    AT_FLAGS = 8,
    AT_HEADER_BYTES = 12,
    AT_PAYLOAD_BYTES = 16,
    AT_TOTAL_BYTES = 24,
    AT_SEQUENCE = 32,
    AT_SEGMENT_ID = 40,
    AT_OFFSET = 56,
    AT_DURABLE_BYTES = 64,
    AT_FIELD_BYTES = 72,
    AT_BLOCK_COUNT = 76,
    AT_BODY_CRC = 80,
    AT_RESERVED = 84,
    AT_PREFIX_CRC = 92,
};
_Static_assert(AT_OFFSET == AT_SEGMENT_ID + RECORD_ID_BYTES, "the segment's id has 16 bytes");
_Static_assert(AT_PREFIX_CRC + 4 == RECORD_PREFIX_BYTES, "the prefix ends with its CRC");
_Static_assert(RECORD_PREFIX_BYTES % 8 == 0, "records of the small log are packed at multiples of 8");

#define MAGIC 0x4345524Cu /* "LREC" */
#define FLAG_STREAMED 1u
#define FIELD_HEAD_BYTES 6u /* tag u16, length u32 */
#define PAYLOAD_MAX_BYTES ((uint64_t)1 << 48)

enum field {
    FIELD_RECEIVED_US = 1,
    FIELD_STUDY_UID,
    FIELD_SERIES_UID,
    FIELD_SOP_UID,
    FIELD_SOP_CLASS_UID,
    FIELD_TRANSFER_SYNTAX_UID,
    FIELD_CALLING_AET,
    FIELD_CALLED_AET,
    FIELD_PEER_ADDRESS,
    FIELD_PEER_IMPLEMENTATION_UID,
    FIELD_PEER_IMPLEMENTATION_VERSION,
    FIELD_DIGEST,
    FIELD_REMARKS,
    FIELD_EXTRACTOR_VERSION,
    FIELD_ATTRIBUTES,
    FIELD_STREAM,
    FIELD_CHANGE_KIND,
    FIELD_CHANGE,
    FIELD_RUN_ID,
    FIELD_COUNTERS,
    FIELD_PROBLEMS,
};

/* The fields that are bytes and nothing more. */
static const struct {
    enum field field;
    size_t at;
} slices[] = {
    {FIELD_STUDY_UID, offsetof(struct record, study_uid)},
    {FIELD_SERIES_UID, offsetof(struct record, series_uid)},
    {FIELD_SOP_UID, offsetof(struct record, sop_uid)},
    {FIELD_SOP_CLASS_UID, offsetof(struct record, sop_class_uid)},
    {FIELD_TRANSFER_SYNTAX_UID, offsetof(struct record, transfer_syntax_uid)},
    {FIELD_CALLING_AET, offsetof(struct record, calling_aet)},
    {FIELD_CALLED_AET, offsetof(struct record, called_aet)},
    {FIELD_PEER_ADDRESS, offsetof(struct record, peer_address)},
    {FIELD_PEER_IMPLEMENTATION_UID, offsetof(struct record, peer_implementation_uid)},
    {FIELD_PEER_IMPLEMENTATION_VERSION, offsetof(struct record, peer_implementation_version)},
    {FIELD_ATTRIBUTES, offsetof(struct record, attributes)},
    {FIELD_CHANGE, offsetof(struct record, change)},
    {FIELD_COUNTERS, offsetof(struct record, counters)},
    {FIELD_PROBLEMS, offsetof(struct record, problems)},
};

static const struct slice *slice_at(const struct record *record, size_t i) {
    return (const struct slice *)(const void *)((const char *)record + slices[i].at);
}

/* ---- encoding ---- */

/* Tells every field to `put`: once to count, once to write. */
static void each_number(const struct record *r, void (*put)(void *to, enum field field, const void *bytes, size_t length),
                        void *to) {
    uint8_t b[RECORD_ID_BYTES + 4];
    store_le64(b, r->received_us);
    put(to, FIELD_RECEIVED_US, b, 8);
    if (r->type == RECORD_OBJECT) {
        put(to, FIELD_DIGEST, r->digest, sizeof r->digest);
        store_le32(b, r->remarks);
        put(to, FIELD_REMARKS, b, 4);
        store_le32(b, r->extractor_version);
        put(to, FIELD_EXTRACTOR_VERSION, b, 4);
    }
    if (r->streamed) {
        memcpy(b, r->stream_file, RECORD_ID_BYTES);
        store_le32(b + RECORD_ID_BYTES, r->stream_volume);
        put(to, FIELD_STREAM, b, RECORD_ID_BYTES + 4);
    }
    if (r->type == RECORD_CHANGE) {
        store_le32(b, r->change_kind);
        put(to, FIELD_CHANGE_KIND, b, 4);
    }
    if (r->type == RECORD_NOTE) {
        store_le64(b, r->run_id);
        put(to, FIELD_RUN_ID, b, 8);
    }
}

static void put_count(void *to, enum field field, const void *bytes, size_t length) {
    *(uint64_t *)to += FIELD_HEAD_BYTES + length;
}

static void put_write(void *to, enum field field, const void *bytes, size_t length) {
    struct writer *w = to;
    writer_le16(w, (uint16_t)field);
    writer_le32(w, (uint32_t)length);
    writer_bytes(w, bytes, length);
}

static uint64_t field_bytes(const struct record *record) {
    uint64_t bytes = 0;
    each_number(record, put_count, &bytes);
    for (size_t i = 0; i < array_count(slices); i++) {
        const struct slice *s = slice_at(record, i);
        if (s->length) bytes += FIELD_HEAD_BYTES + s->length;
    }
    return bytes;
}

uint32_t record_header_bytes(const struct record *record, uint32_t alignment) {
    invariant(alignment >= 8 && (alignment & (alignment - 1)) == 0);
    if (record->payload_length > PAYLOAD_MAX_BYTES) return 0;
    uint64_t bytes = RECORD_PREFIX_BYTES + field_bytes(record) + (uint64_t)record_block_count(record->payload_length) * 4;
    bytes = (bytes + alignment - 1) & ~(uint64_t)(alignment - 1);
    return bytes <= RECORD_HEADER_MAX_BYTES ? (uint32_t)bytes : 0;
}

static void seal_prefix(uint8_t *out) { store_le32(out + AT_PREFIX_CRC, checksum_crc32(0, out, AT_PREFIX_CRC)); }

void record_encode(const struct record *record, const struct record_frame *frame, uint8_t *out) {
    uint32_t blocks = record_block_count(record->payload_length);
    invariant(record->block_crcs.length == (size_t)blocks * 4);
    struct writer w = writer_over(out, frame->header_bytes);
    uint8_t *prefix = writer_room(&w, RECORD_PREFIX_BYTES);
    invariant(prefix);
    memset(prefix, 0, RECORD_PREFIX_BYTES);

    each_number(record, put_write, &w);
    for (size_t i = 0; i < array_count(slices); i++) {
        const struct slice *s = slice_at(record, i);
        if (s->length) put_write(&w, slices[i].field, s->bytes, s->length);
    }
    uint32_t fields = (uint32_t)(writer_length(&w) - RECORD_PREFIX_BYTES);
    writer_slice(&w, record->block_crcs);
    invariant(!w.failed);
    writer_zeros(&w, (size_t)(w.end - w.at));

    store_le32(out + AT_MAGIC, MAGIC);
    store_le16(out + AT_VERSION, RECORD_FORMAT_VERSION);
    store_le16(out + AT_TYPE, (uint16_t)record->type);
    store_le32(out + AT_FLAGS, record->streamed ? FLAG_STREAMED : 0);
    store_le32(out + AT_HEADER_BYTES, frame->header_bytes);
    store_le64(out + AT_PAYLOAD_BYTES, record->payload_length);
    store_le64(out + AT_TOTAL_BYTES, frame->total_bytes);
    store_le64(out + AT_SEQUENCE, record->sequence);
    memcpy(out + AT_SEGMENT_ID, frame->segment_id, RECORD_ID_BYTES);
    store_le64(out + AT_OFFSET, frame->offset);
    store_le64(out + AT_DURABLE_BYTES, frame->durable_bytes);
    store_le32(out + AT_FIELD_BYTES, fields);
    store_le32(out + AT_BLOCK_COUNT, blocks);
    store_le32(out + AT_BODY_CRC, checksum_crc32(0, out + RECORD_PREFIX_BYTES, frame->header_bytes - RECORD_PREFIX_BYTES));
    seal_prefix(out);
}

void record_extend(uint8_t *header, uint64_t total_bytes) {
    store_le64(header + AT_TOTAL_BYTES, total_bytes);
    seal_prefix(header);
}

/* ---- decoding ---- */

/* Lengths that can't be: what a good CRC over nonsense would be, so our own fault or a forged file. */
static bool check_lengths(const uint8_t *p, const struct record_frame *frame, struct fault *fault) {
    uint64_t blocks = load_le32(p + AT_BLOCK_COUNT), fields = load_le32(p + AT_FIELD_BYTES);
    uint64_t inside = frame->streamed ? 0 : frame->payload_bytes;
    if (frame->payload_bytes > PAYLOAD_MAX_BYTES || blocks != record_block_count(frame->payload_bytes))
        return fault_set(fault, FAULT_MALFORMED, frame->offset, "record has a payload of an impossible length");
    if (frame->header_bytes > RECORD_HEADER_MAX_BYTES || frame->header_bytes % 8
        || RECORD_PREFIX_BYTES + fields + blocks * 4 > frame->header_bytes)
        return fault_set(fault, FAULT_MALFORMED, frame->offset, "record has a header of an impossible length");
    if (frame->total_bytes > PAYLOAD_MAX_BYTES || frame->total_bytes % 8 || frame->total_bytes < frame->header_bytes + inside)
        return fault_set(fault, FAULT_MALFORMED, frame->offset, "record has an impossible length");
    return true;
}

bool record_decode_frame(struct slice bytes, struct record_frame *frame, struct fault *fault) {
    if (bytes.length < RECORD_PREFIX_BYTES) return fault_set(fault, FAULT_MALFORMED, 0, "record is cut short");
    const uint8_t *p = bytes.bytes;
    if (load_le32(p + AT_MAGIC) != MAGIC) return fault_set(fault, FAULT_MALFORMED, 0, "no record begins here");
    if (load_le32(p + AT_PREFIX_CRC) != checksum_crc32(0, p, AT_PREFIX_CRC))
        return fault_set(fault, FAULT_CORRUPT, 0, "record prefix does not match its CRC");
    if (load_le16(p + AT_VERSION) > RECORD_FORMAT_VERSION)
        return fault_set(fault, FAULT_NEWER_FORMAT, 0, "record has format version %u, this leat knows %u",
                         load_le16(p + AT_VERSION), RECORD_FORMAT_VERSION);
    *frame = (struct record_frame){
        .offset = load_le64(p + AT_OFFSET),
        .durable_bytes = load_le64(p + AT_DURABLE_BYTES),
        .header_bytes = load_le32(p + AT_HEADER_BYTES),
        .total_bytes = load_le64(p + AT_TOTAL_BYTES),
        .type = (enum record_type)load_le16(p + AT_TYPE),
        .streamed = load_le32(p + AT_FLAGS) & FLAG_STREAMED,
        .sequence = load_le64(p + AT_SEQUENCE),
        .payload_bytes = load_le64(p + AT_PAYLOAD_BYTES),
    };
    memcpy(frame->segment_id, p + AT_SEGMENT_ID, RECORD_ID_BYTES);
    return check_lengths(p, frame, fault);
}

static bool read_number(struct record *record, unsigned field, struct slice value) {
    struct reader r = reader_over(value);
    switch (field) {
    case FIELD_RECEIVED_US: record->received_us = reader_le64(&r); break;
    case FIELD_DIGEST: {
        struct slice digest = reader_slice(&r, sizeof record->digest);
        if (!r.failed) memcpy(record->digest, digest.bytes, sizeof record->digest);
        break;
    }
    case FIELD_REMARKS: record->remarks = reader_le32(&r); break;
    case FIELD_EXTRACTOR_VERSION: record->extractor_version = reader_le32(&r); break;
    case FIELD_STREAM: {
        struct slice id = reader_slice(&r, RECORD_ID_BYTES);
        if (!r.failed) memcpy(record->stream_file, id.bytes, RECORD_ID_BYTES);
        record->stream_volume = reader_le32(&r);
        break;
    }
    case FIELD_CHANGE_KIND: record->change_kind = reader_le32(&r); break;
    case FIELD_RUN_ID: record->run_id = reader_le64(&r); break;
    default: return true; /* written by a later leat: skipped */
    }
    return !r.failed;
}

static bool read_field(struct record *record, unsigned field, struct slice value) {
    for (size_t i = 0; i < array_count(slices); i++) {
        if (slices[i].field == field) {
            *(struct slice *)(void *)((char *)record + slices[i].at) = value;
            return true;
        }
    }
    return read_number(record, field, value);
}

bool record_decode(struct slice bytes, struct record *record, struct record_frame *frame, struct fault *fault) {
    if (!record_decode_frame(bytes, frame, fault)) return false;
    if (bytes.length < frame->header_bytes) return fault_set(fault, FAULT_MALFORMED, frame->offset, "record header is cut short");
    const uint8_t *p = bytes.bytes;
    if (load_le32(p + AT_BODY_CRC) != checksum_crc32(0, p + RECORD_PREFIX_BYTES, frame->header_bytes - RECORD_PREFIX_BYTES))
        return fault_set(fault, FAULT_CORRUPT, frame->offset, "record header does not match its CRC");
    *record = (struct record){.type = frame->type,
                              .sequence = frame->sequence,
                              .streamed = frame->streamed,
                              .payload_length = frame->payload_bytes};
    uint32_t fields = load_le32(p + AT_FIELD_BYTES);
    record->block_crcs = slice_of(p + RECORD_PREFIX_BYTES + fields, (size_t)load_le32(p + AT_BLOCK_COUNT) * 4);
    struct reader r = reader_over(slice_of(p + RECORD_PREFIX_BYTES, fields));
    while (reader_left(&r)) {
        unsigned field = reader_le16(&r);
        uint32_t length = reader_le32(&r);
        struct slice value = reader_slice(&r, length);
        if (r.failed || !read_field(record, field, value))
            return fault_set(fault, FAULT_MALFORMED, frame->offset, "record field %u is malformed", field);
    }
    return true;
}
