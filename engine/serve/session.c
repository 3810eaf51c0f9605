/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/serve/acceptance.h"
#include "engine/serve/service.h"

#define LINGER_MS 1000
#define SEND_LIMIT_BYTES (128u * 1024u) /* responses that the peer doesn't read; behind that it is cut off */
#define DIRECT_PARTS 4u
#define LITTLE_BYTES (32u * 1024u) /* a receive below this may be all that a peer's Nagle algorithm lets through */
#define AHEAD_BYTES (64u * 1024u) /* of payload in one receive: what a wrong guess moves, and a stash holds at most */
#define NEGOTIATION_MS 30000 /* the quiet timer before there are rules; ARTIM is quicker */

static const struct connection_events session_events;

/* ---- ending ---- */

static void note_ending(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note_ending(struct session *s, const char *format, ...) {
    if (s->ending[0]) return; /* the first reason is the reason */
    va_list args;
    va_start(args, format);
    vsnprintf(s->ending, sizeof s->ending, format, args);
    va_end(args);
}

static void abandon_object(struct session *s) {
    if (s->object) intake_abandon(s->object);
    s->object = NULL;
}

/* Nothing more is read or begun; what is in the pipeline goes on and is answered into the void. */
static void end_reading(struct session *s) {
    s->state = SESSION_ENDING;
    intake_stop_waiting(s->station->intake, &s->waiter);
    timer_disarm(s->station->reactor, &s->quiet);
    timer_disarm(s->station->reactor, &s->rate);
    if (!s->connection.receiving) abandon_object(s); /* else the kernel may still write into its chunks: when the connection is closed */
    if (s->message) station_give_message(s->station, s->message);
    s->message = NULL;
    s->command_pending = s->data_pending = false;
    free(s->stash);
    s->stash = NULL;
    s->stash_length = 0;
    s->hold = 0;
    if (!s->closed) connection_resume_reading(&s->connection); /* to see the peer's end */
}

/* What the peer does besides the standard, once an association. */
static void log_remarks(const struct session *s) {
    static const struct {
        uint32_t bit;
        const char *text;
    } texts[] = {
        {ASSOCIATION_REMARK_ODD_FRAGMENT, "fragments of odd length"},
        {ASSOCIATION_REMARK_LONG_PDU, "PDUs longer than announced"},
        {ASSOCIATION_REMARK_NO_MAXIMUM_LENGTH, "no maximum length"},
    };
    for (size_t i = 0; i < array_count(texts); i++)
        if (s->association.remarks & texts[i].bit)
            log_info("association %llu: %s sent %s: accepted", (unsigned long long)s->number, s->association.calling_ae, texts[i].text);
}

static void log_end(struct session *s) {
    double seconds = (double)(s->closed_ns - s->opened_ns) / 1e9;
    if (!s->counted) {
        log_info("connection %llu from %s ended before an association: %s", (unsigned long long)s->number, s->peer_text, s->ending);
        return;
    }
    log_info("association %llu ended: %s %s -> %s, %llu objects, %.1f MB, %.1f s, %.1f objects/s, %.1f MB/s, %llu refused; %s",
             (unsigned long long)s->number, s->peer_text, s->association.calling_ae, s->association.called_ae, (unsigned long long)s->objects,
             (double)s->object_bytes / 1e6, seconds, seconds > 0 ? (double)s->objects / seconds : 0,
             seconds > 0 ? (double)s->object_bytes / 1e6 / seconds : 0, (unsigned long long)s->refused, s->ending);
    log_remarks(s);
}

static void free_when_done(struct session *s) {
    if (!s->closed || s->outstanding) return;
    log_end(s);
    association_release(&s->association);
    free(s);
}

static void connection_closed(struct connection *connection) {
    struct session *s = container_of(connection, struct session, connection);
    struct station *station = s->station;
    note_ending(s, "closed");
    s->closed_ns = clock_monotonic_ns();
    s->closed = true;
    if (s->state != SESSION_ENDING) end_reading(s);
    abandon_object(s);
    timer_disarm(station->reactor, &s->artim);
    if (s->counted) census_leave(&station->hall->census, s->policy, s->rules, &s->connection.peer);
    if (s->previous) s->previous->next = s->next;
    else station->sessions = s->next;
    if (s->next) s->next->previous = s->previous;
    atomic_fetch_sub_explicit(&station->session_count, 1, memory_order_relaxed);
    reactor_add_load(station->reactor, -1);
    free_when_done(s);
}

/* ---- orders of the upper layer ---- */

static void artim_fired(struct timer *timer);

static void carry_out(struct session *s) {
    struct slice out = association_output(&s->association);
    if (out.length) {
        bool sent = connection_send(&s->connection, out.bytes, out.length);
        association_output_taken(&s->association, out.length);
        if (!sent) {
            note_ending(s, "the peer does not read what we answer");
            connection_abort(&s->connection);
        }
    }
    uint32_t orders = association_take_orders(&s->association);
    if (orders & ASSOCIATION_ARTIM_STOP) timer_disarm(s->station->reactor, &s->artim);
    if (orders & ASSOCIATION_ARTIM_START) {
        uint32_t ms = s->rules ? s->rules->timeouts.artim_ms : s->policy->config->everyone.timeouts.artim_ms;
        timer_arm(s->station->reactor, &s->artim, ms, artim_fired);
    }
    if (orders & ASSOCIATION_CLOSE) {
        note_ending(s, "closed");
        if (s->state != SESSION_ENDING) end_reading(s);
        connection_close(&s->connection, LINGER_MS);
    }
}

static void artim_fired(struct timer *timer) {
    struct session *s = container_of(timer, struct session, artim);
    struct indication ignored;
    if (s->state == SESSION_NEGOTIATING) {
        note_ending(s, "ARTIM expired: no A-ASSOCIATE-RQ");
        counters_add(s->station->counters, COUNTER_ABORTED_TIMEOUT, 1);
    }
    association_artim_expired(&s->association, &ignored);
    carry_out(s);
}

void session_abort(struct session *s, enum abort_reason reason, const char *format, ...) {
    char text[112];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note_ending(s, "aborted by us: %s", text);
    bool aborted = association_abort(&s->association, ABORT_BY_PROVIDER, reason);
    end_reading(s);
    carry_out(s);
    if (!aborted) connection_close(&s->connection, LINGER_MS);
}

/* ---- time-outs ---- */

static bool in_message(const struct session *s) {
    return s->message || s->association.reader.phase != PHASE_PDU_HEADER || s->association.reader.held_count;
}

static void quiet_fired(struct timer *timer);

static void rearm_quiet(struct session *s) {
    uint32_t ms = s->rules ? in_message(s) ? s->rules->timeouts.message_ms : s->rules->timeouts.idle_ms : NEGOTIATION_MS;
    timer_arm(s->station->reactor, &s->quiet, ms, quiet_fired);
}

static void quiet_fired(struct timer *timer) {
    struct session *s = container_of(timer, struct session, quiet);
    if (s->hold || s->outstanding) { /* it is we who keep the peer waiting */
        rearm_quiet(s);
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
static void restart_rate(struct session *s) {
    s->rate_bytes = s->connection.received_bytes;
    if (s->rules->timeouts.min_rate_bytes_per_s)
        timer_arm(s->station->reactor, &s->rate, s->rules->timeouts.min_rate_window_ms, rate_fired);
}

/* ---- negotiation ---- */

static void log_rejection(struct session *s, const struct associate *rq, struct reject reject) {
    static const enum counter by_source[] = {COUNTER_REJECTED_PROTOCOL, COUNTER_REJECTED_AET, COUNTER_REJECTED_PROTOCOL,
                                             COUNTER_REJECTED_LIMIT};
    enum counter counter = by_source[reject.source & 3];
    if (reject.source == REJECT_BY_USER && reject.reason == REJECT_USER_APPLICATION_CONTEXT) counter = COUNTER_REJECTED_PROTOCOL;
    if (reject.source == REJECT_BY_PROVIDER_PRESENTATION && reject.reason == REJECT_PRESENTATION_CONGESTION)
        counter = COUNTER_REJECTED_NO_SPACE;
    counters_add(s->station->counters, counter, 1);
    note_ending(s, "%.*s -> %.*s %s", SLICE_ARGS(rq->calling_ae), SLICE_ARGS(rq->called_ae), pdu_reject_text(reject));
}

static void log_opening(struct session *s, uint32_t accepted, uint32_t proposed) {
    const struct association *a = &s->association;
    log_info("association %llu opened: %s %s -> %s, %u of %u contexts accepted, window %u, PDU %u, implementation %s %s",
             (unsigned long long)s->number, s->peer_text, a->calling_ae, a->called_ae, accepted, proposed, a->window_invoked,
             a->peer_maximum_length, a->peer_implementation_uid, a->peer_implementation_version);
    if (!slice_equal(slice_text(a->called_ae), slice_text(s->policy->config->aet)))
        log_info("association %llu calls %s; we are %s (called_aet: strict would reject it)", (unsigned long long)s->number, a->called_ae,
                 s->policy->config->aet);
}

static void open_association(struct session *s, const struct acceptance *acceptance, const struct negotiation *n, uint32_t proposed) {
    s->rules = acceptance->rules;
    s->counted = true;
    if (!association_accept(&s->association, &n->accept)) { /* no memory for the table of contexts */
        const struct reject no_memory = {REJECTED_TRANSIENT, REJECT_BY_PROVIDER_PRESENTATION, REJECT_PRESENTATION_LOCAL_LIMIT};
        note_ending(s, "out of memory");
        (void)association_reject(&s->association, no_memory);
        return;
    }
    s->state = SESSION_OPEN;
    message_ids_init(&s->ids, s->association.window_invoked);
    counters_add(s->station->counters, COUNTER_ASSOCIATIONS, 1);
    log_opening(s, n->accepted_count, proposed);
}

static void negotiate(struct session *s, const struct associate *rq) {
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

/* ---- holds ---- */

static void give_idle_message(struct session *s) {
    if (!s->message || !message_is_idle(s->message) || s->command_pending || s->data_pending) return;
    station_give_message(s->station, s->message);
    s->message = NULL;
}

void session_hold(struct session *s, enum session_hold why) {
    s->hold |= (uint8_t)why;
    if (why & (HOLD_ADMISSION | HOLD_MEMORY)) intake_wait(s->station->intake, &s->waiter);
}

static void take(struct session *s, const uint8_t *bytes, size_t n);

/* What the stash holds is older than anything that will be read. */
static void take_stash(struct session *s) {
    uint8_t *stash = s->stash;
    size_t n = s->stash_length;
    s->stash = NULL;
    s->stash_length = 0;
    take(s, stash, n); /* may fill a stash anew */
    free(stash);
}

void session_resume(struct session *s, enum session_hold why) {
    s->hold &= (uint8_t)~why;
    if (s->hold || s->state == SESSION_ENDING) return;
    if (s->command_pending) {
        s->command_pending = false;
        service_command(s);
        give_idle_message(s);
    }
    if (!s->hold && s->data_pending) {
        s->data_pending = false;
        service_data_begin(s);
    }
    if (!s->hold && s->state != SESSION_ENDING) take_stash(s);
    if (!s->hold && s->state != SESSION_ENDING) {
        rearm_quiet(s);
        restart_rate(s);
        connection_resume_reading(&s->connection);
    }
    if (s->state != SESSION_ENDING) carry_out(s);
}

static void room_again(struct intake_waiter *waiter) {
    struct session *s = container_of(waiter, struct session, waiter);
    session_resume(s, HOLD_ADMISSION | HOLD_MEMORY);
}

static void keep_aside(struct session *s, const uint8_t *bytes, size_t n) {
    if (!n) return;
    uint8_t *more = realloc(s->stash, s->stash_length + n);
    if (!more) {
        session_abort(s, ABORT_NOT_SPECIFIED, "out of memory");
        return;
    }
    memcpy(more + s->stash_length, bytes, n);
    s->stash = more;
    s->stash_length += n;
}

/* ---- bytes in ---- */

static void fault_found(struct session *s, const struct indication *i) {
    const struct fault *fault = association_fault(&s->association);
    if (i->abort.by == ABORTED_BY_US && fault) {
        note_ending(s, "aborted by us at byte %llu: %s", (unsigned long long)fault->offset, fault->text);
        counters_add(s->station->counters, COUNTER_ABORTED_PROTOCOL, 1);
    } else if (i->abort.by == ABORTED_BY_PEER) {
        note_ending(s, "aborted by the peer: %s", pdu_abort_text(i->abort.source, i->abort.reason));
        counters_add(s->station->counters, COUNTER_ABORTED_PEER, 1);
    } else {
        note_ending(s, "connection lost");
        counters_add(s->station->counters, COUNTER_ABORTED_PEER, 1);
    }
    end_reading(s);
}

static void message_fault(struct session *s, const struct fault *fault) {
    counters_add(s->station->counters, COUNTER_ABORTED_PROTOCOL, 1);
    session_abort(s, ABORT_UNEXPECTED_PARAMETER, "%s", fault->text);
}

static void pdv_begun(struct session *s, const struct pdv *pdv) {
    struct fault fault = {0};
    if (!s->message) {
        s->message = station_take_message(s->station);
        if (!s->message) {
            session_abort(s, ABORT_NOT_SPECIFIED, "out of memory");
            return;
        }
        restart_rate(s);
    }
    switch (message_pdv_begin(s->message, pdv->context_id, pdv->is_command, pdv->is_last, &fault)) {
    case MESSAGE_FAULT: message_fault(s, &fault); return;
    case MESSAGE_DATA_BEGIN: service_data_begin(s); return;
    default: break;
    }
    if (pdv->is_command) s->sink = SINK_COMMAND;
}

static void pdv_ended(struct session *s) {
    struct fault fault = {0};
    switch (message_pdv_end(s->message, &fault)) {
    case MESSAGE_FAULT: message_fault(s, &fault); return;
    case MESSAGE_COMMAND: service_command(s); break;
    case MESSAGE_DATA_END:
        service_data_end(s);
        s->sink = SINK_COMMAND;
        break;
    default: break;
    }
    give_idle_message(s);
}

static void release_asked(struct session *s) {
    note_ending(s, "released");
    s->release_due = true;
    if (!s->outstanding) (void)association_release_response(&s->association);
}

static void indicate(struct session *s, const struct indication *i) {
    struct fault fault = {0};
    switch (i->kind) {
    case ULP_ASSOCIATE_RQ: negotiate(s, i->associate); break;
    case ULP_PDV_BEGIN: pdv_begun(s, &i->pdv); break;
    case ULP_PDV_DATA:
        if (message_pdv_data(s->message, i->data.bytes, i->data.length, &fault) == MESSAGE_FAULT) message_fault(s, &fault);
        break;
    case ULP_PDV_END: pdv_ended(s); break;
    case ULP_RELEASE_RQ: release_asked(s); break;
    case ULP_ABORT: fault_found(s, i); break;
    case ULP_CLOSED:
    case ULP_NONE:
    case ULP_ASSOCIATE_AC:
    case ULP_ASSOCIATE_RJ:
    case ULP_RELEASE_RP: break;
    }
}

/* Bytes of a data set. Returns how many were taken. */
static size_t sink_bytes(struct session *s, const uint8_t *bytes, size_t n) {
    struct fault fault = {0};
    if (s->sink == SINK_OBJECT) n = intake_received(s->object, bytes, n);
    if (message_pdv_data(s->message, NULL, n, &fault) == MESSAGE_FAULT) message_fault(s, &fault);
    return n;
}

static bool wants_data(const struct session *s) { return s->sink != SINK_COMMAND && association_payload_wanted(&s->association) > 0; }

/* The stream goes on with these bytes. */
static void take(struct session *s, const uint8_t *bytes, size_t n) {
    for (;;) {
        if (s->hold && s->state != SESSION_ENDING) {
            keep_aside(s, bytes, n);
            return;
        }
        if (n && s->state == SESSION_OPEN && wants_data(s)) {
            size_t wanted = association_payload_wanted(&s->association), k = n < wanted ? n : wanted;
            size_t taken = sink_bytes(s, bytes, k);
            association_payload_received(&s->association, bytes, taken);
            bytes += taken;
            n -= taken;
            if (taken < k) session_hold(s, HOLD_MEMORY);
            continue;
        }
        struct indication indication;
        size_t used = association_feed(&s->association, bytes, n, &indication);
        if (used) bytes += used;
        n -= used;
        if (indication.kind != ULP_NONE && s->state != SESSION_ENDING) indicate(s, &indication);
        carry_out(s);
        if (indication.kind == ULP_NONE && n == 0) return;
    }
}

/* In the middle of a message, and the socket gave only a little: the peer may be waiting for our acknowledgement before it sends on (Nagle). */
static void acknowledge_little(struct session *s, size_t n) {
    if (n < LITTLE_BYTES && s->message && !s->hold && s->state == SESSION_OPEN) connection_acknowledge(&s->connection);
}

/* ---- the connection's callbacks ---- */

/* How many PDUs like the one under way are expected behind it in this receive. */
static uint32_t pdus_ahead(const struct session *s, size_t wanted) {
    const struct association *a = &s->association;
    if (a->pdv.is_last || a->pdv.length == 0 || association_pdu_rest(a) || wanted >= AHEAD_BYTES) return 0;
    size_t count = (AHEAD_BYTES - wanted) / a->pdv.length;
    return count < SESSION_AHEAD_PDUS ? (uint32_t)count : SESSION_AHEAD_PDUS;
}

/* The rest of this PDV, then (header, payload) of those expected, all payload one behind the other in the object's chunks. */
static uint32_t plan_payload(struct session *s, struct iovec *parts, size_t wanted) {
    struct iovec room[DIRECT_PARTS];
    uint32_t ahead = pdus_ahead(s, wanted), pieces, count = 0, headers = 0;
    size_t in_pdv = wanted;
    pieces = intake_room(s->object, room, DIRECT_PARTS, wanted + (size_t)ahead * s->association.pdv.length);
    for (uint32_t i = 0; i < pieces; i++) {
        while (room[i].iov_len && count + 2 <= CONNECTION_PLAN_PARTS) {
            if (!in_pdv) {
                parts[count++] = (struct iovec){.iov_base = s->ahead[headers++], .iov_len = sizeof s->ahead[0]};
                in_pdv = s->association.pdv.length;
            }
            size_t k = room[i].iov_len < in_pdv ? room[i].iov_len : in_pdv;
            parts[count++] = (struct iovec){.iov_base = room[i].iov_base, .iov_len = k};
            room[i].iov_base = (uint8_t *)room[i].iov_base + k;
            room[i].iov_len -= k;
            in_pdv -= k;
        }
    }
    return count;
}

static enum connection_intake plan(struct connection *connection, struct iovec *parts, uint32_t *count) {
    struct session *s = container_of(connection, struct session, connection);
    if (s->hold) return CONNECTION_PAUSE;
    if (s->state != SESSION_OPEN || !wants_data(s)) return CONNECTION_READ;
    size_t wanted = association_payload_wanted(&s->association);
    if (s->sink == SINK_DISCARD) {
        parts[0] = (struct iovec){.iov_base = s->station->discard, .iov_len = wanted < STATION_DISCARD_BYTES ? wanted : STATION_DISCARD_BYTES};
        *count = 1;
        return CONNECTION_READ;
    }
    *count = plan_payload(s, parts, wanted);
    if (*count) return CONNECTION_READ;
    session_hold(s, HOLD_MEMORY);
    return CONNECTION_PAUSE;
}

/* Whether the next part of a receive, of which n bytes came in this and all later parts, may be read where it lies: a header where a PDU
 * begins; payload of the PDV under way, and nothing behind the data set's end (whose chunks go on without us). */
static bool is_as_guessed(const struct session *s, const struct iovec *part, size_t n) {
    const struct association *a = &s->association;
    bool is_header = (uint8_t *)part->iov_base >= s->ahead[0] && (uint8_t *)part->iov_base < s->ahead[SESSION_AHEAD_PDUS - 1] + sizeof s->ahead[0];
    if (is_header) return a->reader.phase == PHASE_PDU_HEADER && !a->reader.held_count;
    size_t wanted = association_payload_wanted(a), k = n < part->iov_len ? n : part->iov_len;
    return s->sink != SINK_COMMAND && k <= wanted && !(a->pdv.is_last && n > wanted);
}

/* The guess failed: what is left of the receive is copied, in its order, and read from there. */
static void take_aside(struct session *s, const struct iovec *part, size_t n) {
    uint8_t *aside = malloc(n);
    if (!aside) {
        session_abort(s, ABORT_NOT_SPECIFIED, "out of memory");
        return;
    }
    for (size_t at = 0; at < n; part++) {
        size_t k = n - at < part->iov_len ? n - at : part->iov_len;
        memcpy(aside + at, part->iov_base, k);
        at += k;
    }
    take(s, aside, n);
    free(aside);
}

static void received_direct(struct connection *connection, size_t n) {
    struct session *s = container_of(connection, struct session, connection);
    size_t all = n;
    for (uint32_t i = 0; n && s->state == SESSION_OPEN; i++) {
        const struct iovec *part = &connection->plan_parts[i];
        size_t k = n < part->iov_len ? n : part->iov_len;
        if (!is_as_guessed(s, part, n)) {
            take_aside(s, part, n);
            break;
        }
        take(s, part->iov_base, k);
        n -= k;
    }
    acknowledge_little(s, all);
    if (s->state != SESSION_ENDING) rearm_quiet(s);
}

static void received(struct connection *connection, const uint8_t *bytes, size_t n) {
    struct session *s = container_of(connection, struct session, connection);
    take(s, bytes, n);
    acknowledge_little(s, n);
    if (s->state != SESSION_ENDING) rearm_quiet(s);
}

static void ended(struct connection *connection, enum connection_end end, int os_error) {
    (void)os_error;
    struct session *s = container_of(connection, struct session, connection);
    struct indication indication;
    association_transport_closed(&s->association, &indication);
    if (indication.kind == ULP_ABORT) {
        note_ending(s, "connection lost (%s)", connection_end_word(end));
        counters_add(s->station->counters, COUNTER_ABORTED_PEER, 1);
    }
    note_ending(s, "%s", connection_end_word(end));
    if (s->state != SESSION_ENDING) end_reading(s);
    (void)association_take_orders(&s->association);
    connection_close(connection, 0);
}

static const struct connection_events session_events = {
    .plan = plan, .received_direct = received_direct, .received = received, .ended = ended, .closed = connection_closed};

/* ---- life ---- */

struct session *session_create(struct station *station, int fd) {
    struct session *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->station = station;
    s->number = atomic_fetch_add_explicit(&station->hall->associations, 1, memory_order_relaxed) + 1;
    s->opened_ns = clock_monotonic_ns();
    s->waiter.ready = room_again;
    message_ids_init(&s->ids, 1);
    s->policy = policies_now(&station->hall->policies);
    association_init(&s->association, ASSOCIATION_ACCEPTOR, s->policy->config->everyone.max_pdu_length);
    const struct connection_options options = {
        .reactor = station->reactor, .stock = &station->sends, .events = &session_events, .send_limit_bytes = SEND_LIMIT_BYTES};
    connection_open(&s->connection, &options, fd);
    endpoint_text(&s->connection.peer, s->peer_text);
    s->next = station->sessions;
    if (s->next) s->next->previous = s;
    station->sessions = s;
    atomic_fetch_add_explicit(&station->session_count, 1, memory_order_relaxed);
    association_transport_indication(&s->association);
    carry_out(s);
    return s;
}

struct session *session_next(const struct session *session) { return session->next; }

static bool is_idle(const struct session *s) { return !s->outstanding && !s->object && !s->message; }

void session_drain(struct session *s, bool forced) {
    if (s->state == SESSION_ENDING) {
        if (forced) connection_close(&s->connection, LINGER_MS);
        return;
    }
    if (forced || is_idle(s)) session_abort(s, ABORT_NOT_SPECIFIED, "leat is stopping");
    if (forced) connection_close(&s->connection, LINGER_MS); /* without waiting for the peer, or ARTIM */
}

/* ---- for the services ---- */

void session_send_command(struct session *s, uint8_t context_id, const struct command *command) {
    uint8_t encoded[COMMAND_ENCODED_BYTES], framed[COMMAND_ENCODED_BYTES * 4];
    if (!association_can_send(&s->association)) return;
    size_t n = command_encode(command, encoded, sizeof encoded);
    invariant(n > 0);
    size_t framed_bytes = message_frame(context_id, slice_of(encoded, n), s->association.peer_maximum_length, framed, sizeof framed);
    if (framed_bytes && connection_send(&s->connection, framed, framed_bytes)) return;
    session_abort(s, ABORT_NOT_SPECIFIED, framed_bytes ? "the peer does not read what we answer" : "the peer's maximum PDU length can't hold an answer");
}

void session_operation_ended(struct session *s) {
    invariant(s->outstanding > 0);
    s->outstanding--;
    if (s->closed) {
        free_when_done(s);
        return;
    }
    if (s->state == SESSION_ENDING) return;
    if (s->hold & HOLD_WINDOW) session_resume(s, HOLD_WINDOW);
    if (s->state == SESSION_ENDING) return;
    if (s->release_due && !s->outstanding) (void)association_release_response(&s->association);
    if (s->station->draining && is_idle(s) && !s->release_due) session_abort(s, ABORT_NOT_SPECIFIED, "leat is stopping");
    else carry_out(s);
}
