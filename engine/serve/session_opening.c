/* SPDX-License-Identifier: Apache-2.0 */
/* session_opening: the A-ASSOCIATE-RQ of a peer, its answer, and their lines in the log. */
#include <stdlib.h>

#include "engine/base/log.h"
#include "engine/serve/acceptance.h"
#include "engine/serve/session_parts.h"

static void log_rejection(struct session *s, const struct associate *rq, struct reject reject) {
    static const enum counter by_source[] = {COUNTER_REJECTED_PROTOCOL, COUNTER_REJECTED_AET, COUNTER_REJECTED_PROTOCOL,
                                             COUNTER_REJECTED_LIMIT};
    enum counter counter = by_source[reject.source & 3];
    if (reject.source == REJECT_BY_USER && reject.reason == REJECT_USER_APPLICATION_CONTEXT) counter = COUNTER_REJECTED_PROTOCOL;
    if (reject.source == REJECT_BY_PROVIDER_PRESENTATION && reject.reason == REJECT_PRESENTATION_CONGESTION)
        counter = COUNTER_REJECTED_NO_SPACE;
    counters_add(s->station->counters, counter, 1);
    session_note_ending(s, "%.*s -> %.*s %s", SLICE_ARGS(rq->calling_ae), SLICE_ARGS(rq->called_ae), pdu_reject_text(reject));
}

static void log_opening(struct session *s, uint32_t accepted, uint32_t proposed) {
    const struct association *a = &s->association;
    log_info("association %llu opened: %s %s -> %s, %u of %u contexts accepted, window %u, PDU %u, implementation %s %s",
             (unsigned long long)s->number, s->peer_text, a->calling_ae, a->called_ae, accepted, proposed, a->window_invoked,
             a->peer_maximum_length, a->peer_implementation_uid, a->peer_implementation_version);
    if (!slice_equal(slice_text(a->called_ae), slice_text(s->policy->config->aet)))
        log_info("association %llu calls %s; we are %s (called_aet: strict would reject it)", (unsigned long long)s->number,
                 a->called_ae, s->policy->config->aet);
}

static void open_association(struct session *s, const struct acceptance *acceptance, const struct negotiation *n,
                             uint32_t proposed) {
    s->rules = acceptance->rules;
    s->counted = true;
    if (!association_accept(&s->association, &n->accept)) { /* no memory for the table of contexts */
        const struct reject no_memory = {REJECTED_TRANSIENT, REJECT_BY_PROVIDER_PRESENTATION, REJECT_PRESENTATION_LOCAL_LIMIT};
        session_note_ending(s, "out of memory");
        (void)association_reject(&s->association, no_memory);
        return;
    }
    s->state = SESSION_OPEN;
    message_ids_init(&s->ids, s->association.window_invoked);
    counters_add(s->station->counters, COUNTER_ASSOCIATIONS, 1);
    log_opening(s, n->accepted_count, proposed);
}

void session_opening_negotiate(struct session *s, const struct associate *rq) {
    struct negotiation *n = malloc(sizeof *n);
    struct acceptance acceptance = {
        .policy = s->policy,
        .config = s->policy->config,
        .peer = &s->connection.peer,
        .census = &s->station->hall->census,
        .has_space = n && pipeline_has_space(s->station->hall->pipeline),
    };
    if (!n) {
        session_abort(s, ABORT_NOT_SPECIFIED, "out of memory");
        return;
    }
    acceptance_answer(&acceptance, rq, n);
    if (n->accepted) {
        open_association(s, &acceptance, n, rq->context_count);
    } else {
        log_rejection(s, rq, n->reject);
        (void)association_reject(&s->association, n->reject);
    }
    free(n);
}
