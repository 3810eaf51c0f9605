/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint: an address and a port, IPv4 or IPv6, as a value. IPv4 addresses that arrive on a dual-stack socket (::ffff:a.b.c.d)
 * are turned into plain IPv4, so that texts and CIDR rules see one form. Any thread. */
#ifndef LEAT_LINK_ENDPOINT_H
#define LEAT_LINK_ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/base/fault.h"

struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    };
    socklen_t length; /* 0: none */
};

#define ENDPOINT_TEXT_BYTES 80 /* "[address%scope]:port" and a NUL */

/* A numeric address ("192.0.2.7", "2001:db8::1", "fe80::1%eth0", "*" or "" for every one: IPv6's wildcard). False: not an
 * address. */
bool endpoint_parse(struct endpoint *endpoint, const char *address, uint16_t port, struct fault *fault);
/* A name or an address, through getaddrinfo: may block for seconds, so never on a reactor. Fills up to `capacity` in the order in
 * which they should be tried; returns how many, 0 = none (fault). */
uint32_t endpoint_resolve(struct endpoint *endpoints, uint32_t capacity, const char *host, uint16_t port, struct fault *fault);

struct endpoint endpoint_of_peer(int fd);  /* of a connected socket; length 0 when it is gone */
struct endpoint endpoint_of_local(int fd); /* of a bound socket */

uint16_t endpoint_port(const struct endpoint *endpoint);
bool endpoint_is_wildcard(const struct endpoint *endpoint);
/* "192.0.2.7:104", "[2001:db8::1]:104"; returns text. */
const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]);
/* The address alone, without brackets and port; returns text. */
const char *endpoint_address_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]);

/* A CIDR rule: an address and the number of its leading bits that count. */
struct endpoint_range {
    uint8_t family_bits;  /* 32 or 128 */
    uint8_t prefix_bits;  /* <= family_bits */
    uint8_t address[16];
};
/* "192.0.2.0/24", "2001:db8::/32", or one address. False: malformed. */
bool endpoint_range_parse(struct endpoint_range *range, const char *text, struct fault *fault);
bool endpoint_range_holds(const struct endpoint_range *range, const struct endpoint *endpoint);

#endif
