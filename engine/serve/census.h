/* SPDX-License-Identifier: Apache-2.0 */
/* census: how many associations are open, in all and of each client (an entry of the configuration's list, or an address where
 * none are listed), against their limits. Any thread; a mutex, taken once when an association opens and once when it ends. */
#ifndef LEAT_SERVE_CENSUS_H
#define LEAT_SERVE_CENSUS_H

#include <pthread.h>

#include "engine/serve/policy.h"
#include "net/link/endpoint.h"

struct census_row;

struct census {
    pthread_mutex_t mutex;
    uint32_t open;              /* under the mutex, as all that follows, and the policies' counts by client */
    struct census_row **by_address; /* hash table of addresses with open associations */
    uint32_t address_mask;
};

bool census_init(struct census *census, struct fault *fault);
void census_release(struct census *census);

/* False: over a limit (A-ASSOCIATE-RJ, transient, local limit exceeded), and nothing is counted. */
bool census_enter(struct census *census, struct policy *policy, const struct config_rules *rules, const struct endpoint *peer);
/* The policy and rules that it entered with. */
void census_leave(struct census *census, struct policy *policy, const struct config_rules *rules, const struct endpoint *peer);
uint32_t census_open(struct census *census);

#endif
