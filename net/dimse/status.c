/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dimse/status.h"

#include "engine/base/check.h"

#define ROW(code, mask, class, service, name) \
    { code, mask, STATUS_CLASS_##class, STATUS_SERVICE_##service, name }

/* Exact codes first, then ranges: the first row that fits is the answer. */
static const struct status_row rows[] = {
    /* PS3.7 Annex C: any service */
    ROW(0x0000, 0xFFFF, SUCCESS, ANY, "Success"),
    ROW(0xFE00, 0xFFFF, CANCEL, ANY, "Cancel"),
    ROW(0x0105, 0xFFFF, FAILURE, ANY, "No such attribute"),
    ROW(0x0106, 0xFFFF, FAILURE, ANY, "Invalid attribute value"),
    ROW(0x0110, 0xFFFF, FAILURE, ANY, "Processing failure"),
    ROW(0x0111, 0xFFFF, FAILURE, ANY, "Duplicate SOP instance"),
    ROW(0x0112, 0xFFFF, FAILURE, ANY, "No such SOP instance"),
    ROW(0x0113, 0xFFFF, FAILURE, ANY, "No such event type"),
    ROW(0x0114, 0xFFFF, FAILURE, ANY, "No such argument"),
    ROW(0x0115, 0xFFFF, FAILURE, ANY, "Invalid argument value"),
    ROW(0x0117, 0xFFFF, FAILURE, ANY, "Invalid object instance"),
    ROW(0x0118, 0xFFFF, FAILURE, ANY, "No such SOP class"),
    ROW(0x0119, 0xFFFF, FAILURE, ANY, "Class-instance conflict"),
    ROW(0x0120, 0xFFFF, FAILURE, ANY, "Missing attribute"),
    ROW(0x0121, 0xFFFF, FAILURE, ANY, "Missing attribute value"),
    ROW(0x0122, 0xFFFF, FAILURE, ANY, "Refused: SOP class not supported"),
    ROW(0x0123, 0xFFFF, FAILURE, ANY, "No such action"),
    ROW(0x0124, 0xFFFF, FAILURE, ANY, "Refused: not authorized"),
    ROW(0x0210, 0xFFFF, FAILURE, ANY, "Duplicate invocation"),
    ROW(0x0211, 0xFFFF, FAILURE, ANY, "Unrecognized operation"),
    ROW(0x0212, 0xFFFF, FAILURE, ANY, "Mistyped argument"),
    ROW(0x0213, 0xFFFF, FAILURE, ANY, "Resource limitation"),
    ROW(0x0107, 0xFFFF, WARNING, ANY, "Attribute list error"),
    ROW(0x0116, 0xFFFF, WARNING, ANY, "Attribute value out of range"),
    ROW(0x0001, 0xFFFF, WARNING, ANY, "Requested optional attributes are not supported"),
    /* PS3.4 B.2.3: storage */
    ROW(0xB000, 0xFFFF, WARNING, STORE, "Coercion of data elements"),
    ROW(0xB006, 0xFFFF, WARNING, STORE, "Elements discarded"),
    ROW(0xB007, 0xFFFF, WARNING, STORE, "Data set does not match SOP class"),
    ROW(0xA700, 0xFF00, FAILURE, STORE, "Refused: out of resources"),
    ROW(0xA900, 0xFF00, FAILURE, STORE, "Error: data set does not match SOP class"),
    ROW(0xC000, 0xF000, FAILURE, STORE, "Error: cannot understand"),
    /* PS3.4 C.4.1: find */
    ROW(0xFF00, 0xFFFF, PENDING, FIND, "Matches are continuing"),
    ROW(0xFF01, 0xFFFF, PENDING, FIND, "Matches are continuing; optional keys not supported"),
    ROW(0xA700, 0xFFFF, FAILURE, FIND, "Refused: out of resources"),
    ROW(0xA710, 0xFFFF, FAILURE, FIND, "Invalid prior record key"),
    ROW(0xA900, 0xFFFF, FAILURE, FIND, "Identifier does not match SOP class"),
    ROW(0xB001, 0xFFFF, WARNING, FIND, "Matching reached its response limit"),
    ROW(0xC310, 0xFFFF, FAILURE, FIND, "More than one match found"),
    ROW(0xC320, 0xFFFF, FAILURE, FIND, "Unable to support requested template"),
    ROW(0xC000, 0xF000, FAILURE, FIND, "Unable to process"),
    /* PS3.4 C.4.2: move */
    ROW(0xFF00, 0xFFFF, PENDING, MOVE, "Sub-operations are continuing"),
    ROW(0xA701, 0xFFFF, FAILURE, MOVE, "Refused: out of resources, unable to calculate number of matches"),
    ROW(0xA702, 0xFFFF, FAILURE, MOVE, "Refused: out of resources, unable to perform sub-operations"),
    ROW(0xA801, 0xFFFF, FAILURE, MOVE, "Refused: move destination unknown"),
    ROW(0xA900, 0xFFFF, FAILURE, MOVE, "Identifier does not match SOP class"),
    ROW(0xAA00, 0xFFFF, FAILURE, MOVE, "None of the frames requested were found"),
    ROW(0xAA01, 0xFFFF, FAILURE, MOVE, "Unable to create new object for this SOP class"),
    ROW(0xAA02, 0xFFFF, FAILURE, MOVE, "Unable to extract frames"),
    ROW(0xAA03, 0xFFFF, FAILURE, MOVE, "Time-based request for an object without time"),
    ROW(0xAA04, 0xFFFF, FAILURE, MOVE, "Invalid request"),
    ROW(0xB000, 0xFFFF, WARNING, MOVE, "Sub-operations complete, one or more failures or warnings"),
    ROW(0xC000, 0xF000, FAILURE, MOVE, "Unable to process"),
    /* PS3.4 C.4.3: get */
    ROW(0xFF00, 0xFFFF, PENDING, GET, "Sub-operations are continuing"),
    ROW(0xA701, 0xFFFF, FAILURE, GET, "Refused: out of resources, unable to calculate number of matches"),
    ROW(0xA702, 0xFFFF, FAILURE, GET, "Refused: out of resources, unable to perform sub-operations"),
    ROW(0xA900, 0xFFFF, FAILURE, GET, "Identifier does not match SOP class"),
    ROW(0xAA00, 0xFFFF, FAILURE, GET, "None of the frames requested were found"),
    ROW(0xAA01, 0xFFFF, FAILURE, GET, "Unable to create new object for this SOP class"),
    ROW(0xAA02, 0xFFFF, FAILURE, GET, "Unable to extract frames"),
    ROW(0xAA03, 0xFFFF, FAILURE, GET, "Time-based request for an object without time"),
    ROW(0xAA04, 0xFFFF, FAILURE, GET, "Invalid request"),
    ROW(0xB000, 0xFFFF, WARNING, GET, "Sub-operations complete, one or more failures or warnings"),
    ROW(0xC000, 0xF000, FAILURE, GET, "Unable to process"),
    /* PS3.4 H.4 (print), F.7 (MPPS), CC.2 (UPS): what their services add */
    ROW(0xB600, 0xFFFF, WARNING, NORMALIZED, "Memory allocation not supported"),
    ROW(0xB601, 0xFFFF, WARNING, NORMALIZED, "Film session printing is not supported"),
    ROW(0xB602, 0xFFFF, WARNING, NORMALIZED, "Film session does not contain image boxes"),
    ROW(0xB603, 0xFFFF, WARNING, NORMALIZED, "Film box does not contain image boxes"),
    ROW(0xB604, 0xFFFF, WARNING, NORMALIZED, "Image has been demagnified"),
    ROW(0xB605, 0xFFFF, WARNING, NORMALIZED, "Requested density outside of printer's range"),
    ROW(0xB609, 0xFFFF, WARNING, NORMALIZED, "Image has been cropped"),
    ROW(0xB60A, 0xFFFF, WARNING, NORMALIZED, "Image has been decimated"),
    ROW(0xB300, 0xFFFF, WARNING, NORMALIZED, "UPS created with modifications"),
    ROW(0xB304, 0xFFFF, WARNING, NORMALIZED, "UPS already canceled"),
    ROW(0xB305, 0xFFFF, WARNING, NORMALIZED, "UPS coerced invalid values"),
    ROW(0xB306, 0xFFFF, WARNING, NORMALIZED, "UPS already completed"),
    ROW(0xC000, 0xF000, FAILURE, NORMALIZED, "Refused by the service"),
};

const struct status_row *status_table(size_t *count) {
    *count = array_count(rows);
    return rows;
}

const struct status_row *status_find(uint16_t status, enum status_service service) {
    const struct status_row *general = NULL;
    for (size_t i = 0; i < array_count(rows); i++) {
        if ((status & rows[i].mask) != rows[i].code) continue;
        if (rows[i].service == service) return &rows[i];
        if (rows[i].service == STATUS_SERVICE_ANY && !general) general = &rows[i];
    }
    return general;
}

/* PS3.7 C.1: which class a status has says its number, whatever the service. */
enum status_class status_classify(uint16_t status) {
    const struct status_row *row = status_find(status, STATUS_SERVICE_ANY);
    if (row) return row->class;
    if (status == 0xFF00 || status == 0xFF01) return STATUS_CLASS_PENDING;
    return status >> 12 == 0xB ? STATUS_CLASS_WARNING : STATUS_CLASS_FAILURE;
}

const char *status_class_name(enum status_class class) {
    static const char *const names[] = {
        [STATUS_CLASS_SUCCESS] = "success", [STATUS_CLASS_WARNING] = "warning", [STATUS_CLASS_FAILURE] = "failure",
        [STATUS_CLASS_CANCEL] = "cancel",   [STATUS_CLASS_PENDING] = "pending",
    };
    invariant(class < array_count(names));
    return names[class];
}

const char *status_name(uint16_t status, enum status_service service) {
    const struct status_row *row = status_find(status, service);
    return row ? row->name : "unknown status";
}
