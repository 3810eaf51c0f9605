/* SPDX-License-Identifier: Apache-2.0 */
/* pdu_reader: one function a phase; each consumes what it can and says what it found. */
#include "net/ulp/pdu_reader.h"

#include <stdlib.h>

#include "engine/base/check.h"

#define BODY_BYTES_FIRST 4096 /* a usual A-ASSOCIATE-RQ with a dozen contexts fits */

/* What is still to be read, and where to put the findings: the arguments of every phase. */
struct input {
    const uint8_t *at, *end;
    struct read_result *result;
};

static size_t input_left(const struct input *in) { return (size_t)(in->end - in->at); }

void pdu_reader_init(struct pdu_reader *reader) { *reader = (struct pdu_reader){.phase = PHASE_PDU_HEADER}; }

void pdu_reader_release(struct pdu_reader *reader) { pdu_reader_drop_body(reader); }

void pdu_reader_drop_body(struct pdu_reader *reader) {
    free(reader->body);
    reader->body = NULL;
    reader->body_length = reader->body_capacity = 0;
}

/* Collects `count` bytes into held; true once they are there. */
static bool hold(struct pdu_reader *reader, struct input *in, size_t count) {
    size_t n = count - reader->held_count;
    if (n > input_left(in)) n = input_left(in);
    if (n) memcpy(reader->held + reader->held_count, in->at, n);
    in->at += n;
    reader->offset += n;
    reader->held_count = (uint8_t)(reader->held_count + n);
    if (reader->held_count < count) return false;
    reader->held_count = 0;
    return true;
}

static void enter_skip(struct pdu_reader *reader) {
    reader->held_count = 0;
    reader->pdv_left = 0;
    pdu_reader_drop_body(reader);
    reader->phase = reader->pdu_left ? PHASE_SKIP : PHASE_PDU_HEADER;
}

static enum read_status give_fault(struct pdu_reader *reader, struct input *in, uint64_t offset, uint64_t value, uint8_t reason,
                                   const char *text) {
    in->result->fault = (struct reader_fault){.text = text, .offset = offset, .value = value, .reason = reason};
    enter_skip(reader);
    return READ_FAULT;
}

/* ---- PDU header ---- */
static enum read_status read_pdu_header(struct pdu_reader *reader, struct input *in) {
    if (!hold(reader, in, PDU_HEADER_BYTES)) return READ_MORE;
    uint32_t length = load_be32(reader->held + 2);
    uint64_t at = reader->pdu_offset = reader->offset - PDU_HEADER_BYTES;
    reader->type = reader->held[0];
    reader->pdu_length = reader->pdu_left = length;
    switch (reader->type) {
    case PDU_ASSOCIATE_RQ:
    case PDU_ASSOCIATE_AC:
        if (length > PDU_ASSOCIATE_BYTES_MAX)
            return give_fault(reader, in, at, length, ABORT_INVALID_PARAMETER, "A-ASSOCIATE PDU longer than 1 MiB");
        if (length < PDU_ASSOCIATE_BYTES_LEAST)
            return give_fault(reader, in, at, length, ABORT_INVALID_PARAMETER, "A-ASSOCIATE PDU shorter than its fixed fields");
        pdu_reader_drop_body(reader);
        reader->phase = PHASE_ASSOCIATE_BODY;
        return READ_HEADER;
    case PDU_ASSOCIATE_RJ:
    case PDU_RELEASE_RQ:
    case PDU_RELEASE_RP:
    case PDU_ABORT:
        if (length != PDU_FIXED_BYTES)
            return give_fault(reader, in, at, length, ABORT_INVALID_PARAMETER, "length of an RJ, RELEASE or ABORT PDU is not 4");
        reader->phase = PHASE_FIXED_BODY;
        return READ_HEADER;
    case PDU_DATA_TF:
        if (length < PDV_HEADER_BYTES)
            return give_fault(reader, in, at, length, ABORT_INVALID_PARAMETER, "P-DATA-TF PDU too short for a PDV");
        reader->phase = PHASE_PDV_HEADER;
        return READ_HEADER;
    default:
        return give_fault(reader, in, at, reader->type, ABORT_UNRECOGNIZED_PDU, "unknown PDU type");
    }
}

static enum read_status read_fixed_body(struct pdu_reader *reader, struct input *in) {
    if (!hold(reader, in, PDU_FIXED_BYTES)) return READ_MORE;
    reader->pdu_left = 0;
    reader->phase = PHASE_PDU_HEADER;
    in->result->data = slice_of(reader->held, PDU_FIXED_BYTES);
    return READ_PDU;
}

/* ---- A-ASSOCIATE ---- */
/* Room for n more bytes, never more than the PDU is long; doubles, so that a length without bytes behind it costs nothing. */
static bool grow_body(struct pdu_reader *reader, size_t n) {
    uint32_t wanted = reader->body_length + (uint32_t)n;
    if (wanted <= reader->body_capacity) return true;
    uint32_t capacity = reader->body_capacity ? reader->body_capacity * 2 : BODY_BYTES_FIRST;
    if (capacity < wanted) capacity = wanted;
    if (capacity > reader->pdu_length) capacity = reader->pdu_length;
    uint8_t *body = realloc(reader->body, capacity);
    if (!body) return false;
    reader->body = body;
    reader->body_capacity = capacity;
    return true;
}

static enum read_status read_associate_body(struct pdu_reader *reader, struct input *in) {
    size_t n = input_left(in) < reader->pdu_left ? input_left(in) : reader->pdu_left;
    if (!grow_body(reader, n))
        return give_fault(reader, in, reader->pdu_offset, reader->pdu_length, ABORT_NOT_SPECIFIED,
                          "no memory for an A-ASSOCIATE PDU");
    if (n) memcpy(reader->body + reader->body_length, in->at, n);
    in->at += n;
    reader->offset += n;
    reader->body_length += (uint32_t)n;
    reader->pdu_left -= (uint32_t)n;
    if (reader->pdu_left) return READ_MORE;
    reader->phase = PHASE_PDU_HEADER;
    in->result->data = slice_of(reader->body, reader->body_length);
    return READ_PDU;
}

/* ---- P-DATA-TF ---- */
static enum read_status read_pdv_header(struct pdu_reader *reader, struct input *in) {
    if (reader->pdu_left < PDV_HEADER_BYTES)
        return give_fault(reader, in, reader->offset, reader->pdu_left, ABORT_INVALID_PARAMETER,
                          "P-DATA-TF PDU ends inside the header of a PDV");
    if (!hold(reader, in, PDV_HEADER_BYTES)) return READ_MORE;
    uint64_t at = reader->offset - PDV_HEADER_BYTES;
    reader->pdu_left -= PDV_HEADER_BYTES;
    uint32_t length = load_be32(reader->held);
    if (length < 2)
        return give_fault(reader, in, at, length, ABORT_INVALID_PARAMETER, "PDV length below 2");
    if (length - 2 > reader->pdu_left)
        return give_fault(reader, in, at, length, ABORT_INVALID_PARAMETER, "PDV goes beyond the end of its PDU");
    reader->context_id = reader->held[4];
    reader->control = reader->held[5];
    reader->pdv_left = length - 2;
    reader->phase = PHASE_PDV_DATA;
    return READ_PDV_BEGIN;
}

static enum read_status read_pdv_data(struct pdu_reader *reader, struct input *in) {
    if (reader->pdv_left == 0) {
        reader->phase = reader->pdu_left ? PHASE_PDV_HEADER : PHASE_PDU_HEADER;
        return READ_PDV_END;
    }
    size_t n = input_left(in) < reader->pdv_left ? input_left(in) : reader->pdv_left;
    if (n == 0) return READ_MORE;
    in->result->data = slice_of(in->at, n);
    in->at += n;
    pdu_reader_pass(reader, n);
    return READ_PDV_DATA;
}

static enum read_status read_skip(struct pdu_reader *reader, struct input *in) {
    size_t n = input_left(in) < reader->pdu_left ? input_left(in) : reader->pdu_left;
    in->at += n;
    pdu_reader_pass(reader, n);
    return READ_MORE;
}

void pdu_reader_pass(struct pdu_reader *reader, size_t n) {
    if (reader->phase == PHASE_SKIP) {
        invariant(n <= reader->pdu_left);
        reader->pdu_left -= (uint32_t)n;
        if (reader->pdu_left == 0) reader->phase = PHASE_PDU_HEADER;
    } else {
        invariant(reader->phase == PHASE_PDV_DATA && n <= reader->pdv_left);
        reader->pdu_left -= (uint32_t)n;
        reader->pdv_left -= (uint32_t)n;
    }
    reader->offset += n;
}

void pdu_reader_skip_pdu(struct pdu_reader *reader) {
    switch (reader->phase) {
    case PHASE_FIXED_BODY: /* pdu_left counts from the whole body here: take off what was held */
    case PHASE_PDV_HEADER:
        reader->pdu_left -= reader->held_count;
        enter_skip(reader);
        break;
    case PHASE_ASSOCIATE_BODY:
    case PHASE_PDV_DATA:
        enter_skip(reader);
        break;
    default:
        break;
    }
}

size_t pdu_reader_feed(struct pdu_reader *reader, const uint8_t *bytes, size_t n, enum read_status *status,
                       struct read_result *result) {
    static enum read_status (*const read_phase[])(struct pdu_reader *, struct input *) = {
        [PHASE_PDU_HEADER] = read_pdu_header,
        [PHASE_FIXED_BODY] = read_fixed_body,
        [PHASE_ASSOCIATE_BODY] = read_associate_body,
        [PHASE_PDV_HEADER] = read_pdv_header,
        [PHASE_PDV_DATA] = read_pdv_data,
        [PHASE_SKIP] = read_skip,
    };
    struct input in = {.at = bytes, .end = bytes ? bytes + n : bytes, .result = result};
    *result = (struct read_result){0};
    do {
        *status = read_phase[reader->phase](reader, &in);
    } while (*status == READ_MORE && input_left(&in) > 0);
    return n - input_left(&in);
}
