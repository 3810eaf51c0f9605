/* SPDX-License-Identifier: Apache-2.0 */
/* pdu_text: the words of Tables 9-18, 9-21 and 9-26 of PS3.8, for logs. */
#include "engine/base/check.h"
#include "net/ulp/pdu.h"

static const struct {
    uint8_t source, reason;
    const char *permanent, *transient;
} rejects[] = {
#define REJECT(source, reason, words) {source, reason, "rejected permanent, " words, "rejected transient, " words}
    REJECT(1, 1, "by the service user: no reason given"),
    REJECT(1, 2, "by the service user: application context name not supported"),
    REJECT(1, 3, "by the service user: calling AE title not recognized"),
    REJECT(1, 7, "by the service user: called AE title not recognized"),
    REJECT(2, 1, "by the provider (ACSE): no reason given"),
    REJECT(2, 2, "by the provider (ACSE): protocol version not supported"),
    REJECT(3, 1, "by the provider (presentation): temporary congestion"),
    REJECT(3, 2, "by the provider (presentation): local limit exceeded"),
#undef REJECT
};

const char *pdu_reject_text(struct reject reject) {
    for (size_t i = 0; i < array_count(rejects); i++)
        if (rejects[i].source == reject.source && rejects[i].reason == reject.reason)
            return reject.result == REJECTED_TRANSIENT ? rejects[i].transient : rejects[i].permanent;
    return "rejected, with a reason that the standard does not have";
}

const char *pdu_abort_text(uint8_t source, uint8_t reason) {
    static const char *const reasons[] = {
        [ABORT_NOT_SPECIFIED] = "aborted by the provider: reason not specified",
        [ABORT_UNRECOGNIZED_PDU] = "aborted by the provider: unrecognized PDU",
        [ABORT_UNEXPECTED_PDU] = "aborted by the provider: unexpected PDU",
        [ABORT_UNRECOGNIZED_PARAMETER] = "aborted by the provider: unrecognized PDU parameter",
        [ABORT_UNEXPECTED_PARAMETER] = "aborted by the provider: unexpected PDU parameter",
        [ABORT_INVALID_PARAMETER] = "aborted by the provider: invalid PDU parameter value",
    };
    if (source == ABORT_BY_USER) return "aborted by the service user";
    if (source == ABORT_BY_PROVIDER && reason < array_count(reasons) && reasons[reason]) return reasons[reason];
    return "aborted, with a source or reason that the standard does not have";
}

const char *pdu_context_result_text(uint8_t result) {
    static const char *const results[] = {
        [CONTEXT_ACCEPTANCE] = "accepted",
        [CONTEXT_USER_REJECTION] = "rejected by the user",
        [CONTEXT_NO_REASON] = "rejected by the provider, no reason",
        [CONTEXT_ABSTRACT_SYNTAX_NOT_SUPPORTED] = "abstract syntax not supported",
        [CONTEXT_TRANSFER_SYNTAXES_NOT_SUPPORTED] = "transfer syntaxes not supported",
    };
    return result < array_count(results) ? results[result] : "rejected, with a result that the standard does not have";
}
