/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint: see endpoint.h. Sections: making one, texts, ranges. */
#include "net/link/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_TEXT_BYTES 64u /* an IPv6 address, a scope and a NUL */

/* ---- making one ---- */

/* ::ffff:a.b.c.d as plain IPv4. */
static struct endpoint unmapped(struct endpoint endpoint) {
    if (endpoint.any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&endpoint.ipv6.sin6_addr)) return endpoint;
    struct endpoint plain = {.length = sizeof(struct sockaddr_in)};
    plain.ipv4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = endpoint.ipv6.sin6_port};
    memcpy(&plain.ipv4.sin_addr, endpoint.ipv6.sin6_addr.s6_addr + 12, 4);
    return plain;
}

static bool parse_ipv6(struct endpoint *endpoint, const char *address) {
    char text[ADDRESS_TEXT_BYTES];
    const char *scope = strchr(address, '%');
    size_t length = scope ? (size_t)(scope - address) : strlen(address);
    if (length >= sizeof(text)) return false;
    memcpy(text, address, length);
    text[length] = 0;
    endpoint->ipv6.sin6_family = AF_INET6;
    endpoint->length = sizeof(endpoint->ipv6);
    if (scope && (endpoint->ipv6.sin6_scope_id = if_nametoindex(scope + 1)) == 0) return false;
    return inet_pton(AF_INET6, text, &endpoint->ipv6.sin6_addr) == 1;
}

bool endpoint_parse(struct endpoint *endpoint, const char *address, uint16_t port, struct fault *fault) {
    *endpoint = (struct endpoint){0};
    if (strcmp(address, "*") == 0 || address[0] == 0) address = "::";
    if (inet_pton(AF_INET, address, &endpoint->ipv4.sin_addr) == 1) {
        endpoint->ipv4.sin_family = AF_INET;
        endpoint->ipv4.sin_port = htons(port);
        endpoint->length = sizeof(endpoint->ipv4);
        return true;
    }
    *endpoint = (struct endpoint){0};
    if (parse_ipv6(endpoint, address)) {
        endpoint->ipv6.sin6_port = htons(port);
        return true;
    }
    *endpoint = (struct endpoint){0};
    return fault_set(fault, FAULT_CONFIG, 0, "\"%.64s\" is not an IPv4 or IPv6 address", address);
}

uint32_t endpoint_resolve(struct endpoint *endpoints, uint32_t capacity, const char *host, uint16_t port, struct fault *fault) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    char service[8];
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    int error = getaddrinfo(host, service, &hints, &found);
    if (error) {
        fault_set(fault, FAULT_MISSING, 0, "host %.128s: %s", host, error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
        return 0;
    }
    uint32_t count = 0;
    for (struct addrinfo *at = found; at && count < capacity; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(struct sockaddr_in6)) continue;
        endpoints[count] = (struct endpoint){.length = at->ai_addrlen};
        memcpy(&endpoints[count].any, at->ai_addr, at->ai_addrlen);
        count++;
    }
    freeaddrinfo(found);
    if (count == 0) fault_set(fault, FAULT_MISSING, 0, "host %.128s has no IPv4 or IPv6 address", host);
    return count;
}

struct endpoint endpoint_of_peer(int fd) {
    struct endpoint endpoint = {.length = sizeof(endpoint.ipv6)};
    if (getpeername(fd, &endpoint.any, &endpoint.length) != 0) return (struct endpoint){0};
    return unmapped(endpoint);
}

struct endpoint endpoint_of_local(int fd) {
    struct endpoint endpoint = {.length = sizeof(endpoint.ipv6)};
    if (getsockname(fd, &endpoint.any, &endpoint.length) != 0) return (struct endpoint){0};
    return unmapped(endpoint);
}

/* ---- texts ---- */

uint16_t endpoint_port(const struct endpoint *endpoint) {
    if (endpoint->length == 0) return 0;
    return ntohs(endpoint->any.sa_family == AF_INET ? endpoint->ipv4.sin_port : endpoint->ipv6.sin6_port);
}

bool endpoint_is_wildcard(const struct endpoint *endpoint) {
    if (endpoint->length == 0) return false;
    if (endpoint->any.sa_family == AF_INET) return endpoint->ipv4.sin_addr.s_addr == INADDR_ANY;
    return IN6_IS_ADDR_UNSPECIFIED(&endpoint->ipv6.sin6_addr);
}

const char *endpoint_address_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]) {
    snprintf(text, ENDPOINT_TEXT_BYTES, "(unknown)");
    if (endpoint->length == 0) return text;
    if (endpoint->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &endpoint->ipv4.sin_addr, text, ENDPOINT_TEXT_BYTES);
        return text;
    }
    inet_ntop(AF_INET6, &endpoint->ipv6.sin6_addr, text, ENDPOINT_TEXT_BYTES);
    size_t length = strlen(text);
    if (endpoint->ipv6.sin6_scope_id)
        snprintf(text + length, ENDPOINT_TEXT_BYTES - length, "%%%u", (unsigned)endpoint->ipv6.sin6_scope_id);
    return text;
}

const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]) {
    char address[ENDPOINT_TEXT_BYTES];
    endpoint_address_text(endpoint, address);
    bool ipv6 = endpoint->length != 0 && endpoint->any.sa_family == AF_INET6;
    if (endpoint->length == 0) snprintf(text, ENDPOINT_TEXT_BYTES, "%s", address);
    else snprintf(text, ENDPOINT_TEXT_BYTES, ipv6 ? "[%.64s]:%u" : "%.64s:%u", address, (unsigned)endpoint_port(endpoint));
    return text;
}

/* ---- ranges ---- */

static bool range_address(struct endpoint_range *range, const char *text) {
    if (inet_pton(AF_INET, text, range->address) == 1) range->family_bits = 32;
    else if (inet_pton(AF_INET6, text, range->address) == 1) range->family_bits = 128;
    else return false;
    range->prefix_bits = range->family_bits;
    return true;
}

bool endpoint_range_parse(struct endpoint_range *range, const char *text, struct fault *fault) {
    char address[ADDRESS_TEXT_BYTES];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    *range = (struct endpoint_range){0};
    if (length < sizeof(address)) {
        memcpy(address, text, length);
        address[length] = 0;
        if (range_address(range, address)) {
            char *end = NULL;
            if (!slash) return true;
            unsigned long bits = slash[1] >= '0' && slash[1] <= '9' ? strtoul(slash + 1, &end, 10) : 0;
            if (end && *end == 0 && bits <= range->family_bits) {
                range->prefix_bits = (uint8_t)bits;
                return true;
            }
        }
    }
    return fault_set(fault, FAULT_CONFIG, 0, "\"%.64s\" is not an address or a range such as 192.0.2.0/24 or 2001:db8::/32",
                     text);
}

bool endpoint_range_holds(const struct endpoint_range *range, const struct endpoint *endpoint) {
    if (endpoint->length == 0) return false;
    bool ipv4 = endpoint->any.sa_family == AF_INET;
    if (range->family_bits != (ipv4 ? 32 : 128)) return false;
    const uint8_t *address = ipv4 ? (const uint8_t *)&endpoint->ipv4.sin_addr : endpoint->ipv6.sin6_addr.s6_addr;
    unsigned whole = range->prefix_bits / 8u, rest = range->prefix_bits % 8u;
    if (memcmp(address, range->address, whole) != 0) return false;
    return rest == 0 || ((address[whole] ^ range->address[whole]) >> (8 - rest)) == 0;
}
