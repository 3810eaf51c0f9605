/* SPDX-License-Identifier: Apache-2.0 */
/* status: the Status (0000,0900) of responses as a table (PS3.7 Annex C, PS3.4 for what each service adds). Constant; any
 * thread. */
#ifndef LEAT_DIMSE_STATUS_H
#define LEAT_DIMSE_STATUS_H

#include <stddef.h>
#include <stdint.h>

enum status_code {
    STATUS_SUCCESS = 0x0000,
    STATUS_CANCEL = 0xFE00,
    STATUS_PENDING = 0xFF00,
    STATUS_PENDING_KEYS_UNSUPPORTED = 0xFF01,

    /* PS3.7 Annex C, any service */
    STATUS_NO_SUCH_ATTRIBUTE = 0x0105,
    STATUS_INVALID_ATTRIBUTE_VALUE = 0x0106,
    STATUS_ATTRIBUTE_LIST_ERROR = 0x0107,
    STATUS_PROCESSING_FAILURE = 0x0110,
    STATUS_DUPLICATE_SOP_INSTANCE = 0x0111,
    STATUS_NO_SUCH_SOP_INSTANCE = 0x0112,
    STATUS_NO_SUCH_EVENT_TYPE = 0x0113,
    STATUS_NO_SUCH_ARGUMENT = 0x0114,
    STATUS_INVALID_ARGUMENT_VALUE = 0x0115,
    STATUS_ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116,
    STATUS_INVALID_SOP_INSTANCE = 0x0117,
    STATUS_NO_SUCH_SOP_CLASS = 0x0118,
    STATUS_CLASS_INSTANCE_CONFLICT = 0x0119,
    STATUS_MISSING_ATTRIBUTE = 0x0120,
    STATUS_MISSING_ATTRIBUTE_VALUE = 0x0121,
    STATUS_SOP_CLASS_NOT_SUPPORTED = 0x0122,
    STATUS_NO_SUCH_ACTION_TYPE = 0x0123,
    STATUS_NOT_AUTHORIZED = 0x0124,
    STATUS_DUPLICATE_INVOCATION = 0x0210,
    STATUS_UNRECOGNIZED_OPERATION = 0x0211,
    STATUS_MISTYPED_ARGUMENT = 0x0212,
    STATUS_RESOURCE_LIMITATION = 0x0213,

    /* PS3.4: storage (B.2.3), query and retrieve (C.4) */
    STATUS_OUT_OF_RESOURCES = 0xA700,
    STATUS_OUT_OF_RESOURCES_MATCHES = 0xA701,
    STATUS_OUT_OF_RESOURCES_SUBOPERATIONS = 0xA702,
    STATUS_MOVE_DESTINATION_UNKNOWN = 0xA801,
    STATUS_DATA_SET_MISMATCH = 0xA900, /* data set does not match SOP class; identifier does not match SOP class */
    STATUS_COERCION = 0xB000,          /* store: coercion of data elements; retrieve: some sub-operations failed */
    STATUS_ELEMENTS_DISCARDED = 0xB006,
    STATUS_DATA_SET_MISMATCH_WARNING = 0xB007,
    STATUS_CANNOT_UNDERSTAND = 0xC000, /* store: cannot understand; find, move, get: unable to process */
};

enum status_class { STATUS_CLASS_SUCCESS, STATUS_CLASS_WARNING, STATUS_CLASS_FAILURE, STATUS_CLASS_CANCEL, STATUS_CLASS_PENDING };

enum status_service {
    STATUS_SERVICE_ANY,
    STATUS_SERVICE_STORE,
    STATUS_SERVICE_FIND,
    STATUS_SERVICE_MOVE,
    STATUS_SERVICE_GET,
    STATUS_SERVICE_NORMALIZED
};

struct status_row {
    uint16_t code, mask; /* a status s is this row when (s & mask) == code: C000 with mask F000 is Cxxx */
    enum status_class class;
    enum status_service service;
    const char *name;    /* as the standard words it */
};

/* The rows, ordered so that the first that fits is the most exact one. */
const struct status_row *status_table(size_t *count);

/* The row of a status in a service: that service's own, else the general one. NULL: the standard does not know it. */
const struct status_row *status_find(uint16_t status, enum status_service service);

/* Never without an answer: an unknown status is classed by PS3.7 Annex C's ranges, and as a failure where those say nothing. */
enum status_class status_classify(uint16_t status);
const char *status_class_name(enum status_class class); /* "success", "warning", ... */
/* "unknown status" for those. Static. */
const char *status_name(uint16_t status, enum status_service service);

#endif
