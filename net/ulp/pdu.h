/* SPDX-License-Identifier: Apache-2.0 */
/* pdu: the seven PDU types of PS3.8 9.3, decoded and encoded. P-DATA-TF is not decoded whole: see pdu_reader.h.
 * A decoded struct associate borrows from the PDU's bytes and is bounded (128 contexts). Pure: any thread. */
#ifndef LEAT_ULP_PDU_H
#define LEAT_ULP_PDU_H

#include "net/ulp/user_information.h"

enum pdu_type {
    PDU_ASSOCIATE_RQ = 0x01,
    PDU_ASSOCIATE_AC = 0x02,
    PDU_ASSOCIATE_RJ = 0x03,
    PDU_DATA_TF = 0x04,
    PDU_RELEASE_RQ = 0x05,
    PDU_RELEASE_RP = 0x06,
    PDU_ABORT = 0x07,
};

#define PDU_HEADER_BYTES 6              /* type, reserved, length */
#define PDU_FIXED_BYTES 4               /* variable field of RJ, RELEASE and ABORT */
#define PDV_HEADER_BYTES 6              /* length, context ID, message control header */
#define PDV_COMMAND 1 /* bits of the message control header (PS3.8 E.2) */
#define PDV_LAST 2
#define PDU_ASSOCIATE_BYTES_MAX (1u << 20) /* limit of ours: what we buffer of an A-ASSOCIATE PDU */
#define PDU_ASSOCIATE_BYTES_LEAST 68    /* protocol version, AE titles, reserved */
#define PDU_CONTEXTS_MAX 128            /* odd IDs 1..255 */
#define AE_TITLE_BYTES 16
#define UID_BYTES_MAX 64
#define APPLICATION_CONTEXT_NAME "1.2.840.10008.3.1.1.1"

enum context_result { /* Table 9-18, Result/Reason */
    CONTEXT_ACCEPTANCE = 0,
    CONTEXT_USER_REJECTION = 1,
    CONTEXT_NO_REASON = 2,
    CONTEXT_ABSTRACT_SYNTAX_NOT_SUPPORTED = 3,
    CONTEXT_TRANSFER_SYNTAXES_NOT_SUPPORTED = 4,
};

enum reject_result { REJECTED_PERMANENT = 1, REJECTED_TRANSIENT = 2 }; /* Table 9-21 */
enum reject_source { REJECT_BY_USER = 1, REJECT_BY_PROVIDER_ACSE = 2, REJECT_BY_PROVIDER_PRESENTATION = 3 };
enum reject_reason {
    REJECT_USER_NO_REASON = 1,
    REJECT_USER_APPLICATION_CONTEXT = 2,
    REJECT_USER_CALLING_AE = 3,
    REJECT_USER_CALLED_AE = 7,
    REJECT_ACSE_NO_REASON = 1,
    REJECT_ACSE_PROTOCOL_VERSION = 2,
    REJECT_PRESENTATION_CONGESTION = 1,
    REJECT_PRESENTATION_LOCAL_LIMIT = 2,
};

enum abort_source { ABORT_BY_USER = 0, ABORT_BY_PROVIDER = 2 }; /* Table 9-26 */
enum abort_reason {                                             /* significant from the provider only */
    ABORT_NOT_SPECIFIED = 0,
    ABORT_UNRECOGNIZED_PDU = 1,
    ABORT_UNEXPECTED_PDU = 2,
    ABORT_UNRECOGNIZED_PARAMETER = 4,
    ABORT_UNEXPECTED_PARAMETER = 5,
    ABORT_INVALID_PARAMETER = 6,
};

struct reject {
    uint8_t result, source, reason;
};

struct presentation_context {
    uint8_t id;
    uint8_t result;                /* AC: enum context_result */
    struct slice abstract_syntax;  /* RQ; empty in an AC off the wire */
    struct slice transfer_syntaxes; /* raw sub-items: walk with pdu_next_transfer_syntax. AC: one; empty when refused */
};

/* A-ASSOCIATE-RQ (9.3.2) or -AC (9.3.3): about 5.5 KiB, transient. */
struct associate {
    bool is_accept;
    uint16_t protocol_version; /* bit 0: version 1 */
    struct slice called_ae, calling_ae; /* without leading and trailing spaces */
    struct slice application_context;
    struct user_information user;
    uint16_t context_count;
    struct presentation_context contexts[PDU_CONTEXTS_MAX];
};

/* Decodes the variable field of an A-ASSOCIATE-RQ or -AC. Unknown items are skipped. False (FAULT_MALFORMED, offset in the
 * stream counted from `offset`): an item beyond its end, a context ID that is even or there twice, too short. */
bool pdu_decode_associate(struct associate *out, bool is_accept, struct slice field, uint64_t offset, struct fault *fault);

/* Writes a whole PDU. AE titles are padded with spaces (cut to 16). A context of an AC without a transfer syntax gets Implicit
 * VR LE. */
void pdu_encode_associate(struct writer *writer, const struct associate *associate);
/* Room in bytes that is enough for pdu_encode_associate. */
size_t pdu_associate_room(const struct associate *associate);
void pdu_encode_reject(struct writer *writer, struct reject reject);
void pdu_encode_release(struct writer *writer, bool is_response);
void pdu_encode_abort(struct writer *writer, enum abort_source source, enum abort_reason reason);

/* A P-DATA-TF header and the header of its only PDV: PDU_HEADER_BYTES + PDV_HEADER_BYTES; payload_bytes follow. */
void pdu_encode_data_header(struct writer *writer, uint8_t context_id, bool is_command, bool is_last, uint32_t payload_bytes);

/* Walks the transfer syntax sub-items (40H) among raw sub-items and skips others; start with
 * reader_over(context.transfer_syntaxes). uid without trailing NULs and spaces. */
bool pdu_next_transfer_syntax(struct reader *reader, struct slice *uid);
void pdu_put_transfer_syntax(struct writer *writer, struct slice uid);

/* Words for logs, static: "rejected permanent, by the service user: called AE title not recognized". */
const char *pdu_reject_text(struct reject reject);
const char *pdu_abort_text(uint8_t source, uint8_t reason);
const char *pdu_context_result_text(uint8_t result);

#endif
