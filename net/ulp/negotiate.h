/* SPDX-License-Identifier: Apache-2.0 */
/* negotiate: from a decoded A-ASSOCIATE-RQ and a policy to the A-ASSOCIATE-AC or -RJ that answers it (PS3.8 7.1.1, 9.3.3,
 * 9.3.4; PS3.7 D.3.3). Pure but for the policy's callbacks: any thread. */
#ifndef LEAT_ULP_NEGOTIATE_H
#define LEAT_ULP_NEGOTIATE_H

#include "net/ulp/pdu.h"

#define NEGOTIATE_WINDOW 16 /* default of policy.window_invoked */
#define NEGOTIATE_ITEMS_BYTES 12288
#define NEGOTIATE_IDENTITY_BYTES 1024

enum admission { ADMIT, ADMIT_NOT_CONGESTION, ADMIT_NOT_LOCAL_LIMIT };
enum identity_verdict { IDENTITY_REFUSED, IDENTITY_ACCEPTED };

/* Each callback may be NULL; its comment says what that means. Nothing that a callback is given outlives the call. */
struct negotiate_policy {
    void *context; /* first argument of each callback */
    /* Resources: asked after all permanent reasons but the identity. NULL: admitted. */
    enum admission (*admit)(void *context, const struct associate *rq);
    /* True: recognized. NULL: any. Titles are trimmed. */
    bool (*called_ae)(void *context, struct slice called_ae);
    bool (*calling_ae)(void *context, struct slice calling_ae);
    /* CONTEXT_ACCEPTANCE, or a result that refuses the context: 1 user rejection, 3 abstract syntax not supported. NULL: none
     * is served. */
    enum context_result (*abstract_syntax)(void *context, const struct associate *rq, struct slice abstract_syntax);
    /* The one to use among those offered: the returned slice must be one that pdu_next_transfer_syntax(&offered) gives (a copy
     * of the reader can be walked again). Empty: none (result 4). NULL: the first offered. */
    struct slice (*transfer_syntax)(void *context, const struct associate *rq, const struct presentation_context *proposed);
    /* Roles granted to the requestor among the ones it proposes. NULL: SCU only. Called for items whose SOP class is in an
     * accepted context. */
    void (*role)(void *context, const struct role_selection *proposed, bool *scu, bool *scp);
    /* Bytes of Service-class-application-information to answer, 0: no answer. NULL: none. */
    size_t (*extended)(void *context, const struct extended_negotiation *proposed, uint8_t *answer, size_t capacity);
    /* An authenticator. NULL: identities are not looked at and never answered. REFUSED: RJ permanent, by the user, no reason.
     * *response_length (0 before): bytes of server response (types 3 to 5); sent only if a positive response was requested. */
    enum identity_verdict (*identity)(void *context, const struct user_identity *identity, uint8_t *response, size_t capacity,
                                      size_t *response_length);
    uint32_t maximum_length;   /* announced; 0: no limit */
    uint16_t window_invoked;   /* operations that the requestor may have under way with us; 0: no limit */
    uint16_t window_performed; /* operations that we may have under way with it */
    struct slice implementation_class_uid, implementation_version_name; /* empty: ours (user_information.h) */
};

/* Defaults: nothing refused but contexts, window 16/1, maximum length 262144. */
void negotiate_policy_init(struct negotiate_policy *policy);

/* About 18 KiB: transient. Not to be copied (accept borrows from items). */
struct negotiation {
    bool accepted;
    struct reject reject;    /* !accepted */
    struct associate accept; /* accepted: for association_accept; borrows from the request, the policy and the fields below */
    uint16_t accepted_count; /* contexts with CONTEXT_ACCEPTANCE; 0 is no reason to reject */
    uint8_t items[NEGOTIATE_ITEMS_BYTES];
    uint8_t identity[NEGOTIATE_IDENTITY_BYTES];
};

void negotiate_answer(const struct associate *rq, const struct negotiate_policy *policy, struct negotiation *out);

#endif
