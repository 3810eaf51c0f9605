/* SPDX-License-Identifier: Apache-2.0 */
/* Whole associations: opening, data, aborts in every state, the answers to garbage, frames for any maximum length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/net/ulp/golden_pdus.h"
#include "tests/net/ulp/ulp_script.h"

static void assert_sent(struct owner *owner, const char *bytes, size_t n) {
    assert_int_equal(owner->sent.length, n);
    if (n) assert_memory_equal(owner->sent.bytes, bytes, n);
}
static void assert_state(const struct owner *owner, enum state state) {
    assert_string_equal(state_machine_state_name(association_state(&owner->association)), state_machine_state_name(state));
}
static void assert_log(const struct owner *owner, const char *text) { assert_string_equal(owner->log ? owner->log : "", text); }

/* ---- opening ---- */
static void storescu_is_accepted(void **unused) {
    struct owner owner;
    struct context context;
    owner_init(&owner, ASSOCIATION_ACCEPTOR);
    association_transport_indication(&owner.association);
    owner_settle(&owner);
    assert_true(owner.artim);
    owner_feed(&owner, golden_storescu_rq, sizeof golden_storescu_rq);
    assert_state(&owner, STA_6);
    assert_false(owner.artim);
    assert_log(&owner, "rq TESTSCU 2 contexts\n");
    assert_string_equal(owner.association.called_ae, "LEAT");
    assert_string_equal(owner.association.peer_implementation_version, "OFFIS_DCMTK_367");
    assert_int_equal(owner.association.peer_maximum_length, 32768);
    assert_true(association_context(&owner.association, 3, &context));
    assert_true(slice_equal(context.abstract_syntax, slice_text(CT_IMAGE_STORAGE)));
    assert_true(slice_equal(context.transfer_syntax, slice_text("1.2.840.10008.1.2.2")));
    assert_false(association_context(&owner.association, 5, &context));
    assert_false(association_context(&owner.association, 2, &context));
    assert_int_equal(association_context_count(&owner.association), 2);
    struct associate ac;
    assert_int_equal(owner.sent.bytes[0], PDU_ASSOCIATE_AC);
    assert_true(pdu_decode_associate(&ac, true, slice_of(owner.sent.bytes + 6, owner.sent.length - 6), 6, NULL));
    assert_int_equal(ac.user.maximum_length, 262144);
    assert_true(slice_equal(ac.user.implementation_version_name, slice_text(IDENTITY_VERSION)));
    owner_release(&owner);
}

/* An idle association is small: no buffer is left, and the table holds each UID once. */
static void an_idle_association_is_small(void **unused) {
    struct owner owner;
    static uint8_t syntaxes[64];
    struct writer w = writer_over(syntaxes, sizeof syntaxes);
    pdu_put_transfer_syntax(&w, slice_text(EXPLICIT_LE));
    struct associate rq = script_request((uint8_t[512]){0});
    static char uids[PDU_CONTEXTS_MAX][UID_BYTES_MAX + 1];
    rq.context_count = PDU_CONTEXTS_MAX;
    for (int i = 0; i < PDU_CONTEXTS_MAX; i++) {
        memset(uids[i], '1', UID_BYTES_MAX);
        uids[i][0] = (char)('A' + i % 16);
        uids[i][UID_BYTES_MAX - 1] = (char)('A' + i / 16);
        rq.contexts[i].id = (uint8_t)(2 * i + 1);
        rq.contexts[i].abstract_syntax = slice_text(uids[i]);
        rq.contexts[i].transfer_syntaxes = slice_of(syntaxes, writer_length(&w));
    }
    struct stream s = {0};
    stream_put_associate(&s, &rq);
    owner_init(&owner, ASSOCIATION_ACCEPTOR);
    association_transport_indication(&owner.association);
    owner_feed(&owner, s.bytes, s.length);
    assert_state(&owner, STA_6);
    const struct association *a = &owner.association;
    assert_true(sizeof *a <= 2048);
    assert_null(a->associate);
    assert_null(a->reader.body);
    assert_null(a->out.large);
    assert_int_equal(association_context_count(a), PDU_CONTEXTS_MAX);
    assert_true(sizeof *a + context_table_bytes(a->contexts) <= 12 * 1024);
    for (int i = 0; i < PDU_CONTEXTS_MAX; i++) {
        struct context context = association_context_at(a, (size_t)i);
        assert_true(slice_equal(context.abstract_syntax, slice_text(uids[i])));
        assert_true(slice_equal(context.transfer_syntax, slice_text(EXPLICIT_LE)));
    }
    stream_release(&s);
    owner_release(&owner);
}

static void a_rejection_waits_for_the_close(void **unused) {
    struct owner owner;
    struct indication in;
    uint8_t copy[sizeof golden_echoscu_rq];
    memcpy(copy, golden_echoscu_rq, sizeof copy);
    copy[7] = 2; /* protocol version: bit 0 is not set */
    owner_init(&owner, ASSOCIATION_ACCEPTOR);
    association_transport_indication(&owner.association);
    owner_feed(&owner, copy, sizeof copy);
    assert_state(&owner, STA_13);
    assert_true(owner.artim);
    assert_sent(&owner, "\3\0\0\0\0\4\0\1\2\2", 10);
    association_transport_closed(&owner.association, &in);
    owner_settle(&owner);
    assert_int_equal(in.kind, ULP_CLOSED);
    assert_false(owner.artim);
    assert_true(association_is_over(&owner.association));
    owner_release(&owner);
}

static void silence_ends_with_artim(void **unused) {
    struct owner owner;
    struct indication in;
    owner_init(&owner, ASSOCIATION_ACCEPTOR);
    assert_false(association_is_over(&owner.association));
    association_transport_indication(&owner.association);
    owner_feed(&owner, golden_echoscu_rq, 100);
    association_artim_expired(&owner.association, &in);
    owner_settle(&owner);
    assert_int_equal(in.kind, ULP_CLOSED);
    assert_true(owner.closed);
    assert_true(association_is_over(&owner.association));
    assert_sent(&owner, "", 0);
    association_transport_closed(&owner.association, &in); /* our own close comes back */
    assert_int_equal(in.kind, ULP_NONE);
    owner_release(&owner);
}

/* ---- requestor ---- */
static void open_requestor_at_sta5(struct owner *owner) {
    struct associate rq = script_request((uint8_t[512]){0});
    owner_init(owner, ASSOCIATION_REQUESTOR);
    assert_true(association_request(&owner->association, &rq));
    owner_settle(owner);
    assert_true(owner->connect);
    assert_int_equal(owner->sent.length, 0); /* nothing before the connection */
    assert_state(owner, STA_4);
    association_transport_connected(&owner->association);
    owner_settle(owner);
    assert_state(owner, STA_5);
    assert_int_equal(owner->sent.bytes[0], PDU_ASSOCIATE_RQ);
    stream_release(&owner->sent);
}

static void a_requestor_is_rejected(void **unused) {
    struct owner owner;
    open_requestor_at_sta5(&owner);
    owner_feed(&owner, (const uint8_t *)"\3\0\0\0\0\4\0\2\3\2", 10);
    assert_log(&owner, "rj 2 3 2\n");
    assert_true(owner.closed && association_is_over(&owner.association));
    owner_release(&owner);
}

static void answer_requestor(struct owner *owner, uint32_t maximum_length, uint8_t id, const char *transfer_syntax) {
    uint8_t storage[64];
    struct writer w = writer_over(storage, sizeof storage);
    pdu_put_transfer_syntax(&w, slice_text(transfer_syntax));
    struct associate ac = script_request((uint8_t[512]){0});
    ac.is_accept = true;
    ac.context_count = 1;
    ac.contexts[0] = (struct presentation_context){.id = id, .transfer_syntaxes = slice_of(storage, writer_length(&w))};
    ac.user.maximum_length = maximum_length;
    struct stream s = {0};
    stream_put_associate(&s, &ac);
    owner_feed(owner, s.bytes, s.length);
    stream_release(&s);
}

static void a_requestor_reads_the_answer(void **unused) {
    struct owner owner;
    struct context context;
    open_requestor_at_sta5(&owner);
    answer_requestor(&owner, 0, 3, IMPLICIT_LE);
    assert_state(&owner, STA_6);
    assert_true(association_context(&owner.association, 3, &context));
    assert_int_equal(context.result, CONTEXT_ACCEPTANCE);
    assert_true(slice_equal(context.transfer_syntax, slice_text(IMPLICIT_LE)));
    assert_true(association_context(&owner.association, 5, &context)); /* proposed, not answered */
    assert_int_equal(context.result, CONTEXT_NO_REASON);
    assert_int_equal(owner.association.remarks, 0);
    assert_null(owner.association.out.large);
    assert_null(owner.association.associate); /* gone with the call after */
    assert_int_equal(association_payload_limit(&owner.association), 0xfffffff8u);
    owner_release(&owner);
}

static void foreign_answers_are_not_used(void **unused) {
    struct owner owner;
    struct context context;
    open_requestor_at_sta5(&owner);
    answer_requestor(&owner, 16384, 3, JPEG_LOSSLESS); /* was not proposed for context 3 */
    assert_state(&owner, STA_6);
    assert_true(association_context(&owner.association, 3, &context));
    assert_int_equal(context.result, CONTEXT_TRANSFER_SYNTAXES_NOT_SUPPORTED);
    assert_int_equal(owner.association.remarks, ASSOCIATION_REMARK_FOREIGN_CONTEXT);
    owner_release(&owner);
    open_requestor_at_sta5(&owner);
    answer_requestor(&owner, 16384, 99, IMPLICIT_LE);
    assert_int_equal(owner.association.remarks, ASSOCIATION_REMARK_FOREIGN_CONTEXT);
    assert_false(association_context(&owner.association, 99, &context));
    owner_release(&owner);
}

static void a_tiny_maximum_length_is_aborted(void **unused) {
    for (uint32_t length = 1; length < 8; length++) {
        struct owner owner;
        open_requestor_at_sta5(&owner);
        answer_requestor(&owner, length, 3, IMPLICIT_LE);
        assert_state(&owner, STA_13);
        assert_log(&owner, "abort by us 2 6\n");
        assert_sent(&owner, "\7\0\0\0\0\4\0\0\2\6", 10);
        owner_release(&owner);
    }
}

static void a_connection_is_refused(void **unused) {
    struct owner owner;
    struct indication in;
    struct associate rq = script_request((uint8_t[512]){0});
    owner_init(&owner, ASSOCIATION_REQUESTOR);
    assert_true(association_request(&owner.association, &rq));
    association_transport_closed(&owner.association, &in);
    assert_int_equal(in.kind, ULP_ABORT);
    assert_int_equal(in.abort.by, ABORTED_BY_TRANSPORT);
    assert_true(association_is_over(&owner.association));
    owner_release(&owner);
}

/* ---- data ---- */
static void data_of_all_shapes(void **unused) {
    struct owner owner;
    struct stream s = {0};
    owner_open_acceptor(&owner);
    stream_put_data_header(&s, 6 + 4 + 6 + 3);
    stream_put_pdv(&s, 3, PDV_COMMAND | PDV_LAST, 4, 0);
    stream_put_pdv(&s, 3, 0, 3, 1); /* command and data in one PDU, an odd fragment */
    stream_put_data_header(&s, 6 + 300000);
    stream_put_pdv(&s, 3, 0, 300000, 0); /* longer than announced */
    stream_put_data_header(&s, 6);
    stream_put_pdv(&s, 3, PDV_LAST, 0, 0); /* an empty fragment */
    owner_feed(&owner, s.bytes, s.length);
    assert_int_equal(owner.association.remarks, ASSOCIATION_REMARK_ODD_FRAGMENT | ASSOCIATION_REMARK_LONG_PDU);
    assert_state(&owner, STA_6);
    assert_non_null(strstr(owner.log, "pdv 3 command last 4\ndata 4 "));
    assert_non_null(strstr(owner.log, "end 3\npdv 3 3\ndata 3 "));
    assert_non_null(strstr(owner.log, "pdv 3 300000\ndata 300000 "));
    assert_non_null(strstr(owner.log, "pdv 3 last 0\nend 3\n"));
    assert_int_equal(association_bytes_received(&owner.association) > 300000, true);
    stream_release(&s);
    owner_release(&owner);
}

/* What a speculative layout needs: how much of the PDV, then of its PDU, is still to come. */
static void layouts_can_be_predicted(void **unused) {
    struct owner owner;
    struct stream s = {0};
    struct indication in;
    owner_open_acceptor(&owner);
    struct association *a = &owner.association;
    stream_put_data_header(&s, 6 + 10 + 6 + 20);
    stream_put_pdv(&s, 3, 0, 10, 0);
    stream_put_pdv(&s, 3, PDV_LAST, 20, 0);
    assert_int_equal(association_payload_wanted(a), 0);
    assert_int_equal(association_pdu_rest(a), 0);
    size_t at = association_feed(a, s.bytes, s.length, &in);
    assert_int_equal(in.kind, ULP_PDV_BEGIN);
    assert_int_equal(association_payload_wanted(a), 10);
    assert_int_equal(association_pdu_rest(a), 26);
    association_payload_received(a, s.bytes + at, 4);
    assert_int_equal(association_payload_wanted(a), 6);
    assert_int_equal(association_pdu_rest(a), 26);
    association_payload_received(a, s.bytes + at + 4, 6);
    assert_int_equal(association_payload_wanted(a), 0);
    at += 10;
    assert_int_equal(association_feed(a, NULL, 0, &in), 0);
    assert_int_equal(in.kind, ULP_PDV_END);
    assert_int_equal(association_pdu_rest(a), 26);
    at += association_feed(a, s.bytes + at, 6, &in);
    assert_int_equal(in.kind, ULP_PDV_BEGIN);
    assert_true(in.pdv.is_last);
    assert_int_equal(association_pdu_rest(a), 0);
    assert_int_equal(association_payload_wanted(a), 20);
    /* The peer's data is on its way straight to its place while the user aborts: it is swallowed. */
    assert_true(association_abort(a, ABORT_BY_USER, ABORT_NOT_SPECIFIED));
    assert_int_equal(association_payload_wanted(a), 0);
    association_payload_received(a, s.bytes + at, 20);
    at += 20;
    assert_int_equal(at, s.length);
    assert_int_equal(association_feed(a, NULL, 0, &in), 0);
    assert_int_equal(in.kind, ULP_NONE);
    owner_feed(&owner, (const uint8_t *)"\7\0\0\0\0\4\0\0\0\0", 10); /* still in step: AA-2 */
    assert_log(&owner, "closed\n");
    assert_true(owner.closed);
    stream_release(&s);
    owner_release(&owner);
}

/* ---- garbage ---- */
struct garbage {
    const char *bytes;
    size_t length;
    const char *log; /* in Sta6 */
    const char *sent;
};
static const struct garbage garbage[] = {
#define GARBAGE(bytes, log, reason) {bytes, sizeof bytes - 1, log, "\7\0\0\0\0\4\0\0\2" reason}
    GARBAGE("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "abort by us 2 1\n", "\1"),
    GARBAGE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "abort by us 2 1\n", "\1"),
    GARBAGE("\0\0\0\0\0\0", "abort by us 2 1\n", "\1"),
    GARBAGE("\7\0\0\0\0\5\0\0\0\0\0", "abort by us 2 6\n", "\6"),
    GARBAGE("\5\0\0\0\0\0", "abort by us 2 6\n", "\6"),
    GARBAGE("\1\0\0\x10\0\1", "abort by us 2 6\n", "\6"),
    GARBAGE("\4\0\0\0\0\0", "abort by us 2 6\n", "\6"),
    GARBAGE("\4\0\0\0\0\7\0\0\0\1\3\0\0", "abort by us 2 6\n", "\6"),        /* PDV of length 1 */
    GARBAGE("\4\0\0\0\0\x08\0\0\0\5\3\0\0\0", "abort by us 2 6\n", "\6"),    /* PDV beyond its PDU */
    GARBAGE("\4\0\0\0\0\x08\0\0\0\4\2\0\0\0", "abort by us 2 6\n", "\6"),    /* even context ID */
    GARBAGE("\4\0\0\0\0\x08\0\0\0\4\0\0\0\0", "abort by us 2 6\n", "\6"),    /* context ID 0 */
    GARBAGE("\4\0\0\0\0\x08\0\0\0\4\7\0\0\0", "abort by us 2 5\n", "\5"),    /* a context that was not proposed */
    GARBAGE("\6\0\0\0\0\4\0\0\0\0", "abort by us 2 2\n", "\2"),              /* RELEASE-RP without a request */
    GARBAGE("\3\0\0\0\0\4\0\1\1\1", "abort by us 2 2\n", "\2"),
    GARBAGE("\1\0\0\0\0\xff", "abort by us 2 2\n", "\2"),                    /* its body need not come */
    GARBAGE("\2\0\0\0\0\xff", "abort by us 2 2\n", "\2"),
#undef GARBAGE
};

static void garbage_in_sta6_is_aborted(void **unused) {
    for (size_t i = 0; i < array_count(garbage); i++) {
        struct owner owner;
        struct indication in;
        owner_open_acceptor(&owner);
        uint8_t *copy = malloc(garbage[i].length); /* of just the size: no byte beyond is read */
        memcpy(copy, garbage[i].bytes, garbage[i].length);
        owner_feed(&owner, copy, garbage[i].length);
        free(copy);
        assert_log(&owner, garbage[i].log);
        assert_sent(&owner, garbage[i].sent, 10);
        assert_state(&owner, STA_13);
        assert_true(owner.artim);
        assert_non_null(association_fault(&owner.association));
        assert_true(association_fault(&owner.association)->offset >= 200); /* behind the A-ASSOCIATE-RQ */
        association_artim_expired(&owner.association, &in);
        owner_settle(&owner);
        assert_true(owner.closed);
        owner_release(&owner);
    }
}

static void garbage_in_sta2_is_aborted(void **unused) {
    for (size_t i = 0; i < array_count(garbage); i++) {
        if (garbage[i].bytes[0] == PDU_ASSOCIATE_RQ && garbage[i].bytes[3] == 0) continue; /* waits for its body */
        struct owner owner;
        owner_init(&owner, ASSOCIATION_ACCEPTOR);
        association_transport_indication(&owner.association);
        owner_feed(&owner, (const uint8_t *)garbage[i].bytes, garbage[i].length);
        assert_state(&owner, STA_13);
        assert_int_equal(owner.sent.length, 10);
        assert_int_equal(owner.sent.bytes[0], PDU_ABORT);
        assert_int_equal(owner.sent.bytes[8], ABORT_BY_PROVIDER);
        assert_true(owner.artim);
        owner_release(&owner);
    }
}

static void a_malformed_request_is_aborted(void **unused) {
    struct owner owner;
    uint8_t copy[sizeof golden_storescu_rq];
    memcpy(copy, golden_storescu_rq, sizeof copy);
    copy[0x67] = 4; /* an even context ID */
    owner_init(&owner, ASSOCIATION_ACCEPTOR);
    association_transport_indication(&owner.association);
    owner_feed(&owner, copy, sizeof copy);
    assert_state(&owner, STA_13);
    assert_sent(&owner, "\7\0\0\0\0\4\0\0\2\6", 10);
    assert_int_equal(association_fault(&owner.association)->offset, 0x63);
    assert_non_null(strstr(association_fault(&owner.association)->text, "even"));
    assert_null(owner.association.associate);
    owner_release(&owner);
}

/* One answer to whatever comes after the end, however much it is. */
static void sta13_answers_once(void **unused) {
    struct owner owner;
    owner_open_acceptor(&owner);
    assert_true(association_abort(&owner.association, ABORT_BY_USER, ABORT_NOT_SPECIFIED));
    for (int i = 0; i < 1000; i++) owner_feed(&owner, (const uint8_t *)"\xff\0\0\0\0\0", 6);
    assert_state(&owner, STA_13);
    assert_sent(&owner, "\7\0\0\0\0\4\0\0\0\0\7\0\0\0\0\4\0\0\2\1", 20);
    assert_log(&owner, "");
    assert_null(association_fault(&owner.association)); /* it was the user's abort */
    owner_release(&owner);
}

/* ---- aborts ---- */
/* Brings an owner into a state through the doors of the protocol. */
static void bring_to(struct owner *owner, enum state state) {
    static const uint8_t release_rq[] = {5, 0, 0, 0, 0, 4, 0, 0, 0, 0}, release_rp[] = {6, 0, 0, 0, 0, 4, 0, 0, 0, 0};
    bool as_requestor = state == STA_5 || state == STA_9 || state == STA_11;
    if (state == STA_5) {
        open_requestor_at_sta5(owner);
    } else if (state == STA_2) {
        owner_init(owner, ASSOCIATION_ACCEPTOR);
        association_transport_indication(&owner->association);
    } else {
        as_requestor ? owner_open_requestor(owner) : owner_open_acceptor(owner);
    }
    owner->answers_release = false;
    if (state == STA_7 || (state >= STA_9 && state <= STA_12)) assert_true(association_release_request(&owner->association));
    if (state >= STA_8 && state <= STA_12) owner_feed(owner, release_rq, sizeof release_rq);
    if (state == STA_11) assert_true(association_release_response(&owner->association));
    if (state == STA_12) owner_feed(owner, release_rp, sizeof release_rp);
    if (state == STA_13) assert_true(association_abort(&owner->association, ABORT_BY_USER, ABORT_NOT_SPECIFIED));
    owner_settle(owner);
    assert_state(owner, state);
    stream_release(&owner->sent);
    owner->log_length = 0;
    if (owner->log) owner->log[0] = 0;
}

static void aborts_in_every_state(void **unused) {
    static const enum state states[] = {STA_2, STA_5, STA_6, STA_7, STA_8, STA_9, STA_10, STA_11, STA_12, STA_13};
    for (size_t i = 0; i < array_count(states); i++) {
        struct owner owner;
        struct indication in;
        bool never_ours = states[i] == STA_2 || states[i] == STA_13;

        bring_to(&owner, states[i]); /* by the peer */
        owner_feed(&owner, (const uint8_t *)"\7\0\0\0\0\4\0\0\2\4", 10);
        assert_log(&owner, never_ours ? "closed\n" : "abort by peer 2 4\n");
        assert_true(owner.closed && association_is_over(&owner.association));
        assert_sent(&owner, "", 0);
        owner_release(&owner);

        bring_to(&owner, states[i]); /* by the user */
        assert_int_equal(association_abort(&owner.association, ABORT_BY_USER, ABORT_NOT_SPECIFIED), !never_ours);
        owner_settle(&owner);
        assert_state(&owner, never_ours ? states[i] : STA_13);
        assert_sent(&owner, "\7\0\0\0\0\4\0\0\0\0", never_ours ? 0 : 10);
        owner_release(&owner);

        bring_to(&owner, states[i]); /* by the transport */
        association_transport_closed(&owner.association, &in);
        assert_int_equal(in.kind, never_ours ? ULP_CLOSED : ULP_ABORT);
        assert_true(association_is_over(&owner.association));
        owner_feed(&owner, (const uint8_t *)"late", 4); /* swallowed */
        assert_log(&owner, "");
        owner_release(&owner);
    }
}

/* An A-ABORT that has come in part when we abort ourselves is still seen. */
static void an_abort_in_pieces_is_seen(void **unused) {
    for (size_t cut = 0; cut <= 10; cut++) {
        struct owner owner;
        owner_open_acceptor(&owner);
        owner_feed(&owner, (const uint8_t *)"\7\0\0\0\0\4\0\0\0\0", cut);
        association_abort(&owner.association, ABORT_BY_USER, ABORT_NOT_SPECIFIED);
        owner_feed(&owner, (const uint8_t *)"\7\0\0\0\0\4\0\0\0\0" + cut, 10 - cut);
        assert_true(association_is_over(&owner.association));
        owner_release(&owner);
    }
}

/* Local primitives that come too late do nothing. */
static void late_primitives_do_nothing(void **unused) {
    struct owner owner;
    struct frame frame;
    bring_to(&owner, STA_13);
    struct association *a = &owner.association;
    assert_false(association_release_request(a));
    assert_false(association_release_response(a));
    assert_false(association_reject(a, (struct reject){1, 1, 1}));
    assert_false(association_accept(a, NULL));
    assert_false(association_frame(a, 1, true, 10, false, 0, &frame));
    owner_settle(&owner);
    assert_sent(&owner, "", 0);
    owner_release(&owner);
}

/* ---- frames ---- */
/* A message in frames for any maximum length is the same message to a reader, and no PDU is too long. */
static void frames_fit(void **unused) {
    static const uint32_t lengths[] = {8, 9, 10, 11, 128, 4096, 16384, 0};
    for (size_t i = 0; i < array_count(lengths); i++) {
        for (uint64_t size = 0; size < 70; size++) {
            struct owner owner, peer;
            struct frame frame = {.is_last = false};
            owner_open_acceptor(&owner);
            owner_open_acceptor(&peer);
            owner.association.peer_maximum_length = lengths[i];
            for (uint64_t sent = 0; !frame.is_last; sent += frame.payload_bytes) {
                uint8_t zeros[128] = {0};
                assert_true(association_frame(&owner.association, 3, false, size - sent, false, 0, &frame));
                uint32_t pdu_length = load_be32(frame.header + 2);
                assert_int_equal(pdu_length, frame.payload_bytes + 6);
                if (lengths[i]) assert_true(pdu_length <= lengths[i]);
                if (!frame.is_last) assert_int_equal(frame.payload_bytes % 2, 0);
                owner_feed(&peer, frame.header, sizeof frame.header);
                owner_feed(&peer, zeros, frame.payload_bytes);
                assert_int_equal(frame.is_last, sent + frame.payload_bytes == size);
            }
            assert_state(&peer, STA_6);
            assert_int_equal(peer.association.pdv.is_last, true);
            owner_release(&owner);
            owner_release(&peer);
        }
    }
}

static void frames_have_limits(void **unused) {
    struct owner owner;
    struct frame frame;
    owner_open_acceptor(&owner);
    struct association *a = &owner.association;
    assert_true(association_frame(a, 3, false, 1u << 20, false, 1001, &frame));
    assert_int_equal(frame.payload_bytes, 1000);
    assert_true(association_frame(a, 3, false, 101, true, 0, &frame)); /* more to come: even */
    assert_int_equal(frame.payload_bytes, 100);
    assert_false(frame.is_last);
    assert_false(association_frame(a, 3, false, 1, true, 0, &frame));
    assert_false(association_frame(a, 9, false, 10, false, 0, &frame)); /* not a context */
    a->peer_maximum_length = 7;
    assert_false(association_frame(a, 3, false, 10, false, 0, &frame));
    a->peer_maximum_length = 0;
    assert_true(association_frame(a, 3, true, UINT64_MAX, false, 0, &frame));
    assert_int_equal(load_be32(frame.header + 2), 0xfffffffe);
    assert_int_equal(frame.header[11], PDV_COMMAND);
    owner_release(&owner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storescu_is_accepted),
        cmocka_unit_test(an_idle_association_is_small),
        cmocka_unit_test(a_rejection_waits_for_the_close),
        cmocka_unit_test(silence_ends_with_artim),
        cmocka_unit_test(a_requestor_is_rejected),
        cmocka_unit_test(a_requestor_reads_the_answer),
        cmocka_unit_test(foreign_answers_are_not_used),
        cmocka_unit_test(a_tiny_maximum_length_is_aborted),
        cmocka_unit_test(a_connection_is_refused),
        cmocka_unit_test(data_of_all_shapes),
        cmocka_unit_test(layouts_can_be_predicted),
        cmocka_unit_test(garbage_in_sta6_is_aborted),
        cmocka_unit_test(garbage_in_sta2_is_aborted),
        cmocka_unit_test(a_malformed_request_is_aborted),
        cmocka_unit_test(sta13_answers_once),
        cmocka_unit_test(aborts_in_every_state),
        cmocka_unit_test(an_abort_in_pieces_is_seen),
        cmocka_unit_test(late_primitives_do_nothing),
        cmocka_unit_test(frames_fit),
        cmocka_unit_test(frames_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
