/* SPDX-License-Identifier: Apache-2.0 */
/* negotiate: first what can reject the association, in the order of a table; then what its answer says, item by item. */
#include "net/ulp/negotiate.h"

#include "engine/base/check.h"
#include "net/ulp/association.h"
#include "net/ulp/item.h"

void negotiate_policy_init(struct negotiate_policy *policy) {
    *policy = (struct negotiate_policy){
        .maximum_length = ASSOCIATION_MAXIMUM_LENGTH,
        .window_invoked = NEGOTIATE_WINDOW,
        .window_performed = 1,
    };
}

/* ---- reasons to reject ---- */
typedef const struct associate request;

static bool version_is_unknown(request *rq, const struct negotiate_policy *policy) { return (rq->protocol_version & 1) == 0; }

static bool application_context_is_unknown(request *rq, const struct negotiate_policy *policy) {
    return !slice_equal(rq->application_context, slice_text(APPLICATION_CONTEXT_NAME));
}

static bool called_ae_is_refused(request *rq, const struct negotiate_policy *policy) {
    return policy->called_ae && !policy->called_ae(policy->context, rq->called_ae);
}

static bool calling_ae_is_refused(request *rq, const struct negotiate_policy *policy) {
    return policy->calling_ae && !policy->calling_ae(policy->context, rq->calling_ae);
}

/* No PDU that we could send would fit: it is the same at any other time. */
static bool maximum_length_is_impossible(request *rq, const struct negotiate_policy *policy) {
    return rq->user.has_maximum_length && rq->user.maximum_length != 0 &&
           rq->user.maximum_length < ASSOCIATION_MAXIMUM_LENGTH_LEAST;
}

static const struct {
    bool (*holds)(request *rq, const struct negotiate_policy *policy);
    struct reject reject;
} reasons_to_reject[] = {
    {version_is_unknown, {REJECTED_PERMANENT, REJECT_BY_PROVIDER_ACSE, REJECT_ACSE_PROTOCOL_VERSION}},
    {application_context_is_unknown, {REJECTED_PERMANENT, REJECT_BY_USER, REJECT_USER_APPLICATION_CONTEXT}},
    {called_ae_is_refused, {REJECTED_PERMANENT, REJECT_BY_USER, REJECT_USER_CALLED_AE}},
    {calling_ae_is_refused, {REJECTED_PERMANENT, REJECT_BY_USER, REJECT_USER_CALLING_AE}},
    {maximum_length_is_impossible, {REJECTED_PERMANENT, REJECT_BY_USER, REJECT_USER_NO_REASON}},
};

/* False: *reject says why. */
static bool is_admitted(request *rq, const struct negotiate_policy *policy, struct reject *reject) {
    enum admission admission = policy->admit ? policy->admit(policy->context, rq) : ADMIT;
    if (admission == ADMIT) return true;
    uint8_t reason = admission == ADMIT_NOT_CONGESTION ? REJECT_PRESENTATION_CONGESTION : REJECT_PRESENTATION_LOCAL_LIMIT;
    *reject = (struct reject){REJECTED_TRANSIENT, REJECT_BY_PROVIDER_PRESENTATION, reason};
    return false;
}

static bool is_acceptable(request *rq, const struct negotiate_policy *policy, struct reject *reject) {
    for (size_t i = 0; i < array_count(reasons_to_reject); i++) {
        if (!reasons_to_reject[i].holds(rq, policy)) continue;
        *reject = reasons_to_reject[i].reject;
        return false;
    }
    return is_admitted(rq, policy, reject);
}

/* PS3.7 D.3.3.7: without an authenticator the item is not answered, ever. */
static bool is_authenticated(request *rq, const struct negotiate_policy *policy, struct negotiation *out) {
    const struct user_identity *identity = &rq->user.identity;
    if (!identity->type || !policy->identity) return true;
    size_t length = 0;
    if (policy->identity(policy->context, identity, out->identity, sizeof out->identity, &length) == IDENTITY_REFUSED) {
        out->reject = (struct reject){REJECTED_PERMANENT, REJECT_BY_USER, REJECT_USER_NO_REASON};
        return false;
    }
    invariant(length <= sizeof out->identity);
    out->accept.user.has_identity_response = identity->response_requested;
    out->accept.user.identity_response = slice_of(out->identity, length);
    return true;
}

/* ---- presentation contexts ---- */
/* The sub-item of the chosen transfer syntax, as it was proposed. Empty: it was not. */
static struct slice find_proposed(const struct presentation_context *proposed, struct slice chosen) {
    struct reader r = item_reader(proposed->transfer_syntaxes);
    struct slice uid;
    const uint8_t *begin = r.at;
    for (; pdu_next_transfer_syntax(&r, &uid); begin = r.at)
        if (uid.length && slice_equal(uid, chosen)) return slice_of(begin, (size_t)(r.at - begin));
    return slice_of(NULL, 0);
}

static struct slice choose(request *rq, const struct negotiate_policy *policy, const struct presentation_context *proposed) {
    if (policy->transfer_syntax) return policy->transfer_syntax(policy->context, rq, proposed);
    struct reader r = item_reader(proposed->transfer_syntaxes);
    struct slice uid;
    return pdu_next_transfer_syntax(&r, &uid) ? uid : slice_of(NULL, 0);
}

static void answer_context(request *rq, const struct negotiate_policy *policy, const struct presentation_context *proposed,
                           struct presentation_context *answer) {
    struct slice uid = proposed->abstract_syntax;
    *answer = (struct presentation_context){.id = proposed->id, .abstract_syntax = uid};
    answer->result = CONTEXT_ABSTRACT_SYNTAX_NOT_SUPPORTED;
    if (uid.length > 0 && uid.length <= UID_BYTES_MAX && policy->abstract_syntax)
        answer->result = (uint8_t)policy->abstract_syntax(policy->context, rq, uid);
    if (answer->result != CONTEXT_ACCEPTANCE) return;
    struct slice chosen = choose(rq, policy, proposed);
    if (chosen.length > 0 && chosen.length <= UID_BYTES_MAX) answer->transfer_syntaxes = find_proposed(proposed, chosen);
    if (answer->transfer_syntaxes.length == 0) answer->result = CONTEXT_TRANSFER_SYNTAXES_NOT_SUPPORTED;
}

static void answer_contexts(request *rq, const struct negotiate_policy *policy, struct negotiation *out) {
    for (size_t i = 0; i < rq->context_count; i++) {
        answer_context(rq, policy, &rq->contexts[i], &out->accept.contexts[i]);
        out->accepted_count += out->accept.contexts[i].result == CONTEXT_ACCEPTANCE;
    }
    out->accept.context_count = rq->context_count;
}

/* ---- user information ---- */
static bool is_served(const struct associate *accept, struct slice sop_class) {
    for (size_t i = 0; i < accept->context_count; i++) {
        const struct presentation_context *context = &accept->contexts[i];
        if (context->result == CONTEXT_ACCEPTANCE && slice_equal(context->abstract_syntax, sop_class)) return true;
    }
    return false;
}

/* Puts back the writer if the last item did not fit: what is not answered has its default. */
static bool item_fits(struct writer *items, const struct writer *before) {
    if (!items->failed) return true;
    *items = *before;
    return false;
}

/* Granted roles never exceed the proposed ones (PS3.7 D.3.3.4.2). */
static void answer_roles(request *rq, const struct negotiate_policy *policy, const struct associate *accept,
                         struct writer *items) {
    struct reader r = item_reader(rq->user.items);
    struct role_selection proposed;
    while (user_information_next_role(&r, &proposed)) {
        if (!is_served(accept, proposed.sop_class)) continue;
        struct role_selection granted = {.sop_class = proposed.sop_class, .scu = true, .scp = false};
        if (policy->role) policy->role(policy->context, &proposed, &granted.scu, &granted.scp);
        granted.scu = granted.scu && proposed.scu;
        granted.scp = granted.scp && proposed.scp;
        struct writer before = *items;
        user_information_put_role(items, &granted);
        if (!item_fits(items, &before)) return;
    }
}

static void answer_extended(request *rq, const struct negotiate_policy *policy, const struct associate *accept,
                            struct writer *items) {
    if (!policy->extended) return;
    struct reader r = item_reader(rq->user.items);
    struct extended_negotiation proposed;
    while (user_information_next_extended(&r, &proposed)) {
        if (!is_served(accept, proposed.sop_class)) continue;
        uint8_t answer[256];
        size_t length = policy->extended(policy->context, &proposed, answer, sizeof answer);
        invariant(length <= sizeof answer);
        struct extended_negotiation answered = {proposed.sop_class, slice_of(answer, length)};
        struct writer before = *items;
        if (length) user_information_put_extended(items, &answered);
        if (!item_fits(items, &before)) return;
    }
}

static uint16_t granted_window(uint16_t proposed, uint16_t limit) {
    if (limit == 0) return proposed;
    return proposed == 0 || proposed > limit ? limit : proposed;
}

static void answer_user(request *rq, const struct negotiate_policy *policy, struct negotiation *out) {
    struct user_information *user = &out->accept.user;
    user->has_maximum_length = true;
    user->maximum_length = policy->maximum_length;
    user->implementation_class_uid = policy->implementation_class_uid.length ? policy->implementation_class_uid
                                                                             : slice_text(IDENTITY_CLASS_UID);
    user->implementation_version_name = policy->implementation_version_name.length ? policy->implementation_version_name
                                                                                   : slice_text(IDENTITY_VERSION);
    user->has_window = rq->user.has_window;
    user->window_invoked = granted_window(rq->user.window_invoked, policy->window_invoked);
    user->window_performed = granted_window(rq->user.window_performed, policy->window_performed);
    struct writer items = writer_over(out->items, sizeof out->items);
    answer_roles(rq, policy, &out->accept, &items);
    answer_extended(rq, policy, &out->accept, &items);
    user->items = slice_of(out->items, writer_length(&items));
}

void negotiate_answer(const struct associate *rq, const struct negotiate_policy *policy, struct negotiation *out) {
    memset(out, 0, offsetof(struct negotiation, items));
    out->accepted = is_acceptable(rq, policy, &out->reject) && is_authenticated(rq, policy, out);
    if (!out->accepted) return;
    out->accept.is_accept = true;
    out->accept.protocol_version = 1;
    out->accept.called_ae = rq->called_ae;
    out->accept.calling_ae = rq->calling_ae;
    out->accept.application_context = slice_text(APPLICATION_CONTEXT_NAME);
    answer_contexts(rq, policy, out);
    answer_user(rq, policy, out);
}
