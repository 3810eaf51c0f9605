/* SPDX-License-Identifier: Apache-2.0 */
/* PDUs there and back, what DCMTK wrote, and what can't be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/net/ulp/golden_pdus.h"
#include "tests/net/ulp/ulp_script.h"

static void assert_text(struct slice s, const char *text) {
    if (!slice_equal(s, slice_text(text))) fail_msg("'%.*s' is not '%s'", SLICE_ARGS(s), text);
}

static struct slice field_of(const uint8_t *pdu, size_t n) {
    assert_int_equal(load_be32(pdu + 2), n - PDU_HEADER_BYTES);
    return slice_of(pdu + PDU_HEADER_BYTES, n - PDU_HEADER_BYTES);
}

static void decode(struct associate *out, bool is_accept, const uint8_t *pdu, size_t n) {
    struct fault fault;
    if (!pdu_decode_associate(out, is_accept, field_of(pdu, n), PDU_HEADER_BYTES, &fault)) fail_msg("%s", fault.text);
}

/* ---- DCMTK ---- */
static void storescu_request_is_understood(void **unused) {
    struct associate rq;
    decode(&rq, false, golden_storescu_rq, sizeof golden_storescu_rq);
    assert_int_equal(rq.protocol_version, 1);
    assert_text(rq.called_ae, "LEAT");
    assert_text(rq.calling_ae, "TESTSCU");
    assert_text(rq.application_context, APPLICATION_CONTEXT_NAME);
    assert_int_equal(rq.context_count, 2);
    assert_int_equal(rq.contexts[0].id, 1);
    assert_int_equal(rq.contexts[1].id, 3);
    assert_text(rq.contexts[1].abstract_syntax, CT_IMAGE_STORAGE);
    struct reader r = reader_over(rq.contexts[1].transfer_syntaxes);
    struct slice uid;
    assert_true(pdu_next_transfer_syntax(&r, &uid));
    assert_text(uid, "1.2.840.10008.1.2.2");
    assert_true(pdu_next_transfer_syntax(&r, &uid));
    assert_text(uid, IMPLICIT_LE);
    assert_false(pdu_next_transfer_syntax(&r, &uid));
    assert_true(rq.user.has_maximum_length);
    assert_int_equal(rq.user.maximum_length, 32768);
    assert_text(rq.user.implementation_class_uid, "1.2.276.0.7230010.3.0.3.6.7");
    assert_text(rq.user.implementation_version_name, "OFFIS_DCMTK_367");
    assert_false(rq.user.has_window);
}

static void user_identity_is_understood(void **unused) {
    struct associate rq;
    decode(&rq, false, golden_identity_rq, sizeof golden_identity_rq);
    assert_int_equal(rq.user.identity.type, 2);
    assert_true(rq.user.identity.response_requested);
    assert_text(rq.user.identity.primary, "user");
    assert_text(rq.user.identity.secondary, "secret");
}

static void storescp_answer_is_understood(void **unused) {
    struct associate ac;
    decode(&ac, true, golden_storescp_ac, sizeof golden_storescp_ac);
    assert_int_equal(ac.context_count, 2);
    assert_int_equal(ac.contexts[0].result, CONTEXT_ACCEPTANCE);
    struct reader r = reader_over(ac.contexts[0].transfer_syntaxes);
    struct slice uid;
    assert_true(pdu_next_transfer_syntax(&r, &uid));
    assert_text(uid, EXPLICIT_LE);
    assert_int_equal(ac.user.maximum_length, 16384);
}

/* Byte for byte, but for the reserved byte of a proposed context, in which DCMTK writes FFH. */
static void reencoding_gives_the_same_bytes(void **unused) {
    const struct {
        const uint8_t *bytes;
        size_t length;
        bool is_accept;
    } golden[] = {
        {golden_storescu_rq, sizeof golden_storescu_rq, false},
        {golden_echoscu_rq, sizeof golden_echoscu_rq, false},
        {golden_identity_rq, sizeof golden_identity_rq, false},
        {golden_storescp_ac, sizeof golden_storescp_ac, true},
    };
    for (size_t i = 0; i < array_count(golden); i++) {
        struct associate associate;
        struct stream again = {0};
        decode(&associate, golden[i].is_accept, golden[i].bytes, golden[i].length);
        stream_put_associate(&again, &associate);
        assert_int_equal(again.length, golden[i].length);
        for (size_t at = 0; at < again.length; at++)
            if (again.bytes[at] != golden[i].bytes[at] && !(again.bytes[at] == 0 && golden[i].bytes[at] == 0xff))
                fail_msg("byte %zu of golden PDU %zu", at, i);
        stream_release(&again);
    }
}

/* ---- there and back ---- */
static struct slice random_slice(struct chance *chance, uint8_t *buffer, size_t most) {
    size_t n = chance_below(chance, (uint32_t)most + 1);
    for (size_t i = 0; i < n; i++) buffer[i] = (uint8_t)('0' + chance_below(chance, 10));
    return slice_of(buffer, n);
}

static void put_random_items(struct chance *chance, struct writer *items) {
    uint8_t text[4][64];
    for (uint32_t n = chance_below(chance, 5); n > 0; n--) {
        struct role_selection role = {random_slice(chance, text[0], 64), chance_below(chance, 2), chance_below(chance, 2)};
        user_information_put_role(items, &role);
    }
    for (uint32_t n = chance_below(chance, 3); n > 0; n--) {
        struct extended_negotiation extended = {random_slice(chance, text[0], 64), random_slice(chance, text[1], 64)};
        user_information_put_extended(items, &extended);
    }
    for (uint32_t n = chance_below(chance, 3); n > 0; n--) {
        uint8_t list[200];
        struct writer related = writer_over(list, sizeof list);
        for (uint32_t k = chance_below(chance, 3); k > 0; k--)
            user_information_put_related(&related, random_slice(chance, text[0], 60));
        struct common_extended_negotiation common = {random_slice(chance, text[1], 64), random_slice(chance, text[2], 64),
                                                     slice_of(list, writer_length(&related))};
        user_information_put_common_extended(items, &common);
    }
}

static void assert_same_slice(struct slice a, struct slice b) { assert_true(slice_equal(a, b)); }

static void assert_same(const struct associate *a, const struct associate *b) {
    assert_same_slice(a->called_ae, b->called_ae);
    assert_same_slice(a->calling_ae, b->calling_ae);
    assert_same_slice(a->application_context, b->application_context);
    assert_int_equal(a->protocol_version, b->protocol_version);
    assert_int_equal(a->context_count, b->context_count);
    assert_int_equal(a->user.has_maximum_length, b->user.has_maximum_length);
    assert_int_equal(a->user.maximum_length, b->user.maximum_length);
    assert_int_equal(a->user.has_window, b->user.has_window);
    assert_int_equal(a->user.window_invoked, b->user.window_invoked);
    assert_int_equal(a->user.window_performed, b->user.window_performed);
    assert_int_equal(a->user.identity.type, b->user.identity.type);
    assert_int_equal(a->user.identity.response_requested, b->user.identity.response_requested);
    assert_same_slice(a->user.identity.primary, b->user.identity.primary);
    assert_same_slice(a->user.identity.secondary, b->user.identity.secondary);
    assert_int_equal(a->user.has_identity_response, b->user.has_identity_response);
    assert_same_slice(a->user.identity_response, b->user.identity_response);
    for (size_t i = 0; i < a->context_count; i++) {
        assert_int_equal(a->contexts[i].id, b->contexts[i].id);
        assert_int_equal(a->contexts[i].result, b->contexts[i].result);
        if (!a->is_accept) assert_same_slice(a->contexts[i].abstract_syntax, b->contexts[i].abstract_syntax);
        struct reader ra = reader_over(a->contexts[i].transfer_syntaxes), rb = reader_over(b->contexts[i].transfer_syntaxes);
        struct slice ua, ub;
        while (pdu_next_transfer_syntax(&ra, &ua)) {
            assert_true(pdu_next_transfer_syntax(&rb, &ub));
            assert_same_slice(ua, ub);
        }
        assert_false(pdu_next_transfer_syntax(&rb, &ub));
    }
    struct reader ra = reader_over(a->user.items), rb = reader_over(b->user.items);
    struct role_selection role_a, role_b;
    while (user_information_next_role(&ra, &role_a)) {
        assert_true(user_information_next_role(&rb, &role_b));
        assert_same_slice(role_a.sop_class, role_b.sop_class);
        assert_int_equal(role_a.scu, role_b.scu);
        assert_int_equal(role_a.scp, role_b.scp);
    }
    assert_false(user_information_next_role(&rb, &role_b));
    ra = reader_over(a->user.items), rb = reader_over(b->user.items);
    struct common_extended_negotiation common_a, common_b;
    while (user_information_next_common_extended(&ra, &common_a)) {
        assert_true(user_information_next_common_extended(&rb, &common_b));
        assert_same_slice(common_a.sop_class, common_b.sop_class);
        assert_same_slice(common_a.service_class, common_b.service_class);
        assert_same_slice(common_a.related, common_b.related);
    }
    ra = reader_over(a->user.items), rb = reader_over(b->user.items);
    struct extended_negotiation extended_a, extended_b;
    while (user_information_next_extended(&ra, &extended_a)) {
        assert_true(user_information_next_extended(&rb, &extended_b));
        assert_same_slice(extended_a.sop_class, extended_b.sop_class);
        assert_same_slice(extended_a.information, extended_b.information);
    }
}

static void round_trip(struct chance *chance, bool is_accept) {
    static uint8_t items[8192], uids[PDU_CONTEXTS_MAX][64], syntax_items[PDU_CONTEXTS_MAX][256], text[6][64];
    struct associate first = {.is_accept = is_accept, .protocol_version = (uint16_t)chance_next(chance)}, second;
    first.called_ae = random_slice(chance, text[0], 16);
    first.calling_ae = random_slice(chance, text[1], 16);
    first.application_context = random_slice(chance, text[2], 64);
    first.context_count = (uint16_t)chance_below(chance, PDU_CONTEXTS_MAX + 1);
    for (uint32_t i = 0; i < first.context_count; i++) {
        struct presentation_context *context = &first.contexts[i];
        context->id = (uint8_t)(2 * i + 1);
        context->abstract_syntax = random_slice(chance, uids[i], 64);
        struct writer w = writer_over(syntax_items[i], sizeof syntax_items[i]);
        for (uint32_t n = is_accept ? 1 : chance_below(chance, 4); n > 0; n--) {
            uint8_t uid[64];
            pdu_put_transfer_syntax(&w, random_slice(chance, uid, 60));
        }
        context->transfer_syntaxes = slice_of(syntax_items[i], writer_length(&w));
    }
    struct user_information *user = &first.user;
    user->has_maximum_length = chance_below(chance, 2);
    if (user->has_maximum_length) user->maximum_length = (uint32_t)chance_next(chance);
    user->has_window = chance_below(chance, 2);
    if (user->has_window) user->window_invoked = (uint16_t)chance_next(chance);
    if (user->has_window) user->window_performed = (uint16_t)chance_next(chance);
    user->implementation_class_uid = random_slice(chance, text[3], 64);
    if (!is_accept) {
        user->identity.type = (uint8_t)chance_below(chance, 6);
        if (user->identity.type) {
            user->identity.response_requested = chance_below(chance, 2);
            user->identity.primary = random_slice(chance, text[4], 64);
            user->identity.secondary = random_slice(chance, text[5], 64);
        }
    } else if (chance_below(chance, 2)) {
        user->has_identity_response = true;
        user->identity_response = random_slice(chance, text[4], 64);
    }
    struct writer w = writer_over(items, sizeof items);
    put_random_items(chance, &w);
    assert_false(w.failed);
    user->items = slice_of(items, writer_length(&w));
    struct stream pdu = {0};
    stream_put_associate(&pdu, &first);
    decode(&second, is_accept, pdu.bytes, pdu.length);
    assert_same(&first, &second);
    stream_release(&pdu);
}

static void associate_round_trips(void **unused) {
    struct chance chance = {chance_seed()};
    for (int i = 0; i < 400; i++) round_trip(&chance, i % 2);
}

static void assert_pdu(const struct writer *w, const char *bytes, size_t n) {
    assert_false(w->failed);
    assert_int_equal(writer_length(w), n);
    assert_memory_equal(w->start, bytes, n);
}

static void small_pdus_are_the_standards(void **unused) {
    uint8_t buffer[32];
    struct writer w = writer_over(buffer, sizeof buffer);
    pdu_encode_reject(&w, (struct reject){REJECTED_PERMANENT, REJECT_BY_USER, REJECT_USER_CALLED_AE});
    assert_pdu(&w, "\3\0\0\0\0\4\0\1\1\7", 10);
    w = writer_over(buffer, sizeof buffer);
    pdu_encode_release(&w, false);
    assert_pdu(&w, "\5\0\0\0\0\4\0\0\0\0", 10);
    w = writer_over(buffer, sizeof buffer);
    pdu_encode_release(&w, true);
    assert_pdu(&w, "\6\0\0\0\0\4\0\0\0\0", 10);
    w = writer_over(buffer, sizeof buffer);
    pdu_encode_abort(&w, ABORT_BY_PROVIDER, ABORT_INVALID_PARAMETER);
    assert_pdu(&w, "\7\0\0\0\0\4\0\0\2\6", 10);
    w = writer_over(buffer, sizeof buffer);
    pdu_encode_abort(&w, ABORT_BY_USER, ABORT_INVALID_PARAMETER); /* not significant: sent as 0 */
    assert_pdu(&w, "\7\0\0\0\0\4\0\0\0\0", 10);
    w = writer_over(buffer, sizeof buffer);
    pdu_encode_data_header(&w, 5, true, true, 0x102);
    assert_pdu(&w, "\4\0\0\0\1\x08\0\0\1\4\5\3", 12);
    w = writer_over(buffer, 9);
    pdu_encode_abort(&w, ABORT_BY_USER, ABORT_NOT_SPECIFIED);
    assert_true(w.failed);
}

/* ---- what can't be ---- */
/* Every prefix of a PDU's field, in memory of just that size: a fault or a whole number of items, never a byte beyond. */
static void every_cut_is_safe(void **unused) {
    for (size_t n = 0; n <= sizeof golden_identity_rq - PDU_HEADER_BYTES; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, golden_identity_rq + PDU_HEADER_BYTES, n);
        struct associate rq;
        struct fault fault = {0};
        bool done = pdu_decode_associate(&rq, false, slice_of(copy, n), 6, &fault);
        if (n < PDU_ASSOCIATE_BYTES_LEAST) assert_false(done);
        if (!done) assert_int_equal(fault.code, FAULT_MALFORMED);
        if (!done) assert_true(fault.offset >= 6 && fault.offset <= n + 6);
        free(copy);
    }
}

static void spoiled(size_t at, uint8_t value, bool is_fault) {
    uint8_t copy[sizeof golden_storescu_rq];
    memcpy(copy, golden_storescu_rq, sizeof copy);
    copy[at] = value;
    struct associate rq;
    struct fault fault;
    if (pdu_decode_associate(&rq, false, field_of(copy, sizeof copy), 6, &fault) == is_fault) fail_msg("byte %zu", at);
}

static void malformed_requests_are_faults(void **unused) {
    spoiled(0x67, 2, true);  /* even context ID */
    spoiled(0xa3, 1, true);  /* the same ID twice */
    spoiled(0x66, 0xff, true); /* a presentation context longer than the rest of the PDU... */
    spoiled(0x6e, 0xff, true); /* an abstract syntax longer than its context */
    spoiled(0xf7, 5, true);  /* a maximum length of five bytes */
    spoiled(0xf4, 0x6f, false); /* an unknown sub-item is skipped */
    spoiled(0x4a, 0x77, false); /* so is an unknown item */
}

/* Each sub-item alone: right as it is, a fault with its length one more or one less. */
static void lengths_of_sub_items(void **unused) {
    static const struct {
        const char *bytes;
        size_t length;
    } items[] = {
#define ITEM(bytes) {bytes, sizeof bytes - 1}
        ITEM("\x51\0\0\4\0\0\x40\0"),
        ITEM("\x53\0\0\4\0\5\0\1"),
        ITEM("\x54\0\0\7\0\3" "1.2\1\1"),
        ITEM("\x57\0\0\x11\0\3" "1.2\0\3" "1.3\0\5\0\3" "1.4"),
        ITEM("\x58\0\0\x0a\2\1\0\2me\0\2pw"),
        ITEM("\x59\0\0\4\0\2ok"),
#undef ITEM
    };
    for (size_t i = 0; i < array_count(items); i++) {
        struct user_information user;
        struct fault fault;
        uint8_t copy[40] = {0};
        memcpy(copy, items[i].bytes, items[i].length);
        assert_true(user_information_decode(&user, slice_of(copy, items[i].length), 100, &fault));
        for (int by = -1; by <= 1; by += 2) {
            copy[3] = (uint8_t)(items[i].bytes[3] + by);
            if (user_information_decode(&user, slice_of(copy, items[i].length + (size_t)by), 100, &fault))
                fail_msg("item %zu", i);
            assert_int_equal(fault.offset, 100);
        }
    }
}

static void words(void **unused) {
    assert_string_equal(pdu_reject_text((struct reject){2, 3, 2}),
                        "rejected transient, by the provider (presentation): local limit exceeded");
    assert_string_equal(pdu_abort_text(2, 1), "aborted by the provider: unrecognized PDU");
    assert_string_equal(pdu_abort_text(0, 99), "aborted by the service user");
    assert_non_null(pdu_abort_text(2, 3));
    assert_non_null(pdu_abort_text(9, 255));
    assert_non_null(pdu_reject_text((struct reject){9, 9, 9}));
    assert_non_null(pdu_context_result_text(200));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storescu_request_is_understood), cmocka_unit_test(user_identity_is_understood),
        cmocka_unit_test(storescp_answer_is_understood),  cmocka_unit_test(reencoding_gives_the_same_bytes),
        cmocka_unit_test(associate_round_trips),          cmocka_unit_test(small_pdus_are_the_standards),
        cmocka_unit_test(every_cut_is_safe),              cmocka_unit_test(malformed_requests_are_faults),
        cmocka_unit_test(lengths_of_sub_items),           cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
