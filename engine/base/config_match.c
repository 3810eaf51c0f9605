/* SPDX-License-Identifier: Apache-2.0 */
/* config_match: what a finished configuration says about one caller. Pure functions; any thread. */
#include "engine/base/config.h"

struct address {
    sa_family_t family;
    const uint8_t *bytes;
};

/* An IPv4 address that came in on an IPv6 socket (::ffff:a.b.c.d) is an IPv4 address. */
static struct address address_of(const struct sockaddr *from) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (from && from->sa_family == AF_INET)
        return (struct address){AF_INET, (const uint8_t *)&((const struct sockaddr_in *)(const void *)from)->sin_addr};
    if (!from || from->sa_family != AF_INET6) return (struct address){AF_UNSPEC, NULL};
    const uint8_t *bytes = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr.s6_addr;
    if (memcmp(bytes, mapped, sizeof mapped) == 0) return (struct address){AF_INET, bytes + sizeof mapped};
    return (struct address){AF_INET6, bytes};
}

bool config_range_match(const struct config_range *range, const struct sockaddr *from) {
    if (range->family == AF_UNSPEC) return true;
    struct address address = address_of(from);
    if (address.family != range->family) return false;
    size_t whole = range->prefix_bits / 8, rest = range->prefix_bits % 8;
    if (memcmp(range->bytes, address.bytes, whole) != 0) return false;
    return rest == 0 || ((range->bytes[whole] ^ address.bytes[whole]) >> (8 - rest)) == 0;
}

/* PS3.5 6.2, AE: leading and trailing spaces are not significant. */
static bool same_aet(const char *ours, struct slice theirs) {
    theirs = slice_unpadded(theirs);
    while (theirs.length && theirs.bytes[0] == ' ') theirs = slice_of(theirs.bytes + 1, theirs.length - 1);
    return slice_equal(slice_text(ours), theirs);
}

const struct config_rules *config_client_match(const struct config *config, struct slice calling_aet,
                                               const struct sockaddr *address) {
    if (config->client_count == 0) return &config->everyone;
    for (size_t i = 0; i < config->client_count; i++) {
        const struct config_client *client = &config->clients[i];
        if ((!client->aet || same_aet(client->aet, calling_aet)) && config_range_match(&client->range, address))
            return &client->rules;
    }
    return NULL;
}

bool config_called_aet_match(const struct config *config, struct slice called_aet) {
    return config->called_aet == CONFIG_CALLED_AET_ANY || same_aet(config->aet, called_aet);
}
