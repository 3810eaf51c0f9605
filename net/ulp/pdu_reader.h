/* SPDX-License-Identifier: Apache-2.0 */
/* pdu_reader: cuts the incoming stream into PDUs and P-DATA-TF PDUs into PDVs, at any split, without buffering payload (PS3.8
 * 9.3). RJ, RELEASE and ABORT are held in place; an A-ASSOCIATE PDU in a buffer that grows with what has come, up to
 * PDU_ASSOCIATE_BYTES_MAX, and is given up by pdu_reader_drop_body. A fault leaves the reader in step: the rest of that PDU is
 * skipped. Owned by one thread. */
#ifndef LEAT_ULP_PDU_READER_H
#define LEAT_ULP_PDU_READER_H

#include "net/ulp/pdu.h"

enum read_status {
    READ_MORE,      /* all bytes consumed */
    READ_HEADER,    /* a PDU of a known type and a possible length begins: type, pdu_length */
    READ_PDU,       /* a PDU other than P-DATA-TF is complete: type, result.data */
    READ_PDV_BEGIN, /* context_id, control, pdv_left */
    READ_PDV_DATA,  /* data */
    READ_PDV_END,
    READ_FAULT,     /* fault; the rest of the PDU is skipped */
};

/* A static sentence, where it was seen, and the reason that an A-ABORT gives. */
struct reader_fault {
    const char *text;
    uint64_t offset, value;
    uint8_t reason; /* enum abort_reason */
};

enum reader_phase { PHASE_PDU_HEADER, PHASE_FIXED_BODY, PHASE_ASSOCIATE_BODY, PHASE_PDV_HEADER, PHASE_PDV_DATA, PHASE_SKIP };

struct pdu_reader {
    uint64_t offset;     /* bytes consumed since the start of the stream */
    uint64_t pdu_offset; /* where the current PDU began */
    uint32_t pdu_length, pdu_left; /* variable field: in all, still to come (payload of the current PDV included) */
    uint32_t pdv_left;
    uint8_t phase; /* enum reader_phase */
    uint8_t type;  /* of the current PDU */
    uint8_t held_count;
    uint8_t held[6]; /* a header or a fixed body that came in pieces */
    uint8_t context_id, control;
    uint8_t *body; /* A-ASSOCIATE */
    uint32_t body_length, body_capacity;
};

struct read_result {
    struct slice data; /* READ_PDV_DATA: of the bytes fed; READ_PDU: the variable field, good until the next call */
    struct reader_fault fault;
};

void pdu_reader_init(struct pdu_reader *reader);
void pdu_reader_release(struct pdu_reader *reader);

/* Consumes up to n bytes, returns how many, stops at the first status other than READ_MORE. */
size_t pdu_reader_feed(struct pdu_reader *reader, const uint8_t *bytes, size_t n, enum read_status *status,
                       struct read_result *result);

/* Payload of the current PDV that went elsewhere: n <= pdv_left (or <= pdu_left, if the PDU is skipped meanwhile). */
void pdu_reader_pass(struct pdu_reader *reader, size_t n);

/* The rest of the current PDU is of no interest. Between two PDUs: does nothing. */
void pdu_reader_skip_pdu(struct pdu_reader *reader);

/* Frees the A-ASSOCIATE buffer. */
void pdu_reader_drop_body(struct pdu_reader *reader);

#endif
