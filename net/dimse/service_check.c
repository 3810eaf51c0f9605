/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dimse/service_check.h"

#include "codec/dicom/uid.h"
#include "codec/dicom/uids.h"
#include "engine/base/check.h"
#include "engine/base/config.h"
#include "net/dimse/status.h"

uint32_t service_check_operation(uint16_t field) {
    switch (field) {
    case COMMAND_C_ECHO_RQ: return CONFIG_OPERATION_ECHO;
    case COMMAND_C_STORE_RQ: return CONFIG_OPERATION_STORE;
    case COMMAND_C_FIND_RQ: return CONFIG_OPERATION_QUERY;
    case COMMAND_C_MOVE_RQ:
    case COMMAND_C_GET_RQ: return CONFIG_OPERATION_RETRIEVE;
    default: return 0;
    }
}

/* Whether the standard defines this operation for this abstract syntax. Private ones may be anything but verification. */
static bool operation_fits(uint32_t operation, struct slice abstract_syntax) {
    const struct known_uid *known = uids_find(abstract_syntax);
    bool is_verification = uid_equal(abstract_syntax, slice_text(UIDS_VERIFICATION));
    if (operation == CONFIG_OPERATION_ECHO) return is_verification;
    if (operation == CONFIG_OPERATION_STORE) return !uids_is_known_non_storage(abstract_syntax);
    return !known ? !uids_is_known_non_storage(abstract_syntax) : known->kind == UIDS_QUERY_RETRIEVE;
}

static bool sop_class_fits(const struct command *command, const struct service_facts *facts) {
    if (uid_equal(command->affected_sop_class, facts->abstract_syntax)) return true;
    return facts->common_extended && command->field == COMMAND_C_STORE_RQ &&
           !uids_is_known_non_storage(command->affected_sop_class);
}

static struct service_verdict answer(uint16_t status, uint32_t offending_element, const char *comment) {
    return (struct service_verdict){SERVICE_ANSWER, status, offending_element, comment};
}

/* The rows that need nothing but the command and whether its ID is free. */
static struct service_verdict check_form(const struct command *command, const struct service_facts *facts) {
    if (facts->result == COMMAND_IMPOSSIBLE) return (struct service_verdict){.action = SERVICE_ABORT, .comment = "not a command"};
    if (command_is_response(command))
        return (struct service_verdict){.action = SERVICE_ABORT, .comment = "a response that answers no request of ours"};
    if (facts->result == COMMAND_UNKNOWN_FIELD)
        return answer(STATUS_UNRECOGNIZED_OPERATION, COMMAND_TAG_FIELD, "unknown command field");
    if (command->field == COMMAND_C_CANCEL_RQ)
        return (struct service_verdict){.action = SERVICE_IGNORE, .comment = "a cancel request"};
    if (facts->message_id_in_use) return answer(STATUS_DUPLICATE_INVOCATION, COMMAND_TAG_MESSAGE_ID, "message ID is in use");
    if (facts->result == COMMAND_MISTYPED)
        return answer(STATUS_MISTYPED_ARGUMENT, command->bad_element, "an argument is missing or mistyped");
    return (struct service_verdict){.action = SERVICE_GO};
}

struct service_verdict service_check(const struct command *command, const struct service_facts *facts) {
    struct service_verdict form = check_form(command, facts);
    if (form.action != SERVICE_GO) return form;
    uint32_t operation = service_check_operation(command->field);
    if ((operation & facts->served) == 0)
        return answer(STATUS_UNRECOGNIZED_OPERATION, COMMAND_TAG_FIELD, "operation is not served");
    if (!sop_class_fits(command, facts))
        return answer(STATUS_SOP_CLASS_NOT_SUPPORTED, COMMAND_TAG_AFFECTED_SOP_CLASS,
                      "SOP class is not its presentation context's");
    if (!operation_fits(operation, facts->abstract_syntax))
        return answer(STATUS_UNRECOGNIZED_OPERATION, COMMAND_TAG_FIELD, "operation is not one of its SOP class");
    if ((operation & facts->allowed) == 0) return answer(STATUS_NOT_AUTHORIZED, 0, "operation is not allowed for this peer");
    if (command_has_data_set(command) || operation == CONFIG_OPERATION_ECHO) return form;
    if (operation == CONFIG_OPERATION_STORE)
        return answer(STATUS_CANNOT_UNDERSTAND, COMMAND_TAG_DATA_SET_TYPE, "a C-STORE without a data set");
    return answer(STATUS_DATA_SET_MISMATCH, COMMAND_TAG_DATA_SET_TYPE, "a request without an identifier");
}

struct command service_check_response(const struct command *request, const struct service_verdict *verdict) {
    invariant(verdict->action == SERVICE_ANSWER);
    struct command response = command_response(request, verdict->status);
    if (verdict->offending_element != 0) {
        response.offending[0] = verdict->offending_element;
        response.offending_count = 1;
    }
    response.error_comment = slice_text(verdict->comment);
    return response;
}
