/* SPDX-License-Identifier: Apache-2.0 */
/* test_service_check: each row of what a wrong request gets, and which row goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/check.h"
#include "engine/base/config.h"
#include "net/dimse/service_check.h"
#include "net/dimse/status.h"

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define MR "1.2.840.10008.5.1.4.1.1.4"
#define VERIFICATION "1.2.840.10008.1.1"
#define FIND "1.2.840.10008.5.1.4.1.2.2.1"
#define PRIVATE "1.3.12.2.1107.5.9.1"
#define ALL (CONFIG_OPERATION_ECHO | CONFIG_OPERATION_STORE | CONFIG_OPERATION_QUERY | CONFIG_OPERATION_RETRIEVE)
#define BUILT (CONFIG_OPERATION_ECHO | CONFIG_OPERATION_STORE)

struct row {
    const char *name;
    uint16_t field;
    const char *sop_class, *abstract_syntax;
    bool data_set, in_use;
    enum command_result result;
    uint32_t bad_element, served, allowed;
    enum service_action action;
    uint16_t status;
    uint32_t offending;
};

static const struct row rows[] = {
    {"store", COMMAND_C_STORE_RQ, CT, CT, true, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_GO, 0, 0},
    {"echo", COMMAND_C_ECHO_RQ, VERIFICATION, VERIFICATION, false, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_GO, 0, 0},
    {"echo with a data set", COMMAND_C_ECHO_RQ, VERIFICATION, VERIFICATION, true, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_GO, 0,
     0},
    {"private store", COMMAND_C_STORE_RQ, PRIVATE, PRIVATE, true, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_GO, 0, 0},
    {"find, served", COMMAND_C_FIND_RQ, FIND, FIND, true, false, COMMAND_OK, 0, ALL, ALL, SERVICE_GO, 0, 0},
    {"cancel", COMMAND_C_CANCEL_RQ, "", FIND, false, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_IGNORE, 0, 0},
    {"cancel of what is in use", COMMAND_C_CANCEL_RQ, "", FIND, false, true, COMMAND_OK, 0, BUILT, ALL, SERVICE_IGNORE, 0, 0},
    {"message ID in use", COMMAND_C_STORE_RQ, CT, CT, true, true, COMMAND_OK, 0, BUILT, ALL, SERVICE_ANSWER, 0x0210, 0x00000110},
    {"unknown field", 0x0666, CT, CT, true, false, COMMAND_UNKNOWN_FIELD, 0, BUILT, ALL, SERVICE_ANSWER, 0x0211, 0x00000100},
    {"not served", COMMAND_C_FIND_RQ, FIND, FIND, true, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_ANSWER, 0x0211, 0x00000100},
    {"normalized", COMMAND_N_GET_RQ, "", CT, false, false, COMMAND_OK, 0, ALL, ALL, SERVICE_ANSWER, 0x0211, 0x00000100},
    {"store in verification", COMMAND_C_STORE_RQ, VERIFICATION, VERIFICATION, true, false, COMMAND_OK, 0, BUILT, ALL,
     SERVICE_ANSWER, 0x0211, 0x00000100},
    {"echo in CT", COMMAND_C_ECHO_RQ, CT, CT, false, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_ANSWER, 0x0211, 0x00000100},
    {"find in CT", COMMAND_C_FIND_RQ, CT, CT, true, false, COMMAND_OK, 0, ALL, ALL, SERVICE_ANSWER, 0x0211, 0x00000100},
    {"mistyped", COMMAND_C_STORE_RQ, CT, CT, true, false, COMMAND_MISTYPED, 0x1000, BUILT, ALL, SERVICE_ANSWER, 0x0212,
     0x00001000},
    {"mistyped and in use", COMMAND_C_STORE_RQ, CT, CT, true, true, COMMAND_MISTYPED, 0x1000, BUILT, ALL, SERVICE_ANSWER, 0x0210,
     0x00000110},
    {"another SOP class", COMMAND_C_STORE_RQ, MR, CT, true, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_ANSWER, 0x0122, 0x00000002},
    {"another SOP class, echo", COMMAND_C_ECHO_RQ, CT, VERIFICATION, false, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_ANSWER,
     0x0122, 0x00000002},
    {"not allowed", COMMAND_C_STORE_RQ, CT, CT, true, false, COMMAND_OK, 0, BUILT, CONFIG_OPERATION_ECHO, SERVICE_ANSWER, 0x0124,
     0},
    {"echo not allowed", COMMAND_C_ECHO_RQ, VERIFICATION, VERIFICATION, false, false, COMMAND_OK, 0, BUILT,
     CONFIG_OPERATION_STORE, SERVICE_ANSWER, 0x0124, 0},
    {"store without a data set", COMMAND_C_STORE_RQ, CT, CT, false, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_ANSWER, 0xC000,
     0x00000800},
    {"find without an identifier", COMMAND_C_FIND_RQ, FIND, FIND, false, false, COMMAND_OK, 0, ALL, ALL, SERVICE_ANSWER, 0xA900,
     0x00000800},
    {"response", COMMAND_C_STORE_RSP, CT, CT, false, false, COMMAND_OK, 0, BUILT, ALL, SERVICE_ABORT, 0, 0},
    {"impossible", COMMAND_C_STORE_RQ, CT, CT, true, false, COMMAND_IMPOSSIBLE, 0, BUILT, ALL, SERVICE_ABORT, 0, 0},
};

static void every_row(void **state) {
    for (size_t i = 0; i < array_count(rows); i++) {
        const struct row *r = &rows[i];
        struct command command = {.field = r->field, .message_id = 11, .data_set_type = r->data_set ? 0 : COMMAND_NO_DATA_SET,
                                  .affected_sop_class = slice_text(r->sop_class), .bad_element = r->bad_element};
        struct service_facts facts = {.abstract_syntax = slice_text(r->abstract_syntax),
                                      .served = r->served,
                                      .allowed = r->allowed,
                                      .result = r->result,
                                      .message_id_in_use = r->in_use};
        struct service_verdict verdict = service_check(&command, &facts);
        if (verdict.action != r->action || verdict.status != r->status || verdict.offending_element != r->offending)
            fail_msg("%s: action %d, status %04X, offending %08X", r->name, verdict.action, verdict.status,
                     verdict.offending_element);
        assert_int_equal(verdict.comment == NULL, r->action == SERVICE_GO);
        if (r->action != SERVICE_ANSWER) continue;
        assert_true(strlen(verdict.comment) <= COMMAND_COMMENT_BYTES);
        struct command response = service_check_response(&command, &verdict), back;
        uint8_t out[COMMAND_ENCODED_BYTES];
        size_t n = command_encode(&response, out, sizeof out);
        enum command_result result = command_parse(slice_of(out, n), &back, NULL);
        assert_int_equal(result, r->result == COMMAND_UNKNOWN_FIELD ? COMMAND_UNKNOWN_FIELD : COMMAND_OK);
        assert_int_equal(back.field, r->field | COMMAND_RESPONSE_BIT);
        assert_int_equal(back.status, r->status);
        assert_int_equal(back.responded_to, 11);
        assert_int_equal(back.offending_count, r->offending != 0);
        if (r->offending) assert_int_equal(back.offending[0], r->offending);
        assert_true(slice_equal(back.error_comment, slice_text(verdict.comment)));
    }
}

static void related_sop_classes(void **state) {
    struct command command = {.field = COMMAND_C_STORE_RQ, .data_set_type = 0, .affected_sop_class = slice_text(MR)};
    struct service_facts facts = {.abstract_syntax = slice_text(CT), .served = ALL, .allowed = ALL, .common_extended = true};
    assert_int_equal(service_check(&command, &facts).action, SERVICE_GO);
    command.affected_sop_class = slice_text(FIND);
    assert_int_equal(service_check(&command, &facts).status, STATUS_SOP_CLASS_NOT_SUPPORTED);
}

static void padding_of_sop_classes(void **state) {
    struct command command = {.field = COMMAND_C_STORE_RQ, .data_set_type = 0, .affected_sop_class = slice_text(CT)};
    struct service_facts facts = {.abstract_syntax = slice_of(CT "\0", sizeof CT), .served = ALL, .allowed = ALL};
    assert_int_equal(service_check(&command, &facts).action, SERVICE_GO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row), cmocka_unit_test(related_sop_classes), cmocka_unit_test(padding_of_sop_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
