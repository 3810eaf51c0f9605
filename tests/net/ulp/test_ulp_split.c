/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of the stream: however it is cut, fed or received straight to its place, the same is indicated; and no stream
 * whatever makes an association crash, read beyond its bytes, or send anything that is not a PDU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/net/ulp/golden_pdus.h"
#include "tests/net/ulp/ulp_script.h"

/* A life: request, two messages in odd shapes, release. */
static void put_life(struct stream *s) {
    struct associate rq = script_request((uint8_t[512]){0});
    stream_put_associate(s, &rq);
    stream_put_data_header(s, 6 + 20 + 6 + 9);
    stream_put_pdv(s, 3, PDV_COMMAND | PDV_LAST, 20, 1);
    stream_put_pdv(s, 3, 0, 9, 2);
    stream_put_data_header(s, 6 + 0 + 6 + 1 + 6 + 40);
    stream_put_pdv(s, 3, 0, 0, 0);
    stream_put_pdv(s, 3, 0, 1, 3);
    stream_put_pdv(s, 3, PDV_LAST, 40, 4);
    stream_put_data_header(s, 6 + 15);
    stream_put_pdv(s, 1, PDV_COMMAND, 15, 5);
    stream_put_data_header(s, 6);
    stream_put_pdv(s, 1, PDV_COMMAND | PDV_LAST, 0, 0);
    stream_put_release(s, false);
}

static void put_bad_end(struct stream *s) {
    stream_put_data_header(s, 6 + 30 + 6 + 4);
    stream_put_pdv(s, 3, 0, 30, 6);
    stream_put_pdv(s, 4, 0, 4, 7); /* an even context */
    stream_put_data_header(s, 6 + 4);
    stream_put_pdv(s, 3, 0, 4, 8); /* ignored */
    stream_put_abort(s, 0, 0);
}

static void start(struct owner *owner, bool zero_copy) {
    owner_init(owner, ASSOCIATION_ACCEPTOR);
    owner->zero_copy = zero_copy;
    association_transport_indication(&owner->association);
    owner_settle(owner);
}

/* From a copy of just that size, so that a sanitizer sees a byte too far. */
static void feed_copy(struct owner *owner, const uint8_t *bytes, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    if (n) memcpy(copy, bytes, n);
    owner_feed(owner, copy, n);
    free(copy);
}

static void assert_same_owner(const struct owner *a, const struct owner *b) {
    assert_string_equal(a->log, b->log);
    assert_int_equal(association_state(&a->association), association_state(&b->association));
    assert_int_equal(a->sent.length, b->sent.length);
    assert_memory_equal(a->sent.bytes, b->sent.bytes, a->sent.length);
    assert_int_equal(a->artim, b->artim);
    assert_int_equal(a->closed, b->closed);
    assert_int_equal(a->association.remarks, b->association.remarks);
}

static void same_at_every_split(const struct stream *s) {
    struct owner whole;
    start(&whole, false);
    feed_copy(&whole, s->bytes, s->length);
    for (int zero_copy = 0; zero_copy < 2; zero_copy++) {
        for (size_t cut = 0; cut <= s->length; cut++) {
            struct owner owner;
            start(&owner, zero_copy);
            feed_copy(&owner, s->bytes, cut);
            feed_copy(&owner, s->bytes + cut, s->length - cut);
            assert_same_owner(&whole, &owner);
            owner_release(&owner);
        }
        struct owner bytewise;
        start(&bytewise, zero_copy);
        for (size_t i = 0; i < s->length; i++) feed_copy(&bytewise, s->bytes + i, 1);
        assert_same_owner(&whole, &bytewise);
        owner_release(&bytewise);
    }
    owner_release(&whole);
}

static void every_split_gives_the_same(void **unused) {
    struct stream good = {0}, bad = {0};
    put_life(&good);
    same_at_every_split(&good);
    put_life(&bad);
    bad.length -= 10; /* without the release */
    put_bad_end(&bad);
    same_at_every_split(&bad);
    stream_release(&good);
    stream_release(&bad);
}

static void random_cuts_give_the_same(void **unused) {
    struct chance chance = {chance_seed()};
    struct stream s = {0};
    struct owner whole;
    put_life(&s);
    start(&whole, false);
    feed_copy(&whole, s.bytes, s.length);
    for (int i = 0; i < 500; i++) {
        struct owner owner;
        start(&owner, chance_below(&chance, 2));
        for (size_t at = 0; at < s.length;) {
            size_t n = chance_below(&chance, 40);
            if (n > s.length - at) n = s.length - at;
            feed_copy(&owner, s.bytes + at, n);
            at += n;
        }
        assert_same_owner(&whole, &owner);
        owner_release(&owner);
    }
    owner_release(&whole);
    stream_release(&s);
}

/* ---- streams that nobody meant ---- */
/* What was sent is whole PDUs of known types and right lengths. */
static void assert_sent_is_valid(const struct stream *sent) {
    size_t at = 0;
    while (at < sent->length) {
        assert_true(sent->length - at >= PDU_HEADER_BYTES);
        uint8_t type = sent->bytes[at];
        uint32_t length = load_be32(sent->bytes + at + 2);
        assert_true(length <= sent->length - at - PDU_HEADER_BYTES);
        struct slice field = slice_of(sent->bytes + at + PDU_HEADER_BYTES, length);
        struct associate associate;
        if (type == PDU_ASSOCIATE_RQ || type == PDU_ASSOCIATE_AC)
            assert_true(pdu_decode_associate(&associate, type == PDU_ASSOCIATE_AC, field, 0, NULL));
        else
            assert_true(length == 4 && (type == PDU_ASSOCIATE_RJ || (type >= PDU_RELEASE_RQ && type <= PDU_ABORT)));
        at += PDU_HEADER_BYTES + length;
    }
}

static void put_random_pdu(struct chance *chance, struct stream *s) {
    switch (chance_below(chance, 8)) {
    case 0: {
        struct associate rq = script_request((uint8_t[512]){0});
        rq.is_accept = chance_below(chance, 2);
        stream_put_associate(s, &rq);
        break;
    }
    case 1:
        stream_put_release(s, chance_below(chance, 2));
        break;
    case 2:
        stream_put_abort(s, (uint8_t)chance_below(chance, 4), (uint8_t)chance_below(chance, 8));
        break;
    case 3:
        stream_put(s, golden_identity_rq, sizeof golden_identity_rq);
        break;
    default: {
        uint32_t n = chance_below(chance, 60);
        stream_put_data_header(s, 6 + n);
        uint8_t context_id = chance_below(chance, 20) ? 3 : (uint8_t)chance_below(chance, 8);
        stream_put_pdv(s, context_id, (uint8_t)chance_below(chance, 4), n, 0);
    }
    }
}

static void spoil(struct chance *chance, struct stream *s) {
    for (uint32_t n = chance_below(chance, 4); n > 0 && s->length; n--)
        s->bytes[chance_below(chance, (uint32_t)s->length)] = (uint8_t)chance_next(chance);
    if (chance_below(chance, 4) == 0) s->length = chance_below(chance, (uint32_t)s->length + 1);
}

/* Local primitives at any moment. */
static void act(struct chance *chance, struct owner *owner) {
    struct association *a = &owner->association;
    struct indication in = {.kind = ULP_NONE};
    struct frame frame;
    switch (chance_below(chance, 12)) {
    case 0:
        association_release_request(a);
        break;
    case 1:
        association_release_response(a);
        break;
    case 2:
        association_abort(a, ABORT_BY_PROVIDER, ABORT_UNEXPECTED_PARAMETER);
        break;
    case 3:
        association_artim_expired(a, &in);
        break;
    case 4:
        if (chance_below(chance, 4) == 0) association_transport_closed(a, &in);
        break;
    case 5:
        association_frame(a, 3, true, chance_next(chance), chance_below(chance, 2), 0, &frame);
        break;
    default:
        break;
    }
    owner_indicated(owner, &in);
    owner_settle(owner);
}

static void live(struct chance *chance, bool as_requestor) {
    struct stream s = {0};
    struct owner owner;
    if (as_requestor) {
        owner_open_requestor(&owner);
    } else if (chance_below(chance, 2)) {
        owner_open_acceptor(&owner);
    } else {
        start(&owner, false);
    }
    owner.zero_copy = chance_below(chance, 2);
    owner.answers_release = chance_below(chance, 2);
    for (uint32_t n = chance_below(chance, 12); n > 0; n--) put_random_pdu(chance, &s);
    spoil(chance, &s);
    bool acts = chance_below(chance, 2);
    for (size_t at = 0; at < s.length;) {
        size_t n = 1 + chance_below(chance, 200);
        if (n > s.length - at) n = s.length - at;
        feed_copy(&owner, s.bytes + at, n);
        at += n;
        if (acts) act(chance, &owner);
    }
    assert_sent_is_valid(&owner.sent);
    if (association_fault(&owner.association)) { /* an abort of ours, and it was sent */
        assert_true(association_state(&owner.association) == STA_13 || association_is_over(&owner.association));
        assert_true(owner.sent.length >= 10);
    }
    owner_release(&owner);
    stream_release(&s);
}

static void random_streams_are_survived(void **unused) {
    struct chance chance = {chance_seed()};
    for (int i = 0; i < 20000; i++) live(&chance, i % 2);
}

static void noise_is_aborted(void **unused) {
    struct chance chance = {chance_seed()};
    for (int i = 0; i < 5000; i++) {
        uint8_t noise[64];
        struct owner owner;
        for (size_t k = 0; k < sizeof noise; k++) noise[k] = (uint8_t)chance_next(&chance);
        noise[0] |= 0x80; /* surely not a type of PDU */
        start(&owner, false);
        feed_copy(&owner, noise, sizeof noise);
        assert_true(owner.sent.length >= 10);
        assert_memory_equal(owner.sent.bytes, "\7\0\0\0\0\4\0\0\2\1", 10);
        assert_int_equal(association_state(&owner.association), STA_13);
        owner_release(&owner);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_gives_the_same),
        cmocka_unit_test(random_cuts_give_the_same),
        cmocka_unit_test(random_streams_are_survived),
        cmocka_unit_test(noise_is_aborted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
