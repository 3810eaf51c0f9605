/* SPDX-License-Identifier: Apache-2.0 */
/* test_listener: a whole echo server on two reactors with threads of their own: thousands of connections that end in different
 * ways leave nothing behind; load is spread; pause, resume, close; running out of descriptors; several addresses; ports in use.
 * */
#include "tests/net/link/loopback.h"

#include <netinet/tcp.h>
#include <sys/resource.h>

#include "net/link/listener.h"

#define REACTORS 2u

struct server {
    struct reactor *reactors[REACTORS];
    struct send_stock stocks[REACTORS];
    struct listener *listener;
    uint32_t files_before;
    _Atomic uint32_t opened[REACTORS], closed; /* relaxed counters, polled by the test */
    _Atomic uint32_t plain_sockets;            /* accepted sockets without TCP_NODELAY or SO_KEEPALIVE; relaxed */
};

struct guest {
    struct connection connection;
    struct server *server;
};

static struct guest *guest_of(struct connection *connection) { return container_of(connection, struct guest, connection); }

static void on_received(struct connection *connection, const uint8_t *bytes, size_t n) {
    if (!connection_send(connection, bytes, n)) connection_abort(connection);
}

static void on_ended(struct connection *connection, enum connection_end end, int os_error) {
    if (end == CONNECTION_PEER_CLOSED) connection_close(connection, 1000);
    else connection_abort(connection);
}

static void on_closed(struct connection *connection) {
    struct guest *guest = guest_of(connection);
    reactor_add_load(connection->reactor, -1);
    atomic_fetch_add_explicit(&guest->server->closed, 1, memory_order_relaxed);
    free(guest);
}

static const struct connection_events events = {.received = on_received, .ended = on_ended, .closed = on_closed};

static void on_accepted(void *context, struct reactor *target, int fd) {
    struct server *server = context;
    uint32_t index = reactor_index(target);
    struct guest *guest = malloc(sizeof(*guest));
    struct connection_options options = {.reactor = target, .stock = &server->stocks[index], .events = &events};
    int nodelay = 0, keepalive = 0;
    socklen_t size = sizeof(int);
    if (reactor_current() != target) abort();
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size);
    getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &keepalive, &size);
    if (!nodelay || !keepalive) atomic_fetch_add_explicit(&server->plain_sockets, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&server->opened[index], 1, memory_order_relaxed);
    guest->server = server;
    connection_open(&guest->connection, &options, fd);
}

static struct server *serve(const struct endpoint *endpoints, uint32_t count, bool resumed) {
    struct server *server = calloc(1, sizeof(*server));
    struct fault fault = {0};
    server->files_before = loopback_open_files();
    for (uint32_t i = 0; i < REACTORS; i++) {
        struct reactor_options options = {.name = "test", .index = i, .cpu = -1};
        server->reactors[i] = reactor_create(&options, &fault);
        assert_non_null(server->reactors[i]);
        send_stock_init(&server->stocks[i], 16);
    }
    struct listener_options options = {.endpoints = endpoints, .endpoint_count = count, .reactor = server->reactors[0],
                                       .targets = server->reactors, .target_count = REACTORS, .accepted = on_accepted,
                                       .context = server};
    server->listener = listener_create(&options, &fault);
    if (!server->listener) fail_msg("%s", fault.text);
    if (resumed) listener_resume(server->listener);
    for (uint32_t i = 0; i < REACTORS; i++) assert_true(reactor_start(server->reactors[i], &fault));
    return server;
}

static uint32_t opened_count(struct server *server) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < REACTORS; i++) count += atomic_load_explicit(&server->opened[i], memory_order_relaxed);
    return count;
}

static void wait_opened(struct server *server, uint32_t count) {
    for (int i = 0; i < 20000 && opened_count(server) < count; i++) usleep(1000);
    assert_int_equal(opened_count(server), count);
}

static void wait_closed(struct server *server, uint32_t count) {
    for (int i = 0; i < 20000 && atomic_load_explicit(&server->closed, memory_order_relaxed) < count; i++) usleep(1000);
    assert_int_equal(atomic_load_explicit(&server->closed, memory_order_relaxed), count);
}

static void stop(struct server *server) {
    listener_close(server->listener);
    listener_resume(server->listener); /* closed is final */
    for (uint32_t i = 0; i < REACTORS; i++) reactor_stop(server->reactors[i]);
    for (uint32_t i = 0; i < REACTORS; i++) reactor_join(server->reactors[i]);
    assert_int_equal(atomic_load_explicit(&server->plain_sockets, memory_order_relaxed), 0);
    assert_int_equal(atomic_load_explicit(&server->closed, memory_order_relaxed), opened_count(server));
    assert_int_equal(listener_accepted_count(server->listener), opened_count(server));
    listener_destroy(server->listener);
    for (uint32_t i = 0; i < REACTORS; i++) {
        assert_int_equal(reactor_load(server->reactors[i]), 0);
        send_stock_release(&server->stocks[i]);
        reactor_destroy(server->reactors[i]);
    }
    assert_int_equal(loopback_open_files(), server->files_before);
    free(server);
}

static int try_connect(const char *address, uint16_t port) {
    struct endpoint endpoint;
    assert_true(endpoint_parse(&endpoint, address, port, NULL));
    int fd = socket(endpoint.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, &endpoint.any, endpoint.length) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static void echo_once(int fd, uint64_t seed) {
    uint8_t bytes[512], back[512];
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = loopback_byte(seed + i);
    assert_int_equal(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
    assert_int_equal(recv(fd, back, sizeof(back), MSG_WAITALL), sizeof(back));
    assert_memory_equal(bytes, back, sizeof(bytes));
}

static void test_two_thousand(void **state) {
    struct server *server = serve(NULL, 0, true);
    uint16_t port = listener_port(server->listener, 0);
    uint64_t seed = stress_seed(), begin_ns = clock_monotonic_ns();
    int fds[100];
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < array_count(fds); i++) assert_true((fds[i] = try_connect("127.0.0.1", port)) >= 0);
        for (size_t i = 0; i < array_count(fds); i++) {
            uint64_t how = stress_next(&seed) % 8;
            struct linger reset = {1, 0};
            if (how < 5) echo_once(fds[i], seed);
            if (how == 5) assert_int_equal(send(fds[i], "unread answer", 13, MSG_NOSIGNAL), 13);
            if (how >= 5 && how <= 6) setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
            close(fds[i]);
        }
    }
    wait_opened(server, 2000);
    wait_closed(server, 2000);
    print_message("%.0f connections/s\n", 2000e9 / (double)(clock_monotonic_ns() - begin_ns));
    stop(server);
}

static void test_load_is_spread(void **state) {
    struct server *server = serve(NULL, 0, true);
    int fds[40];
    for (size_t i = 0; i < array_count(fds); i++) {
        assert_true((fds[i] = try_connect("127.0.0.1", listener_port(server->listener, 0))) >= 0);
        wait_opened(server, (uint32_t)i + 1);
    }
    for (uint32_t i = 0; i < REACTORS; i++) {
        assert_int_equal(atomic_load_explicit(&server->opened[i], memory_order_relaxed), array_count(fds) / REACTORS);
        assert_int_equal(reactor_load(server->reactors[i]), array_count(fds) / REACTORS);
    }
    for (size_t i = 0; i < array_count(fds); i++) close(fds[i]);
    wait_closed(server, array_count(fds));
    stop(server);
}

static void test_open_connections_at_the_end(void **state) {
    struct server *server = serve(NULL, 0, true);
    int fds[10];
    for (int i = 0; i < 10; i++) assert_true((fds[i] = try_connect("127.0.0.1", listener_port(server->listener, 0))) >= 0);
    wait_opened(server, 10);
    server->files_before += 10;
    stop(server); /* each of them is told CONNECTION_STOPPED and aborts */
    for (int i = 0; i < 10; i++) close(fds[i]);
}

static void test_pause_and_resume(void **state) {
    struct server *server = serve(NULL, 0, false); /* not yet resumed: peers wait in the backlog */
    uint16_t port = listener_port(server->listener, 0);
    int early = try_connect("127.0.0.1", port);
    assert_true(early >= 0);
    usleep(30000);
    assert_int_equal(opened_count(server), 0);
    listener_resume(server->listener);
    wait_opened(server, 1);
    listener_pause(server->listener);
    usleep(30000);
    int late = try_connect("127.0.0.1", port);
    assert_true(late >= 0);
    usleep(30000);
    assert_int_equal(opened_count(server), 1);
    for (int i = 0; i < 1001; i++) { /* any number of calls, the last one counts */
        if (i % 2) listener_pause(server->listener);
        else listener_resume(server->listener);
    }
    wait_opened(server, 2);
    echo_once(early, 1);
    echo_once(late, 2);
    close(early);
    close(late);
    wait_closed(server, 2);
    listener_close(server->listener);
    for (int i = 0, fd; i < 1000 && (fd = try_connect("127.0.0.1", port)) >= 0; i++) { /* until it took effect */
        close(fd);
        usleep(1000);
    }
    assert_int_equal(try_connect("127.0.0.1", port), -1);
    stop(server);
}

static void test_out_of_descriptors(void **state) {
    struct server *server = serve(NULL, 0, false);
    struct rlimit before, tight;
    int fds[20];
    for (int i = 0; i < 20; i++) assert_true((fds[i] = try_connect("127.0.0.1", listener_port(server->listener, 0))) >= 0);
    getrlimit(RLIMIT_NOFILE, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)fds[19] + 1; /* nothing above is free */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    listener_resume(server->listener); /* one warning, not thousands */
    usleep(150000);
    uint32_t opened = opened_count(server);
    assert_true(opened < 20);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    wait_opened(server, 20); /* by itself */
    for (int i = 0; i < 20; i++) echo_once(fds[i], (uint64_t)i);
    for (int i = 0; i < 20; i++) close(fds[i]);
    wait_closed(server, 20);
    stop(server);
}

static void test_addresses(void **state) {
    struct endpoint endpoints[3];
    assert_true(endpoint_parse(&endpoints[0], "127.0.0.1", 0, NULL));
    assert_true(endpoint_parse(&endpoints[1], "127.0.0.2", 0, NULL));
    assert_true(endpoint_parse(&endpoints[2], "::1", 0, NULL));
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    bool ipv6 = probe >= 0 && bind(probe, &endpoints[2].any, endpoints[2].length) == 0;
    if (probe >= 0) close(probe);
    struct server *server = serve(endpoints, ipv6 ? 3 : 2, true);
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "::1"};
    for (uint32_t i = 0; i < (ipv6 ? 3u : 2u); i++) {
        int fd = try_connect(addresses[i], listener_port(server->listener, i));
        assert_true(fd >= 0);
        echo_once(fd, i);
        close(fd);
        assert_int_equal(try_connect(addresses[(i + 1) % 2], listener_port(server->listener, i)), -1);
    }
    wait_closed(server, ipv6 ? 3 : 2);
    stop(server);
    server = serve(NULL, 0, true); /* every address, both families */
    for (size_t i = 0; i < (ipv6 ? 3u : 2u); i++) {
        int fd = try_connect(addresses[i], listener_port(server->listener, 0));
        assert_true(fd >= 0);
        echo_once(fd, i);
        close(fd);
    }
    wait_closed(server, ipv6 ? 3 : 2);
    stop(server);
}

static void test_port_in_use(void **state) {
    struct server *server = serve(NULL, 0, true);
    uint32_t files = loopback_open_files();
    struct reactor_options reactor_options = {.name = "test", .cpu = -1};
    struct reactor *reactor = reactor_create(&reactor_options, NULL);
    struct listener_options options = {.port = listener_port(server->listener, 0), .reactor = reactor, .targets = &reactor,
                                       .target_count = 1, .accepted = on_accepted};
    struct fault fault = {0};
    assert_null(listener_create(&options, &fault));
    assert_int_equal(fault.os_error, EADDRINUSE);
    print_message("%s\n", fault.text);
    struct endpoint elsewhere; /* TEST-NET-1: not one of this machine's */
    assert_true(endpoint_parse(&elsewhere, "192.0.2.1", 0, NULL));
    options.endpoints = &elsewhere;
    options.endpoint_count = 1;
    assert_null(listener_create(&options, &fault));
    assert_int_equal(fault.os_error, EADDRNOTAVAIL);
    print_message("%s\n", fault.text);
    reactor_destroy(reactor);
    assert_int_equal(loopback_open_files(), files);
    stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_thousand),
        cmocka_unit_test(test_load_is_spread),
        cmocka_unit_test(test_open_connections_at_the_end),
        cmocka_unit_test(test_pause_and_resume),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
