/* SPDX-License-Identifier: Apache-2.0 */
/* command: a command set (PS3.7 6.3, Annex E) as a struct: parsed from bytes, encoded to bytes. Always implicit VR little
 * endian, group 0000. No I/O, no allocation. Slices of a parsed command point into the bytes that were parsed. Any thread. */
#ifndef LEAT_DIMSE_COMMAND_H
#define LEAT_DIMSE_COMMAND_H

#include "engine/base/fault.h"
#include "engine/base/slice.h"

enum command_field { /* (0000,0100), PS3.7 E.1-1; a response is its request with the top bit set */
    COMMAND_C_STORE_RQ = 0x0001,
    COMMAND_C_STORE_RSP = 0x8001,
    COMMAND_C_GET_RQ = 0x0010,
    COMMAND_C_GET_RSP = 0x8010,
    COMMAND_C_FIND_RQ = 0x0020,
    COMMAND_C_FIND_RSP = 0x8020,
    COMMAND_C_MOVE_RQ = 0x0021,
    COMMAND_C_MOVE_RSP = 0x8021,
    COMMAND_C_ECHO_RQ = 0x0030,
    COMMAND_C_ECHO_RSP = 0x8030,
    COMMAND_N_EVENT_REPORT_RQ = 0x0100,
    COMMAND_N_EVENT_REPORT_RSP = 0x8100,
    COMMAND_N_GET_RQ = 0x0110,
    COMMAND_N_GET_RSP = 0x8110,
    COMMAND_N_SET_RQ = 0x0120,
    COMMAND_N_SET_RSP = 0x8120,
    COMMAND_N_ACTION_RQ = 0x0130,
    COMMAND_N_ACTION_RSP = 0x8130,
    COMMAND_N_CREATE_RQ = 0x0140,
    COMMAND_N_CREATE_RSP = 0x8140,
    COMMAND_N_DELETE_RQ = 0x0150,
    COMMAND_N_DELETE_RSP = 0x8150,
    COMMAND_C_CANCEL_RQ = 0x0FFF,
};
#define COMMAND_RESPONSE_BIT 0x8000u
#define COMMAND_NO_DATA_SET 0x0101u /* (0000,0800); any other value: a data set follows */

enum command_priority { COMMAND_PRIORITY_MEDIUM = 0, COMMAND_PRIORITY_HIGH = 1, COMMAND_PRIORITY_LOW = 2 };

/* The tags of the command group that are named in answers and tests (PS3.7 E.1). */
#define COMMAND_TAG_AFFECTED_SOP_CLASS 0x00000002u
#define COMMAND_TAG_REQUESTED_SOP_CLASS 0x00000003u
#define COMMAND_TAG_FIELD 0x00000100u
#define COMMAND_TAG_MESSAGE_ID 0x00000110u
#define COMMAND_TAG_RESPONDED_TO 0x00000120u
#define COMMAND_TAG_MOVE_DESTINATION 0x00000600u
#define COMMAND_TAG_PRIORITY 0x00000700u
#define COMMAND_TAG_DATA_SET_TYPE 0x00000800u
#define COMMAND_TAG_STATUS 0x00000900u
#define COMMAND_TAG_OFFENDING_ELEMENT 0x00000901u
#define COMMAND_TAG_ERROR_COMMENT 0x00000902u
#define COMMAND_TAG_ERROR_ID 0x00000903u
#define COMMAND_TAG_AFFECTED_SOP_INSTANCE 0x00001000u
#define COMMAND_TAG_REQUESTED_SOP_INSTANCE 0x00001001u
#define COMMAND_TAG_EVENT_TYPE 0x00001002u
#define COMMAND_TAG_ATTRIBUTE_LIST 0x00001005u
#define COMMAND_TAG_ACTION_TYPE 0x00001008u
#define COMMAND_TAG_REMAINING 0x00001020u
#define COMMAND_TAG_COMPLETED 0x00001021u
#define COMMAND_TAG_FAILED 0x00001022u
#define COMMAND_TAG_WARNING 0x00001023u
#define COMMAND_TAG_MOVE_ORIGINATOR_AET 0x00001030u
#define COMMAND_TAG_MOVE_ORIGINATOR_ID 0x00001031u

/* Which 16-bit numbers are there; slices are there when they are not empty. */
enum command_has {
    COMMAND_HAS_MESSAGE_ID = 1 << 0,
    COMMAND_HAS_RESPONDED_TO = 1 << 1,
    COMMAND_HAS_PRIORITY = 1 << 2,
    COMMAND_HAS_STATUS = 1 << 3,
    COMMAND_HAS_ERROR_ID = 1 << 4,
    COMMAND_HAS_EVENT_TYPE = 1 << 5,
    COMMAND_HAS_ACTION_TYPE = 1 << 6,
    COMMAND_HAS_REMAINING = 1 << 7,
    COMMAND_HAS_COMPLETED = 1 << 8,
    COMMAND_HAS_FAILED = 1 << 9,
    COMMAND_HAS_WARNING = 1 << 10,
    COMMAND_HAS_MOVE_ORIGINATOR_ID = 1 << 11,
    COMMAND_HAS_FIELD = 1 << 12,         /* set by command_parse; command_encode writes field and data_set_type always */
    COMMAND_HAS_DATA_SET_TYPE = 1 << 13,
};

#define COMMAND_COMMENT_BYTES 64u /* LO */
#define COMMAND_TEXT_BYTES 256u   /* UIDs (64) and AE titles (16): a longer one is still passed on up to this, then mistyped */
#define COMMAND_OFFENDING_MAX 8u

struct command {
    uint16_t field;        /* enum command_field, or anything when COMMAND_UNKNOWN_FIELD */
    uint16_t data_set_type;
    uint32_t has;          /* of enum command_has */
    uint16_t message_id;   /* (0000,0110), requests */
    uint16_t responded_to; /* (0000,0120), responses and C-CANCEL */
    uint16_t priority;
    uint16_t status;
    uint16_t error_id;
    uint16_t event_type, action_type;
    uint16_t remaining, completed, failed, warning; /* sub-operations */
    uint16_t move_originator_id;
    /* Trimmed of padding; at most COMMAND_TEXT_BYTES, the error comment excepted. */
    struct slice affected_sop_class, affected_sop_instance, requested_sop_class, requested_sop_instance;
    struct slice move_destination, move_originator_aet, error_comment;
    struct slice attribute_list;                     /* (0000,1005), AT, raw: pairs of little-endian 16-bit numbers */
    uint32_t offending[COMMAND_OFFENDING_MAX];       /* (0000,0901), tags as group << 16 | element */
    uint8_t offending_count;                         /* more than COMMAND_OFFENDING_MAX are cut */
    uint32_t bad_element;  /* set by command_parse: the argument that is missing or mistyped; 0: none */
};

enum command_result {
    COMMAND_OK,
    COMMAND_UNKNOWN_FIELD, /* well-formed, has a message ID: answer 0211 */
    COMMAND_MISTYPED,      /* an argument is missing, or its value has the wrong length: answer 0212, bad_element says which */
    COMMAND_IMPOSSIBLE,    /* can't be a command, or can't be answered (no field, message ID or data set type): abort */
};

/* Elements out of order, unknown elements of group 0000 (retired ones too) and a wrong group length are tolerated. Whether
 * UIDs and AE titles have legal characters is not looked at. Fills *command as far as it got, and *fault (may be NULL) unless
 * COMMAND_OK. */
enum command_result command_parse(struct slice bytes, struct command *command, struct fault *fault);

/* Every response fits, and every request that has values of legal lengths. */
#define COMMAND_ENCODED_BYTES 1024u
_Static_assert(12 + 2 * (8 + COMMAND_TEXT_BYTES) + 8 + COMMAND_COMMENT_BYTES + 8 + 4 * COMMAND_OFFENDING_MAX + 14 * 10 <=
                   COMMAND_ENCODED_BYTES,
               "a response repeats two UIDs of its request, whatever they are");
/* Writes group length, then the elements in order, padded to even length. The error comment is cut to 64 bytes, its control
 * characters and backslashes become spaces. Returns the length, or 0 when it does not fit. */
size_t command_encode(const struct command *command, uint8_t *buffer, size_t capacity);

/* What every response to `request` has: field, message ID responded to, SOP class and instance (requested ones become affected
 * ones), status, no data set. Slices are those of the request. The request must be a request (invariant). */
struct command command_response(const struct command *request, uint16_t status);

static inline bool command_is_response(const struct command *c) { return (c->field & COMMAND_RESPONSE_BIT) != 0; }
static inline bool command_has_data_set(const struct command *c) { return c->data_set_type != COMMAND_NO_DATA_SET; }

/* "C-STORE-RQ"; "unknown" for what the standard does not name. Static. */
const char *command_field_name(uint16_t field);

#endif
