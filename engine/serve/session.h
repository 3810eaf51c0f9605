/* SPDX-License-Identifier: Apache-2.0 */
/* session: an association that a peer opened with us, on its connection: joins link (bytes), ulp (PDUs and states), dimse
 * (messages) and the services (service.h). Here are the bytes, the timers and the life; what a message means is the service's.
 *
 *   accepted ─▶ NEGOTIATING ─▶ OPEN ─▶ ENDING (nothing more is read) ─▶ connection closed ─▶ last object answered ─▶ freed
 *
 * Reading stops (a hold) while the peer has as many operations under way as its window allows, or while there is no credit or
 * chunk for its next data set: TCP then slows the peer down. What was already received behind that point is kept aside (the
 * stash, at most what one receive brings).
 *
 * Payload is received straight into the object's chunks. Where PDUs are short, one receive takes many of them: it expects that
 * the next ones are like the one under way, and has the kernel put their headers aside and their payloads one behind the other.
 * Where that guess fails the bytes are copied aside; the stream is always read in its order.
 *
 * Thread: the station's reactor. */
#ifndef LEAT_SERVE_SESSION_H
#define LEAT_SERVE_SESSION_H

#include "engine/ingest/intake.h"
#include "engine/serve/station.h"
#include "net/dimse/message_ids.h"
#include "net/dimse/service_check.h"
#include "net/link/connection.h"
#include "net/ulp/association.h"

enum session_sink { SINK_COMMAND, SINK_OBJECT, SINK_DISCARD };

enum session_hold { /* bits: why nothing is read */
    HOLD_WINDOW = 1,    /* as many operations under way as negotiated */
    HOLD_ADMISSION = 2, /* no credit or chunk for the next data set */
    HOLD_MEMORY = 4,    /* no chunk for the rest of this one */
};

enum session_state { SESSION_NEGOTIATING, SESSION_OPEN, SESSION_ENDING };

#define SESSION_AHEAD_PDUS 24u

struct session {
    struct connection connection;
    struct association association;
    struct station *station;
    struct session *next, *previous;
    enum session_state state;
    uint64_t number;
    struct policy *policy;            /* in force when it connected */
    const struct config_rules *rules; /* of the caller, once accepted */
    char peer_text[ENDPOINT_TEXT_BYTES];

    /* ---- the message under way ---- */
    struct message *message;          /* NULL between messages */
    enum session_sink sink;
    struct object *object;            /* RECEIVING */
    struct service_verdict verdict;   /* of the message under way */
    bool command_pending;             /* waits for the window */
    bool data_pending;                /* its data set waits for admission */
    uint8_t hold;                     /* bits of enum session_hold */
    struct intake_waiter waiter;
    uint8_t *stash;
    size_t stash_length;
    uint8_t ahead[SESSION_AHEAD_PDUS][PDU_HEADER_BYTES + PDV_HEADER_BYTES]; /* headers that a receive expects between payloads */

    /* ---- operations under way ---- */
    struct message_ids ids;
    uint32_t outstanding;             /* objects in the pipeline */
    bool release_due;                 /* the peer asked for it; answered when the last operation is */

    struct timer artim, quiet, rate;
    uint64_t rate_bytes;              /* received when the rate was looked at last */
    uint64_t opened_ns, closed_ns;
    uint64_t objects, object_bytes, refused;
    bool counted, closed;
    char ending[128];                 /* how it ended, for the log */
};

/* NULL: no memory; fd stays the caller's. */
struct session *session_create(struct station *station, int fd);
struct session *session_next(const struct session *session);
void session_drain(struct session *session, bool forced);

/* ---- for the services ---- */
/* A response: framed and queued. */
void session_send_command(struct session *session, uint8_t context_id, const struct command *command);
/* Aborts as provider, with the reason in words for the log. */
void session_abort(struct session *session, enum abort_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Stops reading. Lifted by session_resume, or by the intake when it has room again. */
void session_hold(struct session *session, enum session_hold why);
void session_resume(struct session *session, enum session_hold why);
/* An operation of the peer's is answered. The session may be gone afterwards. */
void session_operation_ended(struct session *session);

#endif
