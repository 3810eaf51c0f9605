/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/census.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"

#define ADDRESS_BUCKETS 1024u

struct census_row {
    struct census_row *next;
    uint8_t address[16];
    uint32_t open;
};

bool census_init(struct census *census, struct fault *fault) {
    *census = (struct census){.address_mask = ADDRESS_BUCKETS - 1};
    pthread_mutex_init(&census->mutex, NULL);
    census->by_address = calloc(ADDRESS_BUCKETS, sizeof *census->by_address);
    if (census->by_address) return true;
    census_release(census);
    return fault_set(fault, FAULT_MEMORY, 0, "no memory for the census of associations");
}

void census_release(struct census *census) {
    for (uint32_t i = 0; census->by_address && i <= census->address_mask; i++) {
        for (struct census_row *row = census->by_address[i], *next; row; row = next) {
            next = row->next;
            free(row);
        }
    }
    free(census->by_address);
    pthread_mutex_destroy(&census->mutex);
}

static void address_of(const struct endpoint *peer, uint8_t address[16]) {
    memset(address, 0, 16);
    if (peer->any.sa_family == AF_INET6) memcpy(address, &peer->ipv6.sin6_addr, 16);
    else memcpy(address, &peer->ipv4.sin_addr, 4);
}

/* The link that points to the row of an address, or to where it belongs. */
static struct census_row **row_link(struct census *census, const uint8_t address[16]) {
    uint32_t hash = 2166136261u;
    for (int i = 0; i < 16; i++) hash = (hash ^ address[i]) * 16777619u;
    struct census_row **link = &census->by_address[hash & census->address_mask];
    while (*link && memcmp((*link)->address, address, 16) != 0) link = &(*link)->next;
    return link;
}

static bool enter_address(struct census *census, const struct config_rules *rules, const struct endpoint *peer) {
    uint8_t address[16];
    address_of(peer, address);
    struct census_row **link = row_link(census, address);
    if (*link && (*link)->open >= rules->max_associations) return false;
    if (!*link) {
        *link = calloc(1, sizeof **link);
        if (!*link) return false;
        memcpy((*link)->address, address, sizeof address);
    }
    (*link)->open++;
    return true;
}

static bool enter(struct census *census, struct policy *policy, const struct config_rules *rules, const struct endpoint *peer) {
    if (census->open >= policy->config->max_associations) return false;
    if (rules->client != CONFIG_NO_CLIENT) {
        if (rules->max_associations && policy->by_client[rules->client] >= rules->max_associations) return false;
        policy->by_client[rules->client]++;
    } else if (rules->max_associations && !enter_address(census, rules, peer)) {
        return false;
    }
    census->open++;
    return true;
}

bool census_enter(struct census *census, struct policy *policy, const struct config_rules *rules, const struct endpoint *peer) {
    pthread_mutex_lock(&census->mutex);
    bool entered = enter(census, policy, rules, peer);
    pthread_mutex_unlock(&census->mutex);
    return entered;
}

static void leave_address(struct census *census, const struct endpoint *peer) {
    uint8_t address[16];
    address_of(peer, address);
    struct census_row **link = row_link(census, address), *row = *link;
    invariant(row != NULL && row->open > 0);
    if (--row->open) return;
    *link = row->next;
    free(row);
}

void census_leave(struct census *census, struct policy *policy, const struct config_rules *rules, const struct endpoint *peer) {
    pthread_mutex_lock(&census->mutex);
    if (rules->client != CONFIG_NO_CLIENT) policy->by_client[rules->client]--;
    else if (rules->max_associations) leave_address(census, peer);
    invariant(census->open > 0);
    census->open--;
    pthread_mutex_unlock(&census->mutex);
}

uint32_t census_open(struct census *census) {
    pthread_mutex_lock(&census->mutex);
    uint32_t open = census->open;
    pthread_mutex_unlock(&census->mutex);
    return open;
}
