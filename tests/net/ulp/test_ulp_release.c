/* SPDX-License-Identifier: Apache-2.0 */
/* Releases: in order, with data still under way, and collisions, both sides played by us and connected back to back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/net/ulp/ulp_script.h"

static void assert_state(const struct owner *owner, enum state state) {
    assert_string_equal(state_machine_state_name(association_state(&owner->association)), state_machine_state_name(state));
}
static void assert_log(const struct owner *owner, const char *text) { assert_string_equal(owner->log ? owner->log : "", text); }

/* What one has sent so far arrives at the other. */
static void deliver(struct owner *from, struct owner *to) {
    struct stream sent = owner_take_sent(from);
    owner_feed(to, sent.bytes, sent.length);
    stream_release(&sent);
}
static void close_transport(struct owner *owner) {
    struct indication in;
    association_transport_closed(&owner->association, &in);
    owner_indicated(owner, &in);
    owner_settle(owner);
    assert_true(association_is_over(&owner->association));
}
static void finish(struct owner *requestor, struct owner *acceptor) {
    owner_release(requestor);
    owner_release(acceptor);
}

static void in_order(struct owner *first, struct owner *second) {
    assert_true(association_release_request(&first->association));
    owner_settle(first);
    assert_state(first, STA_7);
    assert_false(association_can_send(&first->association));
    deliver(first, second);
    assert_log(second, "release rq\n");
    assert_state(second, STA_13);
    assert_true(second->artim);
    deliver(second, first);
    assert_log(first, "release rp\n");
    assert_true(first->closed);
    assert_true(association_is_over(&first->association));
    close_transport(second);
    assert_log(second, "release rq\nclosed\n");
    assert_false(second->artim);
}

static void either_side_may_release(void **unused) {
    struct owner requestor, acceptor;
    owner_open_requestor(&requestor);
    owner_open_acceptor(&acceptor);
    in_order(&requestor, &acceptor);
    finish(&requestor, &acceptor);
    owner_open_requestor(&requestor);
    owner_open_acceptor(&acceptor);
    in_order(&acceptor, &requestor);
    finish(&requestor, &acceptor);
}

static void send_pdv(struct owner *from) {
    struct frame frame;
    assert_true(association_frame(&from->association, 3, true, 4, false, 0, &frame));
    stream_put(&from->sent, frame.header, sizeof frame.header);
    stream_put(&from->sent, "data", 4);
}

/* Sta8 may still send what it owes, Sta7 still receives it (AR-7, AR-6). */
static void responses_follow_a_release_request(void **unused) {
    struct owner requestor, acceptor;
    owner_open_requestor(&requestor);
    owner_open_acceptor(&acceptor);
    acceptor.answers_release = false;
    assert_true(association_release_request(&requestor.association));
    owner_settle(&requestor);
    deliver(&requestor, &acceptor);
    assert_state(&acceptor, STA_8);
    assert_true(association_can_send(&acceptor.association));
    send_pdv(&acceptor);
    send_pdv(&acceptor);
    assert_true(association_release_response(&acceptor.association));
    owner_settle(&acceptor);
    assert_false(association_can_send(&acceptor.association));
    deliver(&acceptor, &requestor);
    assert_non_null(strstr(requestor.log, "pdv 3 command last 4\ndata 4 "));
    assert_non_null(strstr(requestor.log, "end 3\nrelease rp\n"));
    assert_true(association_is_over(&requestor.association));
    close_transport(&acceptor);
    finish(&requestor, &acceptor);
}

/* After its own release request the peer may send nothing but a response: AA-8. */
static void data_after_a_release_request_is_aborted(void **unused) {
    struct owner acceptor;
    struct stream s = {0};
    owner_open_acceptor(&acceptor);
    acceptor.answers_release = false;
    stream_put_release(&s, false);
    stream_put_data_header(&s, 6 + 2);
    stream_put_pdv(&s, 3, 0, 2, 0);
    owner_feed(&acceptor, s.bytes, s.length);
    assert_log(&acceptor, "release rq\nabort by us 2 2\n");
    assert_state(&acceptor, STA_13);
    stream_release(&s);
    owner_release(&acceptor);
}

/* Both ask at once (PS3.8 7.2.2.3): the requestor answers first (Sta9, Sta11), the acceptor answers after it (Sta10, Sta12). */
static void a_collision(bool acceptor_hears_first, bool late_answers) {
    struct owner requestor, acceptor;
    owner_open_requestor(&requestor);
    owner_open_acceptor(&acceptor);
    requestor.answers_release = acceptor.answers_release = !late_answers;
    assert_true(association_release_request(&requestor.association));
    assert_true(association_release_request(&acceptor.association));
    owner_settle(&requestor);
    owner_settle(&acceptor);
    struct stream from_requestor = owner_take_sent(&requestor), from_acceptor = owner_take_sent(&acceptor);
    if (acceptor_hears_first) owner_feed(&acceptor, from_requestor.bytes, from_requestor.length);
    owner_feed(&requestor, from_acceptor.bytes, from_acceptor.length);
    if (!acceptor_hears_first) owner_feed(&acceptor, from_requestor.bytes, from_requestor.length);
    stream_release(&from_requestor);
    stream_release(&from_acceptor);
    assert_log(&requestor, "release rq\n");
    assert_log(&acceptor, "release rq\n");
    assert_state(&acceptor, STA_10); /* its answer waits */
    assert_int_equal(acceptor.sent.length, 0);
    if (late_answers) {
        assert_state(&requestor, STA_9);
        assert_true(association_release_response(&requestor.association));
        owner_settle(&requestor);
    }
    assert_state(&requestor, STA_11);
    deliver(&requestor, &acceptor);
    assert_log(&acceptor, "release rq\nrelease rp\n");
    if (late_answers) {
        assert_state(&acceptor, STA_12);
        assert_true(association_release_response(&acceptor.association));
        owner_settle(&acceptor);
    }
    assert_state(&acceptor, STA_13);
    assert_true(acceptor.artim);
    deliver(&acceptor, &requestor);
    assert_log(&requestor, "release rq\nrelease rp\n");
    assert_true(requestor.closed && association_is_over(&requestor.association));
    close_transport(&acceptor);
    finish(&requestor, &acceptor);
}

static void collisions(void **unused) {
    for (int i = 0; i < 4; i++) a_collision(i & 1, i & 2);
}

/* In a collision a second request, or data, is unexpected. */
static void a_collision_spoiled(void **unused) {
    static const uint8_t release_rq[] = {5, 0, 0, 0, 0, 4, 0, 0, 0, 0};
    for (int is_requestor = 0; is_requestor < 2; is_requestor++) {
        struct owner owner;
        is_requestor ? owner_open_requestor(&owner) : owner_open_acceptor(&owner);
        assert_true(association_release_request(&owner.association));
        owner_feed(&owner, release_rq, sizeof release_rq);
        assert_state(&owner, is_requestor ? STA_11 : STA_10);
        owner_feed(&owner, release_rq, sizeof release_rq);
        assert_log(&owner, "release rq\nabort by us 2 2\n");
        owner_release(&owner);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_side_may_release),
        cmocka_unit_test(responses_follow_a_release_request),
        cmocka_unit_test(data_after_a_release_request_is_aborted),
        cmocka_unit_test(collisions),
        cmocka_unit_test(a_collision_spoiled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
