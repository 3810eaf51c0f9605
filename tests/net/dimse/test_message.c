/* SPDX-License-Identifier: Apache-2.0 */
/* test_message: messages in every split, each fault of the assembler, framing for every maximum PDU length, and the set of
 * message IDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "engine/base/check.h"
#include "engine/base/cursor.h"
#include "net/dimse/message.h"
#include "net/dimse/message_ids.h"

static size_t encode(uint8_t *out, size_t capacity, uint16_t field, uint16_t id, bool data_set) {
    struct command c = {.field = field,
                        .message_id = id,
                        .has = COMMAND_HAS_MESSAGE_ID,
                        .data_set_type = data_set ? 0 : COMMAND_NO_DATA_SET,
                        .affected_sop_class = slice_text("1.2.840.10008.5.1.4.1.1.2"),
                        .affected_sop_instance = slice_text("1.2.3.4")};
    size_t n = command_encode(&c, out, capacity);
    assert_true(n > 0);
    return n;
}

/* One PDV, its payload in pieces. Returns the last event that is not MESSAGE_MORE or MESSAGE_DATA. */
static enum message_event feed(struct message *m, uint8_t context, bool is_command, bool is_last, const uint8_t *bytes, size_t n,
                               size_t piece) {
    struct fault fault;
    enum message_event begin = message_pdv_begin(m, context, is_command, is_last, &fault), event = begin;
    if (begin == MESSAGE_FAULT) return begin;
    for (size_t at = 0; at < n; at += piece) {
        size_t now = n - at < piece ? n - at : piece;
        event = message_pdv_data(m, bytes ? bytes + at : NULL, now, &fault);
        if (event == MESSAGE_FAULT) return event;
        assert_int_equal(event, is_command ? MESSAGE_MORE : MESSAGE_DATA);
    }
    event = message_pdv_end(m, &fault);
    return event != MESSAGE_MORE ? event : begin;
}

static void one_store(void **state) {
    struct message m;
    uint8_t command[1024];
    size_t n = encode(command, sizeof command, COMMAND_C_STORE_RQ, 3, true);
    message_init(&m);
    for (int round = 0; round < 3; round++) {
        assert_true(message_is_idle(&m));
        assert_int_equal(feed(&m, 5, true, true, command, n, n), MESSAGE_COMMAND);
        assert_int_equal(m.result, COMMAND_OK);
        assert_int_equal(m.context_id, 5);
        assert_int_equal(m.command.message_id, 3);
        assert_false(message_is_idle(&m));
        assert_int_equal(feed(&m, 5, false, false, NULL, 1000, 300), MESSAGE_DATA_BEGIN);
        assert_int_equal(feed(&m, 5, false, false, NULL, 0, 1), MESSAGE_MORE);
        assert_int_equal(feed(&m, 5, false, true, NULL, 7, 7), MESSAGE_DATA_END);
        assert_int_equal(m.data_set_bytes, 1007);
        assert_true(slice_equal(m.command.affected_sop_instance, slice_text("1.2.3.4"))); /* still good */
    }
}

/* Every way to cut a command in two PDVs and in pieces, empty fragments included. */
static void every_split(void **state) {
    uint8_t command[1024];
    size_t n = encode(command, sizeof command, COMMAND_C_ECHO_RQ, 9, false);
    for (size_t cut = 0; cut <= n; cut++) {
        for (size_t piece = 1; piece <= n; piece += 5) {
            struct message m;
            message_init(&m);
            assert_int_equal(feed(&m, 1, true, false, command, cut, piece), MESSAGE_MORE);
            assert_int_equal(feed(&m, 1, true, true, command + cut, n - cut, piece), MESSAGE_COMMAND);
            assert_int_equal(m.command.message_id, 9);
            assert_true(message_is_idle(&m));
        }
    }
}

static void an_empty_data_set(void **state) {
    struct message m;
    uint8_t command[1024];
    size_t n = encode(command, sizeof command, COMMAND_C_STORE_RQ, 3, true);
    struct fault fault;
    message_init(&m);
    assert_int_equal(feed(&m, 5, true, true, command, n, n), MESSAGE_COMMAND);
    assert_int_equal(message_pdv_begin(&m, 5, false, true, &fault), MESSAGE_DATA_BEGIN);
    assert_int_equal(message_pdv_end(&m, &fault), MESSAGE_DATA_END);
    assert_int_equal(m.data_set_bytes, 0);
}

/* Each row: fragments of a C-STORE (S, context 5, data set follows) or a C-ECHO (E, no data set), then the one that is wrong. */
static void faults(void **state) {
    static const struct {
        const char *name, *before;
        uint8_t context;
        bool is_command;
    } rows[] = {
        {"data without a command", "", 5, false},
        {"data after a command that announced none", "E", 5, false},
        {"data after a whole message", "SD", 5, false},
        {"command where data are due", "S", 5, true},
        {"command inside data", "Sd", 5, true},
        {"data inside a command", "s", 5, false},
        {"another context inside a command", "s", 7, true},
        {"another context for the data", "S", 7, false},
        {"another context inside the data", "Sd", 7, false},
    };
    uint8_t store[1024], echo[1024];
    size_t store_bytes = encode(store, sizeof store, COMMAND_C_STORE_RQ, 3, true);
    size_t echo_bytes = encode(echo, sizeof echo, COMMAND_C_ECHO_RQ, 3, false);
    for (size_t i = 0; i < array_count(rows); i++) {
        struct message m;
        struct fault fault = {0};
        message_init(&m);
        for (const char *step = rows[i].before; *step; step++) {
            enum message_event event = *step == 'S'   ? feed(&m, 5, true, true, store, store_bytes, 64)
                                       : *step == 's' ? feed(&m, 5, true, false, store, 20, 20)
                                       : *step == 'E' ? feed(&m, 5, true, true, echo, echo_bytes, 64)
                                                      : feed(&m, 5, false, *step == 'D', NULL, 10, 10);
            assert_int_not_equal(event, MESSAGE_FAULT);
        }
        if (message_pdv_begin(&m, rows[i].context, rows[i].is_command, true, &fault) != MESSAGE_FAULT)
            fail_msg("%s passed", rows[i].name);
        assert_int_equal(fault.code, FAULT_MALFORMED);
        assert_int_equal(m.state, MESSAGE_FAILED);
        assert_int_equal(message_pdv_data(&m, NULL, 5, &fault), MESSAGE_FAULT); /* and so it stays */
        assert_int_equal(message_pdv_end(&m, &fault), MESSAGE_FAULT);
        assert_int_equal(message_pdv_begin(&m, 5, true, true, &fault), MESSAGE_FAULT);
    }
}

static void a_command_too_long(void **state) {
    static uint8_t bytes[LIMIT_COMMAND_BYTES + 1];
    struct message m;
    struct fault fault = {0};
    /* just as much as fits, as one element that nobody knows */
    uint8_t echo[1024];
    size_t n = encode(echo, sizeof echo, COMMAND_C_ECHO_RQ, 3, false);
    memcpy(bytes, echo, n);
    store_le16(bytes + n, 0);
    store_le16(bytes + n + 2, 0x5110);
    store_le32(bytes + n + 4, (uint32_t)(LIMIT_COMMAND_BYTES - n - 8));
    message_init(&m);
    assert_int_equal(feed(&m, 5, true, true, bytes, LIMIT_COMMAND_BYTES, 100), MESSAGE_COMMAND);
    message_init(&m);
    assert_int_equal(message_pdv_begin(&m, 5, true, true, &fault), MESSAGE_MORE);
    assert_int_equal(message_pdv_data(&m, bytes, LIMIT_COMMAND_BYTES + 1, &fault), MESSAGE_FAULT);
    assert_int_equal(fault.code, FAULT_LIMIT);
}

static void impossible_and_unanswerable(void **state) {
    struct message m;
    message_init(&m);
    assert_int_equal(feed(&m, 5, true, true, (const uint8_t *)"not a command set", 17, 17), MESSAGE_FAULT);
    message_init(&m);
    assert_int_equal(feed(&m, 5, true, true, NULL, 0, 1), MESSAGE_FAULT);
    /* unknown ones are the owner's affair, and their data set follows */
    uint8_t command[1024];
    size_t n = encode(command, sizeof command, 0x0666, 4, true);
    message_init(&m);
    assert_int_equal(feed(&m, 5, true, true, command, n, n), MESSAGE_COMMAND);
    assert_int_equal(m.result, COMMAND_UNKNOWN_FIELD);
    assert_int_equal(feed(&m, 5, false, true, NULL, 4, 4), MESSAGE_DATA_END);
    assert_true(message_is_idle(&m));
}

/* ---- framing ---- */

/* Takes the PDUs apart again and checks each against the peer's maximum. */
static void unframe(const uint8_t *bytes, size_t n, uint32_t max_pdu, const uint8_t *command, size_t command_bytes) {
    struct message m;
    message_init(&m);
    size_t at = 0, seen = 0;
    enum message_event event = MESSAGE_MORE;
    while (at < n) {
        assert_int_equal(event, MESSAGE_MORE);
        assert_int_equal(bytes[at], 4);
        uint32_t length = load_be32(bytes + at + 2);
        if (max_pdu >= MESSAGE_MIN_PDU_BYTES) assert_true(length <= max_pdu);
        assert_int_equal(load_be32(bytes + at + 6), length - 4);
        size_t fragment = length - 6;
        assert_memory_equal(bytes + at + 12, command + seen, fragment);
        assert_int_equal(fragment % 2, 0);
        event = feed(&m, bytes[at + 10], bytes[at + 11] & 1, bytes[at + 11] & 2, bytes + at + 12, fragment, fragment);
        seen += fragment;
        at += 6 + length;
    }
    assert_int_equal(at, n);
    assert_int_equal(seen, command_bytes);
    assert_int_equal(event, MESSAGE_COMMAND);
    assert_int_equal(m.context_id, 253);
}

static void framing_for_every_maximum(void **state) {
    uint8_t command[1024], out[8192];
    size_t n = encode(command, sizeof command, COMMAND_C_ECHO_RQ, 5, false);
    for (uint32_t max_pdu = 0; max_pdu < 400; max_pdu++) {
        size_t want = message_framed_bytes(n, max_pdu);
        assert_int_equal(message_frame(253, slice_of(command, n), max_pdu, out, want - 1), 0);
        assert_int_equal(message_frame(253, slice_of(command, n), max_pdu, out, want), want);
        unframe(out, want, max_pdu, command, n);
    }
    assert_int_equal(message_framed_bytes(n, 0), n + MESSAGE_HEADER_BYTES);
    assert_int_equal(message_framed_bytes(n, 262144), n + MESSAGE_HEADER_BYTES);
}

static void fragments(void **state) {
    assert_int_equal(message_fragment_bytes(0, 262144), 262144);
    assert_int_equal(message_fragment_bytes(16384, 262144), 16378);
    assert_int_equal(message_fragment_bytes(16383, 262144), 16376);
    assert_int_equal(message_fragment_bytes(1000000, 262144), 262144);
    assert_int_equal(message_fragment_bytes(1, 262144), 2);
    uint8_t header[MESSAGE_HEADER_BYTES];
    static const uint8_t want[] = {4, 0, 0, 0, 0x40, 0, 0, 0, 0x3f, 0xfc, 3, 2};
    message_fragment_header(header, 3, false, true, 16378);
    assert_memory_equal(header, want, sizeof want);
}

/* ---- message IDs ---- */

static void message_id_set(void **state) {
    struct message_ids ids;
    message_ids_init(&ids, 3);
    assert_int_equal(message_ids_add(&ids, 1), MESSAGE_IDS_ADDED);
    assert_int_equal(message_ids_add(&ids, 0), MESSAGE_IDS_ADDED);
    assert_int_equal(message_ids_add(&ids, 1), MESSAGE_IDS_IN_USE);
    assert_int_equal(message_ids_add(&ids, 65535), MESSAGE_IDS_ADDED);
    assert_int_equal(message_ids_add(&ids, 2), MESSAGE_IDS_FULL);
    assert_int_equal(message_ids_add(&ids, 0), MESSAGE_IDS_IN_USE); /* before FULL */
    message_ids_remove(&ids, 1);
    assert_false(message_ids_contains(&ids, 1));
    assert_true(message_ids_contains(&ids, 0));
    assert_true(message_ids_contains(&ids, 65535));
    assert_int_equal(message_ids_add(&ids, 2), MESSAGE_IDS_ADDED);
    message_ids_init(&ids, 0);
    assert_int_equal(ids.window, LIMIT_ASYNC_WINDOW_MAX);
    message_ids_init(&ids, 100000);
    assert_int_equal(ids.window, LIMIT_ASYNC_WINDOW_MAX);
}

/* Against a plain model. */
static void message_ids_at_random(void **state) {
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct message_ids ids;
    bool model[64] = {false};
    unsigned count = 0;
    message_ids_init(&ids, 16);
    for (int round = 0; round < 100000; round++) {
        uint16_t id = (uint16_t)(rand() % 64);
        if (rand() & 1) {
            enum message_ids_result want = model[id] ? MESSAGE_IDS_IN_USE : count == 16 ? MESSAGE_IDS_FULL : MESSAGE_IDS_ADDED;
            assert_int_equal(message_ids_add(&ids, id), want);
            if (want == MESSAGE_IDS_ADDED) {
                model[id] = true;
                count++;
            }
        } else if (model[id]) {
            message_ids_remove(&ids, id);
            model[id] = false;
            count--;
        }
        assert_int_equal(ids.count, count);
        assert_int_equal(message_ids_contains(&ids, id), model[id]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_store),
        cmocka_unit_test(every_split),
        cmocka_unit_test(an_empty_data_set),
        cmocka_unit_test(faults),
        cmocka_unit_test(a_command_too_long),
        cmocka_unit_test(impossible_and_unanswerable),
        cmocka_unit_test(framing_for_every_maximum),
        cmocka_unit_test(fragments),
        cmocka_unit_test(message_id_set),
        cmocka_unit_test(message_ids_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
