/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason to reject, every result of a context, and each item of the answer's user information. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "engine/base/check.h"
#include "tests/net/ulp/ulp_script.h"

static struct negotiation answer;
static uint8_t storage[512];
static struct associate rq;
static struct negotiate_policy policy;

static enum context_result storage_only(void *context, const struct associate *request, struct slice abstract_syntax) {
    if (slice_equal(abstract_syntax, slice_text(VERIFICATION))) return CONTEXT_USER_REJECTION;
    if (slice_equal(abstract_syntax, slice_text(MR_IMAGE_STORAGE))) return CONTEXT_ABSTRACT_SYNTAX_NOT_SUPPORTED;
    return CONTEXT_ACCEPTANCE;
}

/* Implicit LE or nothing. */
static struct slice implicit_only(void *context, const struct associate *request, const struct presentation_context *proposed) {
    struct reader r = reader_over(proposed->transfer_syntaxes);
    struct slice uid;
    while (pdu_next_transfer_syntax(&r, &uid))
        if (slice_equal(uid, slice_text(IMPLICIT_LE))) return uid;
    return slice_of(NULL, 0);
}

static int set_up(void **unused) {
    rq = script_request(storage);
    negotiate_policy_init(&policy);
    policy.abstract_syntax = storage_only;
    return 0;
}

static void assert_reject(uint8_t result, uint8_t source, uint8_t reason) {
    negotiate_answer(&rq, &policy, &answer);
    assert_false(answer.accepted);
    assert_int_equal(answer.reject.result, result);
    assert_int_equal(answer.reject.source, source);
    assert_int_equal(answer.reject.reason, reason);
}
static void assert_accept(void) {
    negotiate_answer(&rq, &policy, &answer);
    assert_true(answer.accepted);
}

static bool no_title(void *context, struct slice title) { return false; }
static bool title_is(void *context, struct slice title) { return slice_equal(title, slice_text(context)); }
static enum admission congestion(void *context, const struct associate *request) { return ADMIT_NOT_CONGESTION; }
static enum admission limit(void *context, const struct associate *request) { return ADMIT_NOT_LOCAL_LIMIT; }

static void reasons_to_reject(void **unused) {
    rq.protocol_version = 0xfffe;
    assert_reject(1, 2, 2);
    rq.protocol_version = 3;
    assert_accept();
    rq.application_context = slice_text("1.2.840.10008.3.1.1.2");
    assert_reject(1, 1, 2);
    rq.application_context = slice_text("");
    assert_reject(1, 1, 2);
    rq.application_context = slice_text(APPLICATION_CONTEXT_NAME);
    policy.called_ae = no_title;
    policy.calling_ae = no_title;
    assert_reject(1, 1, 7);
    policy.called_ae = title_is;
    policy.context = "LEAT";
    assert_reject(1, 1, 3);
    policy.calling_ae = NULL;
    assert_accept();
    policy.admit = congestion;
    assert_reject(2, 3, 1);
    policy.admit = limit;
    assert_reject(2, 3, 2);
    policy.admit = NULL;
    for (uint32_t length = 1; length < 8; length++) {
        rq.user.maximum_length = length;
        assert_reject(1, 1, 1);
    }
    rq.user.maximum_length = 8;
    assert_accept();
    rq.user.maximum_length = 0;
    assert_accept();
    rq.user.has_maximum_length = false;
    assert_accept();
}

static void results_of_contexts(void **unused) {
    rq.contexts[3] = (struct presentation_context){.id = 7, .abstract_syntax = slice_text(MR_IMAGE_STORAGE)};
    rq.contexts[4] = (struct presentation_context){.id = 9, .abstract_syntax = slice_text(CT_IMAGE_STORAGE)}; /* none offered */
    rq.contexts[5] = rq.contexts[1]; /* one abstract syntax, several contexts */
    rq.contexts[5].id = 255;
    char long_uid[70];
    memset(long_uid, '1', sizeof long_uid);
    rq.contexts[6] = (struct presentation_context){
        .id = 11, .abstract_syntax = slice_of(long_uid, 65), .transfer_syntaxes = rq.contexts[1].transfer_syntaxes};
    rq.contexts[7] = (struct presentation_context){
        .id = 13, .abstract_syntax = slice_of(long_uid, 64), .transfer_syntaxes = rq.contexts[1].transfer_syntaxes};
    rq.context_count = 8;
    policy.transfer_syntax = implicit_only;
    assert_accept();
    static const uint8_t expected[] = {1, 0, 4, 3, 4, 0, 3, 0};
    assert_int_equal(answer.accept.context_count, 8);
    for (size_t i = 0; i < array_count(expected); i++) {
        assert_int_equal(answer.accept.contexts[i].id, rq.contexts[i].id);
        if (answer.accept.contexts[i].result != expected[i]) fail_msg("context %zu: %u", i, answer.accept.contexts[i].result);
    }
    assert_int_equal(answer.accepted_count, 3);
    struct reader r = reader_over(answer.accept.contexts[1].transfer_syntaxes);
    struct slice uid;
    assert_true(pdu_next_transfer_syntax(&r, &uid));
    assert_true(slice_equal(uid, slice_text(IMPLICIT_LE)));
    assert_false(pdu_next_transfer_syntax(&r, &uid));
    policy.abstract_syntax = NULL; /* nothing is served: still no reason to reject */
    assert_accept();
    assert_int_equal(answer.accepted_count, 0);
    rq.context_count = 0;
    assert_accept();
}

static struct slice something_else(void *context, const struct associate *request, const struct presentation_context *proposed) {
    return slice_text(JPEG_LOSSLESS);
}

/* A choice that was not offered is never answered. */
static void a_choice_must_have_been_offered(void **unused) {
    policy.transfer_syntax = something_else;
    assert_accept();
    assert_int_equal(answer.accept.contexts[1].result, CONTEXT_TRANSFER_SYNTAXES_NOT_SUPPORTED);
    assert_int_equal(answer.accept.contexts[2].result, CONTEXT_ACCEPTANCE);
}

static void windows(void **unused) {
    static const uint16_t cases[][3] = {
        /* asked, limit, granted */
        {0, 16, 16}, {1, 16, 1}, {16, 16, 16}, {17, 16, 16}, {65535, 16, 16}, {0, 0, 0}, {40, 0, 40}, {4, 1, 1},
    };
    assert_accept();
    assert_false(answer.accept.user.has_window);
    rq.user.has_window = true;
    for (size_t i = 0; i < array_count(cases); i++) {
        rq.user.window_invoked = rq.user.window_performed = cases[i][0];
        policy.window_invoked = cases[i][1];
        assert_accept();
        assert_true(answer.accept.user.has_window);
        assert_int_equal(answer.accept.user.window_invoked, cases[i][2]);
        assert_int_equal(answer.accept.user.window_performed, 1);
    }
}

static void any_role(void *context, const struct role_selection *proposed, bool *scu, bool *scp) { *scu = *scp = true; }

static size_t echo_extended(void *context, const struct extended_negotiation *proposed, uint8_t *bytes, size_t capacity) {
    if (proposed->information.length > capacity) return 0;
    memcpy(bytes, proposed->information.bytes, proposed->information.length);
    return proposed->information.length;
}

static void roles_and_extended(void **unused) {
    uint8_t items[1024];
    struct writer w = writer_over(items, sizeof items);
    user_information_put_role(&w, &(struct role_selection){slice_text(CT_IMAGE_STORAGE), false, true});
    user_information_put_role(&w, &(struct role_selection){slice_text(MR_IMAGE_STORAGE), true, true}); /* not accepted */
    user_information_put_extended(&w, &(struct extended_negotiation){slice_text(CT_IMAGE_STORAGE), slice_text("\1\2")});
    rq.user.items = slice_of(items, writer_length(&w));
    assert_accept(); /* default: SCU only, no extended */
    struct reader r = reader_over(answer.accept.user.items);
    struct role_selection role;
    struct extended_negotiation extended;
    assert_true(user_information_next_role(&r, &role));
    assert_true(!role.scu && !role.scp);
    assert_false(user_information_next_role(&r, &role));
    r = reader_over(answer.accept.user.items);
    assert_false(user_information_next_extended(&r, &extended));
    policy.role = any_role;
    policy.extended = echo_extended;
    user_information_put_role(&w, &(struct role_selection){slice_text(CT_IMAGE_STORAGE), true, false});
    rq.user.items = slice_of(items, writer_length(&w));
    assert_accept();
    r = reader_over(answer.accept.user.items);
    assert_true(user_information_next_role(&r, &role));
    assert_true(!role.scu && role.scp); /* never more than proposed */
    assert_true(user_information_next_role(&r, &role));
    assert_true(role.scu && !role.scp);
    assert_false(user_information_next_role(&r, &role));
    r = reader_over(answer.accept.user.items);
    assert_true(user_information_next_extended(&r, &extended));
    assert_true(slice_equal(extended.information, slice_text("\1\2")));
}

/* More roles than there is room for: whole items, and the rest has its default. */
static void roles_overflow(void **unused) {
    static uint8_t items[65000];
    struct writer w = writer_over(items, sizeof items);
    while (!w.failed) user_information_put_role(&w, &(struct role_selection){slice_text(CT_IMAGE_STORAGE), true, false});
    size_t one = 4 + 2 + strlen(CT_IMAGE_STORAGE) + 2;
    rq.user.items = slice_of(items, (sizeof items / one - 1) * one);
    assert_accept();
    struct user_information user;
    assert_true(answer.accept.user.items.length > NEGOTIATE_ITEMS_BYTES - 100);
    assert_true(user_information_decode(&user, answer.accept.user.items, 0, NULL));
}

static enum identity_verdict check_password(void *context, const struct user_identity *identity, uint8_t *response,
                                            size_t capacity, size_t *response_length) {
    memcpy(response, "ticket", 6);
    *response_length = 6;
    return slice_equal(identity->secondary, slice_text("secret")) ? IDENTITY_ACCEPTED : IDENTITY_REFUSED;
}

static void identities(void **unused) {
    rq.user.identity = (struct user_identity){2, true, slice_text("user"), slice_text("secret")};
    assert_accept();
    assert_false(answer.accept.user.has_identity_response); /* no authenticator: never a positive response */
    policy.identity = check_password;
    assert_accept();
    assert_true(answer.accept.user.has_identity_response);
    assert_true(slice_equal(answer.accept.user.identity_response, slice_text("ticket")));
    rq.user.identity.response_requested = false;
    assert_accept();
    assert_false(answer.accept.user.has_identity_response);
    rq.user.identity.secondary = slice_text("guess");
    assert_reject(1, 1, 1);
    rq.user.identity = (struct user_identity){0};
    assert_accept();
}

static void we_say_who_we_are(void **unused) {
    assert_accept();
    assert_true(slice_equal(answer.accept.user.implementation_class_uid, slice_text(IDENTITY_CLASS_UID)));
    assert_true(slice_equal(answer.accept.user.implementation_version_name, slice_text("LEAT_0_1")));
    assert_int_equal(answer.accept.user.maximum_length, 262144);
    assert_true(sizeof IDENTITY_CLASS_UID - 1 <= UID_BYTES_MAX);
    policy.maximum_length = 0;
    assert_accept();
    assert_true(answer.accept.user.has_maximum_length && answer.accept.user.maximum_length == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reasons_to_reject, set_up), cmocka_unit_test_setup(results_of_contexts, set_up),
        cmocka_unit_test_setup(a_choice_must_have_been_offered, set_up),
        cmocka_unit_test_setup(windows, set_up), cmocka_unit_test_setup(roles_and_extended, set_up),
        cmocka_unit_test_setup(roles_overflow, set_up),
        cmocka_unit_test_setup(identities, set_up), cmocka_unit_test_setup(we_say_who_we_are, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
