/* SPDX-License-Identifier: Apache-2.0 */
/* session_timeouts: a peer that is silent inside a message, idle between messages, or too slow inside one is aborted; not while
 * it is we who keep it waiting. Both timers are only pushed ahead while bytes come. */
#include "engine/serve/session_parts.h"

#define NEGOTIATION_MS 30000 /* the quiet timer before there are rules; ARTIM is quicker */

static bool in_message(const struct session *s) {
    return s->message || s->association.reader.phase != PHASE_PDU_HEADER || s->association.reader.held_count;
}

static void quiet_fired(struct timer *timer);

void session_timeouts_quiet(struct session *s) {
    uint32_t ms = s->rules ? in_message(s) ? s->rules->timeouts.message_ms : s->rules->timeouts.idle_ms : NEGOTIATION_MS;
    timer_arm(s->station->reactor, &s->quiet, ms, quiet_fired);
}

static void quiet_fired(struct timer *timer) {
    struct session *s = container_of(timer, struct session, quiet);
    if (s->hold || s->outstanding) { /* it is we who keep the peer waiting */
        session_timeouts_quiet(s);
        return;
    }
    counters_add(s->station->counters, COUNTER_ABORTED_TIMEOUT, 1);
    session_abort(s, ABORT_NOT_SPECIFIED, in_message(s) ? "silence inside a message" : "idle for too long");
}

static void rate_fired(struct timer *timer) {
    struct session *s = container_of(timer, struct session, rate);
    const struct config_timeouts *t = &s->rules->timeouts;
    uint64_t bytes = s->connection.received_bytes - s->rate_bytes;
    if (!in_message(s)) return; /* the next message arms it again */
    if (!s->hold && bytes * 1000 < (uint64_t)t->min_rate_bytes_per_s * t->min_rate_window_ms) {
        counters_add(s->station->counters, COUNTER_ABORTED_TIMEOUT, 1);
        session_abort(s, ABORT_NOT_SPECIFIED, "under %u bytes/s inside a message", t->min_rate_bytes_per_s);
        return;
    }
    s->rate_bytes = s->connection.received_bytes;
    timer_arm(s->station->reactor, &s->rate, t->min_rate_window_ms, rate_fired);
}

/* The rate counts from the beginning of a message, or from when we let it go on. */
void session_timeouts_rate(struct session *s) {
    s->rate_bytes = s->connection.received_bytes;
    if (s->rules->timeouts.min_rate_bytes_per_s)
        timer_arm(s->station->reactor, &s->rate, s->rules->timeouts.min_rate_window_ms, rate_fired);
}
