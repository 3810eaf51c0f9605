/* SPDX-License-Identifier: Apache-2.0 */
/* policy: a configuration in force, with the count of open associations of each of its clients. When the configuration is read
 * again (SIGHUP), the new one holds for connections that come after; an association keeps the one it began with, so no policy
 * is freed before the server ends.
 *
 * Threads: policies_now: any. policies_replace: the main thread. by_client is the census's, under its mutex. */
#ifndef LEAT_SERVE_POLICY_H
#define LEAT_SERVE_POLICY_H

#include <stdatomic.h>

#include "engine/base/config.h"
#include "engine/base/fault.h"

struct policy {
    struct policy *older;
    const struct config *config;
    struct config *owned;  /* the same, when it is ours to destroy; NULL for the one that the server was started with */
    uint32_t *by_client;   /* config->client_count of them */
};

struct policies {
    _Atomic(struct policy *) now; /* release by replace, acquire by now */
};

/* The configuration that the server starts with stays the caller's. */
bool policies_init(struct policies *policies, const struct config *config, struct fault *fault);
/* Takes the fresh configuration over, also on failure (no memory: the former one stays in force). */
bool policies_replace(struct policies *policies, struct config *fresh, struct fault *fault);
void policies_release(struct policies *policies); /* no session is left */

static inline struct policy *policies_now(struct policies *policies) {
    return atomic_load_explicit(&policies->now, memory_order_acquire);
}

#endif
