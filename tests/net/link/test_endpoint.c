/* SPDX-License-Identifier: Apache-2.0 */
/* test_endpoint: addresses from and to text, and CIDR ranges. */
#include "tests/net/link/loopback.h"

static void test_texts(void **state) {
    static const struct { const char *address; uint16_t port; const char *text, *plain; } cases[] = {
        {"192.0.2.7", 104, "192.0.2.7:104", "192.0.2.7"},
        {"2001:db8::1", 11112, "[2001:db8::1]:11112", "2001:db8::1"},
        {"*", 104, "[::]:104", "::"},
        {"", 1, "[::]:1", "::"},
        {"0.0.0.0", 0, "0.0.0.0:0", "0.0.0.0"},
    };
    for (size_t i = 0; i < array_count(cases); i++) {
        struct endpoint endpoint;
        char text[ENDPOINT_TEXT_BYTES];
        assert_true(endpoint_parse(&endpoint, cases[i].address, cases[i].port, NULL));
        assert_string_equal(endpoint_text(&endpoint, text), cases[i].text);
        assert_string_equal(endpoint_address_text(&endpoint, text), cases[i].plain);
        assert_int_equal(endpoint_port(&endpoint), cases[i].port);
        assert_int_equal(endpoint_is_wildcard(&endpoint), cases[i].address[0] == '*' || cases[i].port <= 1);
    }
    static const char *const wrong[] = {"192.0.2", "192.0.2.256", "host", "1::2::3", "fe80::1%no-such-if", "12345:6::"};
    for (size_t i = 0; i < array_count(wrong); i++) {
        struct endpoint endpoint;
        struct fault fault = {0};
        char text[ENDPOINT_TEXT_BYTES];
        assert_false(endpoint_parse(&endpoint, wrong[i], 1, &fault));
        assert_int_equal(fault.code, FAULT_CONFIG);
        assert_string_equal(endpoint_text(&endpoint, text), "(unknown)");
    }
}

static void test_ranges(void **state) {
    static const struct { const char *range, *address; bool holds; } cases[] = {
        {"192.0.2.0/24", "192.0.2.255", true},   {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.7", "192.0.2.7", true},        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.128/25", "192.0.2.127", false}, {"192.0.2.128/25", "192.0.2.129", true},
        {"0.0.0.0/0", "8.8.8.8", true},          {"0.0.0.0/0", "::1", false},
        {"2001:db8::/32", "2001:db8:1::1", true}, {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::/0", "::1", true},                   {"::1/128", "::2", false},
    };
    for (size_t i = 0; i < array_count(cases); i++) {
        struct endpoint_range range;
        struct endpoint endpoint;
        assert_true(endpoint_range_parse(&range, cases[i].range, NULL));
        assert_true(endpoint_parse(&endpoint, cases[i].address, 1, NULL));
        assert_int_equal(endpoint_range_holds(&range, &endpoint), cases[i].holds);
    }
    static const char *const wrong[] = {"", "1.2.3.4/", "1.2.3.4/33", "::/129", "1.2.3.4/x", "1.2.3.4/-1", "1.2.3.4/8x",
                                        "/8", "x/8"};
    struct endpoint_range range;
    for (size_t i = 0; i < array_count(wrong); i++) assert_false(endpoint_range_parse(&range, wrong[i], NULL));
    struct endpoint none = {0};
    assert_true(endpoint_range_parse(&range, "::/0", NULL));
    assert_false(endpoint_range_holds(&range, &none));
}

static void test_mapped_peers_are_ipv4(void **state) {
    struct endpoint any, target;
    char text[ENDPOINT_TEXT_BYTES];
    int off = 0, listening = socket(AF_INET6, SOCK_STREAM, 0);
    if (listening < 0) skip();
    setsockopt(listening, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    assert_true(endpoint_parse(&any, "::", 0, NULL));
    assert_int_equal(bind(listening, &any.any, any.length), 0);
    assert_int_equal(listen(listening, 1), 0);
    any = endpoint_of_local(listening);
    assert_true(endpoint_parse(&target, "127.0.0.1", endpoint_port(&any), NULL));
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, &target.any, target.length), 0);
    int server = accept(listening, NULL, NULL);
    struct endpoint peer = endpoint_of_peer(server);
    assert_int_equal(peer.any.sa_family, AF_INET);
    assert_string_equal(endpoint_address_text(&peer, text), "127.0.0.1");
    close(client);
    close(server);
    close(listening);
}

static void test_resolve(void **state) {
    struct endpoint endpoints[4];
    struct fault fault = {0};
    assert_true(endpoint_resolve(endpoints, 4, "127.0.0.1", 104, &fault) >= 1);
    assert_int_equal(endpoint_port(&endpoints[0]), 104);
    assert_int_equal(endpoint_resolve(endpoints, 4, "no such host..", 104, &fault), 0);
    assert_int_equal(fault.code, FAULT_MISSING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_mapped_peers_are_ipv4),
        cmocka_unit_test(test_resolve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
