/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/policy.h"

#include <stdlib.h>

static struct policy *create(const struct config *config, struct fault *fault) {
    struct policy *policy = calloc(1, sizeof *policy);
    if (policy) policy->by_client = calloc(config->client_count + 1, sizeof *policy->by_client);
    if (policy && policy->by_client) {
        policy->config = config;
        return policy;
    }
    free(policy);
    fault_set(fault, FAULT_MEMORY, 0, "no memory for a policy");
    return NULL;
}

bool policies_init(struct policies *policies, const struct config *config, struct fault *fault) {
    struct policy *first = create(config, fault);
    atomic_init(&policies->now, first);
    return first != NULL;
}

bool policies_replace(struct policies *policies, struct config *fresh, struct fault *fault) {
    struct policy *policy = create(fresh, fault);
    if (!policy) {
        config_destroy(fresh);
        return false;
    }
    policy->owned = fresh;
    policy->older = policies_now(policies);
    atomic_store_explicit(&policies->now, policy, memory_order_release); /* pairs with policies_now */
    return true;
}

void policies_release(struct policies *policies) {
    for (struct policy *policy = policies_now(policies), *older; policy; policy = older) {
        older = policy->older;
        config_destroy(policy->owned);
        free(policy->by_client);
        free(policy);
    }
}
