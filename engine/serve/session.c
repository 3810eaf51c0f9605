/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/session_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/serve/service.h"

#define LINGER_MS 1000
#define SEND_LIMIT_BYTES (128u * 1024u) /* responses that the peer doesn't read; behind that it is cut off */

static const struct connection_events session_events;

/* ---- ending ---- */

void session_note_ending(struct session *s, const char *format, ...) {
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
    if (!s->connection.receiving)
        abandon_object(s); /* else the kernel may still write into its chunks: when the connection is closed */
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
            log_info("association %llu: %s sent %s: accepted", (unsigned long long)s->number, s->association.calling_ae,
                     texts[i].text);
}

static void log_end(struct session *s) {
    double seconds = (double)(s->closed_ns - s->opened_ns) / 1e9;
    if (!s->counted) {
        log_info("connection %llu from %s ended before an association: %s", (unsigned long long)s->number, s->peer_text,
                 s->ending);
        return;
    }
    log_info("association %llu ended: %s %s -> %s, %llu objects, %.1f MB, %.1f s, %.1f objects/s, %.1f MB/s, %llu refused; %s",
             (unsigned long long)s->number, s->peer_text, s->association.calling_ae, s->association.called_ae,
             (unsigned long long)s->objects, (double)s->object_bytes / 1e6, seconds,
             seconds > 0 ? (double)s->objects / seconds : 0, seconds > 0 ? (double)s->object_bytes / 1e6 / seconds : 0,
             (unsigned long long)s->refused, s->ending);
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
    session_note_ending(s, "closed");
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

void session_carry_out(struct session *s) {
    struct slice out = association_output(&s->association);
    if (out.length) {
        bool sent = connection_send(&s->connection, out.bytes, out.length);
        association_output_taken(&s->association, out.length);
        if (!sent) {
            session_note_ending(s, "the peer does not read what we answer");
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
        session_note_ending(s, "closed");
        if (s->state != SESSION_ENDING) end_reading(s);
        connection_close(&s->connection, LINGER_MS);
    }
}

static void artim_fired(struct timer *timer) {
    struct session *s = container_of(timer, struct session, artim);
    struct indication ignored;
    if (s->state == SESSION_NEGOTIATING) {
        session_note_ending(s, "ARTIM expired: no A-ASSOCIATE-RQ");
        counters_add(s->station->counters, COUNTER_ABORTED_TIMEOUT, 1);
    }
    association_artim_expired(&s->association, &ignored);
    session_carry_out(s);
}

void session_abort(struct session *s, enum abort_reason reason, const char *format, ...) {
    char text[112];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    session_note_ending(s, "aborted by us: %s", text);
    bool aborted = association_abort(&s->association, ABORT_BY_PROVIDER, reason);
    end_reading(s);
    session_carry_out(s);
    if (!aborted) connection_close(&s->connection, LINGER_MS);
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

/* What the stash holds is older than anything that will be read. */
static void take_stash(struct session *s) {
    uint8_t *stash = s->stash;
    size_t n = s->stash_length;
    s->stash = NULL;
    s->stash_length = 0;
    session_take(s, stash, n); /* may fill a stash anew */
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
        session_timeouts_quiet(s);
        session_timeouts_rate(s);
        connection_resume_reading(&s->connection);
    }
    if (s->state != SESSION_ENDING) session_carry_out(s);
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
        session_note_ending(s, "aborted by us at byte %llu: %s", (unsigned long long)fault->offset, fault->text);
        counters_add(s->station->counters, COUNTER_ABORTED_PROTOCOL, 1);
    } else if (i->abort.by == ABORTED_BY_PEER) {
        session_note_ending(s, "aborted by the peer: %s", pdu_abort_text(i->abort.source, i->abort.reason));
        counters_add(s->station->counters, COUNTER_ABORTED_PEER, 1);
    } else {
        session_note_ending(s, "connection lost");
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
        session_timeouts_rate(s);
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
    session_note_ending(s, "released");
    s->release_due = true;
    if (!s->outstanding) (void)association_release_response(&s->association);
}

static void indicate(struct session *s, const struct indication *i) {
    struct fault fault = {0};
    switch (i->kind) {
    case ULP_ASSOCIATE_RQ: session_opening_negotiate(s, i->associate); break;
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

bool session_wants_data(const struct session *s) {
    return s->sink != SINK_COMMAND && association_payload_wanted(&s->association) > 0;
}

/* The stream goes on with these bytes. */
void session_take(struct session *s, const uint8_t *bytes, size_t n) {
    for (;;) {
        if (s->hold && s->state != SESSION_ENDING) {
            keep_aside(s, bytes, n);
            return;
        }
        if (n && s->state == SESSION_OPEN && session_wants_data(s)) {
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
        session_carry_out(s);
        if (indication.kind == ULP_NONE && n == 0) return;
    }
}

/* ---- the connection's end ---- */

static void ended(struct connection *connection, enum connection_end end, int os_error) {
    (void)os_error;
    struct session *s = container_of(connection, struct session, connection);
    struct indication indication;
    association_transport_closed(&s->association, &indication);
    if (indication.kind == ULP_ABORT) {
        session_note_ending(s, "connection lost (%s)", connection_end_word(end));
        counters_add(s->station->counters, COUNTER_ABORTED_PEER, 1);
    }
    session_note_ending(s, "%s", connection_end_word(end));
    if (s->state != SESSION_ENDING) end_reading(s);
    (void)association_take_orders(&s->association);
    connection_close(connection, 0);
}

static const struct connection_events session_events = {
    .plan = session_receive_plan,
    .received_direct = session_receive_direct,
    .received = session_receive_spill,
    .ended = ended, .closed = connection_closed};

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
    session_carry_out(s);
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
    size_t framed_bytes =
        message_frame(context_id, slice_of(encoded, n), s->association.peer_maximum_length, framed, sizeof framed);
    if (framed_bytes && connection_send(&s->connection, framed, framed_bytes)) return;
    session_abort(s, ABORT_NOT_SPECIFIED,
                  framed_bytes ? "the peer does not read what we answer" : "the peer's maximum PDU length can't hold an answer");
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
    else session_carry_out(s);
}
