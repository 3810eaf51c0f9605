/* SPDX-License-Identifier: Apache-2.0 */
/* acceptance: the configuration as a negotiation policy (net/ulp/negotiate.h): who may open an association, which abstract
 * syntaxes are served, and which of the offered transfer syntaxes is taken. One struct acceptance for one A-ASSOCIATE-RQ; any
 * thread. */
#ifndef LEAT_SERVE_ACCEPTANCE_H
#define LEAT_SERVE_ACCEPTANCE_H

#include "engine/base/config.h"
#include "net/link/endpoint.h"
#include "net/ulp/negotiate.h"

struct census;
struct policy;

struct acceptance {
    struct policy *policy;
    const struct config *config;       /* of the policy */
    const struct endpoint *peer;
    struct census *census;
    bool has_space;                    /* false: no association is taken now (transient) */
    /* ---- filled while negotiating ---- */
    const struct config_rules *rules;  /* of the caller; NULL: not one of ours */
    bool counted;                      /* in the census: census_leave is due */
    struct negotiate_policy negotiation;
};

/* Answers the request. After *out says accepted, acceptance->rules holds and the association is counted. */
void acceptance_answer(struct acceptance *acceptance, const struct associate *rq, struct negotiation *out);

/* Whether objects of this abstract syntax may be stored here. */
bool acceptance_is_storage(const struct config *config, struct slice abstract_syntax);

/* The transfer syntax to use among those offered (raw sub-items), for storage; empty: none of them. */
struct slice acceptance_choose(const struct config *config, const struct config_preference *preference, struct slice offered);

#endif
