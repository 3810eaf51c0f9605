/* SPDX-License-Identifier: Apache-2.0 */
/* test_connection: one connection on a reactor that the test turns, against a plain socket: echo, byte by byte, direct placement
 * in odd parts, back-pressure, sends with and without copying, every way to end in every state, connects that work and that
 * don't; after each test no descriptor, block or operation is left. */
#include "tests/net/link/loopback.h"

#include <netinet/tcp.h>

#define RECORD_BYTES (1u << 20)

struct recorder {
    struct connection connection;
    struct reactor *reactor;
    struct send_stock stock;
    uint8_t *bytes; /* everything that came, by whatever way */
    size_t length, direct_bytes, planned_at;
    uint32_t parts, part_bytes; /* the plan: so many parts of so many bytes */
    uint32_t plans, receipts, ends, closes, drains, connects, sends_done, sends_failed;
    bool pause, echo, abort_on_receive, abort_on_end, close_on_plan;
    enum connection_end end;
    uint32_t files_before;
    int client;
};

static struct recorder *recorder_of(struct connection *connection) {
    return container_of(connection, struct recorder, connection);
}

static enum connection_intake on_plan(struct connection *connection, struct iovec *parts, uint32_t *count) {
    struct recorder *r = recorder_of(connection);
    r->plans++;
    assert_int_equal(*count, 0);
    if (r->close_on_plan) connection_close(connection, 1000);
    if (r->pause) return CONNECTION_PAUSE;
    for (uint32_t i = 0; i < r->parts; i++)
        parts[i] = (struct iovec){r->bytes + r->length + (size_t)i * r->part_bytes, r->part_bytes};
    *count = r->parts;
    return CONNECTION_READ;
}

static void on_direct(struct connection *connection, size_t n) {
    struct recorder *r = recorder_of(connection);
    r->length += n;
    r->direct_bytes += n;
    assert_true(r->length <= RECORD_BYTES);
    if (r->abort_on_receive) connection_abort(connection);
}

static void on_received(struct connection *connection, const uint8_t *bytes, size_t n) {
    struct recorder *r = recorder_of(connection);
    assert_int_equal(r->closes, 0);
    assert_true(r->length + n <= RECORD_BYTES);
    memcpy(r->bytes + r->length, bytes, n);
    r->length += n;
    r->receipts++;
    if (r->echo) assert_true(connection_send(connection, bytes, n));
    if (r->abort_on_receive) connection_abort(connection);
}

static void on_connected(struct connection *connection) { recorder_of(connection)->connects++; }
static void on_drained(struct connection *connection) { recorder_of(connection)->drains++; }

static void on_ended(struct connection *connection, enum connection_end end, int os_error) {
    struct recorder *r = recorder_of(connection);
    assert_int_equal(r->ends++, 0);
    r->end = end;
    assert_int_equal(os_error == 0, end == CONNECTION_PEER_CLOSED);
    if (r->abort_on_end) connection_abort(connection);
}

static void on_closed(struct connection *connection) {
    struct recorder *r = recorder_of(connection);
    assert_int_equal(r->closes++, 0);
    memset(connection->spill, 0xee, sizeof(connection->spill));
}

static const struct connection_events events = {on_plan, on_direct, on_received, on_connected, on_ended, on_drained, on_closed};

static struct connection_options options_of(struct recorder *r) {
    return (struct connection_options){.reactor = r->reactor, .stock = &r->stock, .events = &events};
}

static int setup_bare(void **state) {
    struct recorder *r = calloc(1, sizeof(*r));
    struct reactor_options options = {.name = "test", .cpu = -1};
    r->files_before = loopback_open_files();
    r->reactor = reactor_create(&options, NULL);
    r->bytes = malloc(RECORD_BYTES + 64 * 4096);
    r->client = -1;
    assert_non_null(r->reactor);
    send_stock_init(&r->stock, 4);
    *state = r;
    return 0;
}

static int setup(void **state) {
    setup_bare(state);
    struct recorder *r = *state;
    struct connection_options options = options_of(r);
    int fds[2];
    loopback_pair(fds);
    r->client = fds[1];
    connection_open(&r->connection, &options, fds[0]);
    reactor_turn(r->reactor, 0);
    return 0;
}

static int teardown(void **state) {
    struct recorder *r = *state;
    if (r->client >= 0) close(r->client);
    assert_int_equal(r->closes, r->connection.state != CONNECTION_IDLE);
    assert_int_equal(reactor_in_flight(r->reactor), 0);
    send_stock_release(&r->stock);
    reactor_destroy(r->reactor);
    assert_int_equal(loopback_open_files(), r->files_before);
    free(r->bytes);
    free(r);
    return 0;
}

static void write_all(int fd, const void *bytes, size_t length) {
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(fd, (const uint8_t *)bytes + sent, length - sent, MSG_NOSIGNAL);
        assert_true(n > 0);
        sent += (size_t)n;
    }
}

/* What the client receives next: > 0 bytes, 0 at the end, -errno. Turns the reactor meanwhile. */
static ssize_t client_read(struct recorder *r, void *buffer, size_t capacity) {
    for (int i = 0; i < 4000; i++) {
        ssize_t n = recv(r->client, buffer, capacity, MSG_DONTWAIT);
        if (n >= 0 || errno != EAGAIN) return n < 0 ? -errno : n;
        reactor_turn(r->reactor, 5);
    }
    fail_msg("nothing came");
    return -1;
}

static void end_by_abort(struct recorder *r) {
    connection_abort(&r->connection);
    connection_abort(&r->connection);
    assert_int_equal(r->closes, 0); /* never before the function returned */
    loopback_turn_until(r->reactor, r->closes);
}

static void test_echo_byte_by_byte(void **state) {
    struct recorder *r = *state;
    r->echo = true;
    for (uint64_t i = 0; i < 500; i++) {
        uint8_t byte = loopback_byte(i), back;
        write_all(r->client, &byte, 1);
        assert_int_equal(client_read(r, &back, 1), 1);
        assert_int_equal(back, byte);
    }
    assert_true(r->drains > 0);
    assert_int_equal(r->connection.received_bytes, 500);
    assert_int_equal(r->connection.sent_bytes, 500);
    shutdown(r->client, SHUT_WR);
    loopback_turn_until(r->reactor, r->ends);
    assert_int_equal(r->end, CONNECTION_PEER_CLOSED);
    assert_true(connection_send(&r->connection, "bye", 3)); /* our direction is still open */
    connection_close(&r->connection, 1000);
    char text[4];
    assert_int_equal(client_read(r, text, 4), 3);
    assert_int_equal(client_read(r, text, 4), 0);
    loopback_turn_until(r->reactor, r->closes);
}

static void transfer(struct recorder *r, size_t total, uint64_t *seed) {
    uint8_t *sent = malloc(total);
    size_t at = 0;
    r->length = r->direct_bytes = 0;
    for (size_t i = 0; i < total; i++) sent[i] = loopback_byte(i);
    while (r->length < total) {
        size_t n = seed ? stress_next(seed) % 20000 : total;
        if (n > total - at) n = total - at;
        ssize_t wrote = n ? send(r->client, sent + at, n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        if (wrote > 0) at += (size_t)wrote;
        if (seed) {
            r->parts = (uint32_t)(stress_next(seed) % 65);
            r->part_bytes = (uint32_t)(1 + stress_next(seed) % 4096);
        }
        reactor_turn(r->reactor, at == total ? 50 : 0);
    }
    assert_int_equal(r->length, total);
    assert_memory_equal(r->bytes, sent, total);
    free(sent);
}

static void test_direct_placement(void **state) {
    struct recorder *r = *state;
    r->parts = 64;
    r->part_bytes = 4096;
    transfer(r, RECORD_BYTES, NULL);
    print_message("direct: %zu of %u bytes\n", r->direct_bytes, RECORD_BYTES);
    assert_true(r->direct_bytes > RECORD_BYTES / 2);
    end_by_abort(r);
}

static void test_direct_placement_odd(void **state) {
    struct recorder *r = *state;
    uint64_t seed = stress_seed();
    for (int i = 0; i < 4; i++) transfer(r, RECORD_BYTES / 2 + stress_next(&seed) % 1000, &seed);
    end_by_abort(r);
}

static void test_back_pressure(void **state) {
    struct recorder *r = *state;
    uint8_t block[65536] = {0};
    size_t sent = 0;
    r->pause = true;
    write_all(r->client, "x", 1); /* the receive under way takes it; then the plan says no */
    loopback_turn_until(r->reactor, r->length == 1 && r->plans >= 2);
    for (int idle = 0; idle < 20;) {
        ssize_t n = send(r->client, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        else idle++;
        reactor_turn(r->reactor, 1);
        if (sent > RECORD_BYTES / 2) break;
    }
    assert_int_equal(r->length, 1);
    uint32_t plans = r->plans;
    connection_resume_reading(&r->connection); /* asked once more, and still no */
    reactor_turn(r->reactor, 1);
    assert_int_equal(r->plans, plans + 1);
    r->pause = false;
    connection_resume_reading(&r->connection);
    loopback_turn_until(r->reactor, r->length == sent + 1);
    end_by_abort(r);
}

static void send_done(struct send *send, bool sent);

struct counted_send {
    struct send send;
    struct iovec parts[3];
    struct recorder *recorder;
};

static void send_done(struct send *send, bool sent) {
    struct recorder *r = container_of(send, struct counted_send, send)->recorder;
    if (sent) r->sends_done++;
    else r->sends_failed++;
}

static struct counted_send *make_send(struct recorder *r, uint8_t *bytes, size_t length) {
    struct counted_send *s = calloc(1, sizeof(*s));
    size_t third = length / 3;
    *s = (struct counted_send){.recorder = r, .parts = {{bytes, third}, {bytes, 0}, {bytes + third, length - third}},
                               .send = {.count = 3, .done = send_done}};
    s->send.parts = s->parts;
    return s;
}

static void test_sends_in_order(void **state) {
    struct recorder *r = *state;
    size_t big = 600000, total = 0, received = 0;
    uint8_t *bytes = malloc(big + 40), *back = malloc(3 * (big + 20));
    for (size_t i = 0; i < big + 40; i++) bytes[i] = loopback_byte(i);
    struct counted_send *sends[4];
    for (int i = 0; i < 3; i++) { /* small bytes, big memory, small bytes, ... */
        assert_true(connection_send(&r->connection, bytes, 20));
        sends[i] = make_send(r, bytes + 20, big);
        assert_true(connection_send_parts(&r->connection, &sends[i]->send));
        total += 20 + big;
    }
    sends[3] = make_send(r, bytes, 0); /* nothing at all, and still done */
    assert_true(connection_send_parts(&r->connection, &sends[3]->send));
    while (received < total) {
        ssize_t n = client_read(r, back + received, total - received);
        assert_true(n > 0);
        received += (size_t)n;
    }
    for (int i = 0; i < 3; i++) assert_memory_equal(back + (size_t)i * (big + 20), bytes, big + 20);
    loopback_turn_until(r->reactor, r->sends_done == 4);
    for (int i = 0; i < 4; i++) free(sends[i]);
    free(bytes);
    free(back);
    end_by_abort(r);
}

static void test_send_is_bounded(void **state) {
    struct recorder *r = *state;
    uint8_t block[1000] = {0};
    uint32_t taken = 0;
    assert_false(connection_send(&r->connection, r->bytes, 65537));
    while (connection_send(&r->connection, block, sizeof(block))) taken++;
    assert_int_equal(taken, 65);
    assert_true(connection_send(&r->connection, block, 536));
    assert_false(connection_send(&r->connection, block, 1));
    loopback_turn_until(r->reactor, r->drains);
    assert_true(connection_send(&r->connection, block, 1));
    loopback_turn_until(r->reactor, r->drains == 2);
    end_by_abort(r);
}

/* Fills the socket so that a send stays with the kernel. */
static struct counted_send *stuck_send(struct recorder *r) {
    static uint8_t huge[16 << 20];
    struct counted_send *s = make_send(r, huge, sizeof(huge));
    assert_true(connection_send_parts(&r->connection, &s->send));
    for (int i = 0; i < 20; i++) reactor_turn(r->reactor, 1);
    assert_true(r->connection.transmitting);
    return s;
}

static void test_abort_while_sending(void **state) {
    struct recorder *r = *state;
    struct counted_send *s = stuck_send(r);
    connection_send(&r->connection, "x", 1);
    end_by_abort(r);
    assert_int_equal(r->sends_failed, 1);
    assert_int_equal(r->ends, 0);
    free(s);
}

static void test_abort_resets(void **state) {
    struct recorder *r = *state;
    char byte;
    end_by_abort(r);
    assert_int_equal(client_read(r, &byte, 1), -ECONNRESET);
    assert_false(connection_send(&r->connection, "x", 1));
}

static void test_abort_in_callbacks(void **state) {
    struct recorder *r = *state;
    r->abort_on_receive = true;
    r->parts = 1;
    r->part_bytes = 1; /* one byte direct, so that the rest must not be delivered after the abort */
    reactor_turn(r->reactor, 0);
    write_all(r->client, "x", 1);
    loopback_turn_until(r->reactor, r->closes);
    assert_int_equal(r->length, 1);
}

static void test_close_in_plan(void **state) {
    struct recorder *r = *state;
    r->close_on_plan = true;
    write_all(r->client, "x", 1);
    loopback_turn_until(r->reactor, r->connection.state == CONNECTION_LINGERING);
    close(r->client);
    r->client = -1;
    loopback_turn_until(r->reactor, r->closes);
}

static void test_abort_while_paused(void **state) {
    struct recorder *r = *state;
    r->pause = true;
    write_all(r->client, "x", 1);
    loopback_turn_until(r->reactor, r->connection.paused);
    end_by_abort(r);
}

static void test_close_flushes_and_lingers(void **state) {
    struct recorder *r = *state;
    char text[8];
    connection_send(&r->connection, "last", 4);
    connection_close(&r->connection, 5000);
    assert_false(connection_send(&r->connection, "x", 1));
    write_all(r->client, "thrown away", 11); /* must not turn into a reset that destroys "last" */
    loopback_turn_until(r->reactor, r->connection.state == CONNECTION_LINGERING);
    write_all(r->client, "thrown away", 11);
    for (int i = 0; i < 5; i++) reactor_turn(r->reactor, 1);
    assert_int_equal(r->closes, 0);
    assert_int_equal(client_read(r, text, 8), 4);
    assert_int_equal(client_read(r, text, 8), 0);
    close(r->client);
    r->client = -1;
    loopback_turn_until(r->reactor, r->closes);
    assert_int_equal(r->length, 0);
    assert_int_equal(r->ends, 0);
}

static void test_linger_is_bounded(void **state) {
    struct recorder *r = *state;
    uint64_t begin_ms = clock_monotonic_ms();
    connection_close(&r->connection, 50);
    loopback_turn_until(r->reactor, r->closes);
    assert_true(clock_monotonic_ms() - begin_ms >= 49);
    assert_true(clock_monotonic_ms() - begin_ms < 5000);
}

static void test_flush_is_bounded(void **state) {
    struct recorder *r = *state;
    struct counted_send *s = stuck_send(r);
    connection_close(&r->connection, 50);
    loopback_turn_until(r->reactor, r->closes);
    assert_int_equal(r->sends_failed, 1);
    free(s);
}

static void test_abort_while_flushing_and_lingering(void **state) {
    struct recorder *r = *state;
    struct counted_send *s = stuck_send(r);
    connection_close(&r->connection, 60000);
    reactor_turn(r->reactor, 1);
    assert_int_equal(r->connection.state, CONNECTION_FLUSHING);
    end_by_abort(r);
    free(s);
}

static void test_abort_while_lingering(void **state) {
    struct recorder *r = *state;
    connection_close(&r->connection, 60000);
    loopback_turn_until(r->reactor, r->connection.state == CONNECTION_LINGERING);
    end_by_abort(r);
}

static void test_half_close(void **state) {
    struct recorder *r = *state;
    char text[8];
    connection_send(&r->connection, "end", 3);
    connection_half_close(&r->connection);
    assert_int_equal(client_read(r, text, 8), 3);
    assert_int_equal(client_read(r, text, 8), 0);
    write_all(r->client, "more", 4);
    loopback_turn_until(r->reactor, r->length == 4);
    close(r->client);
    r->client = -1;
    loopback_turn_until(r->reactor, r->ends);
    connection_close(&r->connection, 60000);
    loopback_turn_until(r->reactor, r->closes); /* both directions are over: no lingering */
}

static void client_reset(struct recorder *r) {
    struct linger reset = {1, 0};
    setsockopt(r->client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(r->client);
    r->client = -1;
}

static void test_peer_resets(void **state) {
    struct recorder *r = *state;
    client_reset(r);
    loopback_turn_until(r->reactor, r->ends);
    assert_int_equal(r->end, CONNECTION_RESET);
    assert_false(connection_send(&r->connection, "x", 1));
    connection_close(&r->connection, 60000);
    loopback_turn_until(r->reactor, r->closes);
}

static void test_peer_resets_while_sending(void **state) {
    struct recorder *r = *state;
    struct counted_send *s = stuck_send(r);
    client_reset(r);
    loopback_turn_until(r->reactor, r->ends);
    assert_int_equal(r->end, CONNECTION_RESET);
    loopback_turn_until(r->reactor, r->sends_failed);
    end_by_abort(r);
    free(s);
}

/* The peer sends, then goes; our answer fails: what it sent must still be received before the end is told. */
static void test_last_bytes_before_a_reset(void **state) {
    struct recorder *r = *state;
    r->pause = true;
    write_all(r->client, "x", 1);
    loopback_turn_until(r->reactor, r->connection.paused);
    write_all(r->client, "the rest", 8);
    close(r->client);
    r->client = -1;
    for (int i = 0; i < 20; i++) { /* the first answer provokes the reset, a later one fails */
        connection_send(&r->connection, "answer", 6);
        reactor_turn(r->reactor, 1);
    }
    assert_false(connection_send(&r->connection, "answer", 6));
    assert_int_equal(r->ends, 0);
    r->pause = false;
    connection_resume_reading(&r->connection);
    loopback_turn_until(r->reactor, r->ends);
    assert_int_equal(r->length, 9);
    assert_int_equal(r->end, CONNECTION_RESET);
    end_by_abort(r);
}

static void test_reactor_stops(void **state) {
    struct recorder *r = *state;
    r->abort_on_end = true;
    reactor_stop(r->reactor);
    while (reactor_turn(r->reactor, -1)) {
    }
    assert_int_equal(r->ends, 1);
    assert_int_equal(r->end, CONNECTION_STOPPED);
    assert_int_equal(r->closes, 1);
}

static void test_connect(void **state) {
    struct recorder *r = *state;
    struct connection_options options = options_of(r);
    const char *addresses[] = {"127.0.0.1", "::1"};
    for (int i = 0; i < 2; i++) {
        struct endpoint endpoint, bound;
        char text[8];
        assert_true(endpoint_parse(&endpoint, addresses[i], 0, NULL));
        int listening = socket(endpoint.any.sa_family, SOCK_STREAM, 0);
        if (bind(listening, &endpoint.any, endpoint.length) != 0) { /* no IPv6 here */
            close(listening);
            continue;
        }
        assert_int_equal(listen(listening, 1), 0);
        bound = endpoint_of_local(listening);
        r->closes = r->connects = r->ends = 0;
        assert_true(connection_connect(&r->connection, &options, &bound, 5000, NULL));
        loopback_turn_until(r->reactor, r->connects);
        int on = 0;
        socklen_t size = sizeof(on);
        getsockopt(r->connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, &size);
        assert_int_not_equal(on, 0);
        r->client = accept(listening, NULL, NULL);
        connection_send(&r->connection, "hi", 2);
        assert_int_equal(client_read(r, text, 8), 2);
        close(r->client);
        r->client = -1;
        loopback_turn_until(r->reactor, r->ends);
        end_by_abort(r);
        close(listening);
    }
}

static void test_connect_refused(void **state) {
    struct recorder *r = *state;
    struct connection_options options = options_of(r);
    struct endpoint endpoint, bound;
    assert_true(endpoint_parse(&endpoint, "127.0.0.1", 0, NULL));
    int taken = socket(AF_INET, SOCK_STREAM, 0); /* bound, and nobody listens */
    assert_int_equal(bind(taken, &endpoint.any, endpoint.length), 0);
    bound = endpoint_of_local(taken);
    assert_true(connection_connect(&r->connection, &options, &bound, 5000, NULL));
    loopback_turn_until(r->reactor, r->ends);
    assert_int_equal(r->end, CONNECTION_REFUSED);
    close(taken);
    end_by_abort(r);
}

/* A full backlog leaves a connect without an answer. */
static void connect_without_answer(struct recorder *r, int fillers[8], int *listening, uint64_t timeout_ms) {
    struct connection_options options = options_of(r);
    struct endpoint endpoint, bound;
    assert_true(endpoint_parse(&endpoint, "127.0.0.1", 0, NULL));
    *listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(*listening, &endpoint.any, endpoint.length), 0);
    assert_int_equal(listen(*listening, 0), 0);
    bound = endpoint_of_local(*listening);
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], &bound.any, bound.length);
    }
    assert_true(connection_connect(&r->connection, &options, &bound, timeout_ms, NULL));
}

static void test_connect_times_out(void **state) {
    struct recorder *r = *state;
    int fillers[8], listening;
    connect_without_answer(r, fillers, &listening, 50);
    loopback_turn_until(r->reactor, r->ends);
    assert_int_equal(r->end, CONNECTION_TIMED_OUT);
    end_by_abort(r);
    for (int i = 0; i < 8; i++) close(fillers[i]);
    close(listening);
}

static void test_abort_while_connecting(void **state) {
    struct recorder *r = *state;
    int fillers[8], listening;
    connect_without_answer(r, fillers, &listening, 60000);
    for (int i = 0; i < 5; i++) reactor_turn(r->reactor, 1);
    assert_int_equal(r->connection.state, CONNECTION_CONNECTING);
    end_by_abort(r);
    assert_int_equal(r->ends, 0);
    for (int i = 0; i < 8; i++) close(fillers[i]);
    close(listening);
}

#define opened(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define bare(test) cmocka_unit_test_setup_teardown(test, setup_bare, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        opened(test_echo_byte_by_byte),
        opened(test_direct_placement),
        opened(test_direct_placement_odd),
        opened(test_back_pressure),
        opened(test_sends_in_order),
        opened(test_send_is_bounded),
        opened(test_abort_while_sending),
        opened(test_abort_resets),
        opened(test_abort_in_callbacks),
        opened(test_close_in_plan),
        opened(test_abort_while_paused),
        opened(test_close_flushes_and_lingers),
        opened(test_linger_is_bounded),
        opened(test_flush_is_bounded),
        opened(test_abort_while_flushing_and_lingering),
        opened(test_abort_while_lingering),
        opened(test_half_close),
        opened(test_peer_resets),
        opened(test_peer_resets_while_sending),
        opened(test_last_bytes_before_a_reset),
        opened(test_reactor_stops),
        bare(test_connect),
        bare(test_connect_refused),
        bare(test_connect_times_out),
        bare(test_abort_while_connecting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
