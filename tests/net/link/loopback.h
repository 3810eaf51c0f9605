/* SPDX-License-Identifier: Apache-2.0 */
/* loopback: what the link's tests share: a pair of connected TCP sockets, counting descriptors, and a connection whose owner
 * records all that it is told. */
#ifndef LEAT_TESTS_LINK_LOOPBACK_H
#define LEAT_TESTS_LINK_LOOPBACK_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "engine/base/check.h"
#include "net/link/connection.h"
#include "tests/engine/runtime/stress.h"

/* fds[0] is what a server accepted, fds[1] the client's end. */
static inline void loopback_pair(int fds[2]) {
    struct endpoint endpoint;
    assert_true(endpoint_parse(&endpoint, "127.0.0.1", 0, NULL));
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, &endpoint.any, endpoint.length), 0);
    assert_int_equal(listen(listening, 1), 0);
    endpoint = endpoint_of_local(listening);
    fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[1], &endpoint.any, endpoint.length), 0);
    fds[0] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fds[0] >= 0);
    close(listening);
}

static inline uint32_t loopback_open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    uint32_t count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static inline uint8_t loopback_byte(uint64_t position) {
    return (uint8_t)(position * 131 + (position >> 8) * 17 + (position >> 16));
}

/* Runs the loop until the condition holds; fails after 20 s. */
#define loopback_turn_until(reactor, condition)                             \
    do {                                                                    \
        uint64_t loopback_limit_ms = clock_monotonic_ms() + 20000;          \
        while (!(condition)) {                                              \
            reactor_turn(reactor, 50);                                      \
            if (clock_monotonic_ms() > loopback_limit_ms) fail_msg("%s", "never happened: " #condition); \
        }                                                                   \
    } while (0)

#endif
