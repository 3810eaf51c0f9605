/* SPDX-License-Identifier: Apache-2.0 */
/* service_check: what a request gets before its service sees it (PS3.7 9.1, 10.1, Annex C): a pure function from the parsed
 * command and the facts of its presentation context to go on, answer, or abort. Any thread. */
#ifndef LEAT_DIMSE_SERVICE_CHECK_H
#define LEAT_DIMSE_SERVICE_CHECK_H

#include "net/dimse/command.h"

struct service_facts {
    struct slice abstract_syntax;   /* of the accepted context that the command came in */
    uint32_t served, allowed;       /* bits of enum config_operation (base/config.h): what is built in; what this peer may do */
    enum command_result result;     /* of command_parse */
    bool message_id_in_use;
    bool common_extended;           /* related SOP classes were negotiated for it (PS3.7 D.3.3.6): any storage class goes */
};

enum service_action {
    SERVICE_GO,     /* to its service */
    SERVICE_ANSWER, /* a response with what the verdict says; a data set that follows is read and discarded first */
    SERVICE_IGNORE, /* nothing to do: a C-CANCEL (cancel the operation `responded_to`, if it is still under way) */
    SERVICE_ABORT,  /* a response that nobody waits for, or a command that can't be answered */
};

struct service_verdict {
    enum service_action action;
    uint16_t status;            /* for SERVICE_ANSWER, else 0 */
    uint32_t offending_element; /* 0: none */
    const char *comment;        /* static, <= 64 characters, for Error Comment and the log; NULL with SERVICE_GO */
};

/* Rows of the table, the first that fits: 0211 unknown field; 0210 message ID in use; 0212 mistyped argument; 0211 operation
 * not served or not one of its context's; 0122 SOP class not its context's; 0124 not allowed for this peer; C000 a C-STORE
 * without a data set. */
struct service_verdict service_check(const struct command *command, const struct service_facts *facts);

/* The bit of enum config_operation that a request needs; 0: none of them (normalized services). */
uint32_t service_check_operation(uint16_t field);

/* The response that a verdict asks for. Slices are the request's and static text. An unknown field is answered with its
 * response bit set. */
struct command service_check_response(const struct command *request, const struct service_verdict *verdict);

#endif
