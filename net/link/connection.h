/* SPDX-License-Identifier: Apache-2.0 */
/* connection: a TCP connection on a reactor, whatever it carries. Embedded in its owner's struct; all functions and callbacks run
 * on the reactor's thread; no function calls back before it returns.
 *
 * Life: connection_open (an accepted socket) or connection_connect -> bytes in and out -> connection_close (flush, then linger
 * for the peer's end) or connection_abort (now, reset) -> the callback `closed`: the kernel has given back everything, the struct
 * may go. Every connection that was opened gets `closed` exactly once, and nothing after it; only close and abort lead there (a
 * failure or the peer's end is told by `ended`, and the owner then closes or aborts).
 *
 * Receiving, without a copy: before each receive the link asks `plan` where the next bytes of the stream shall go: a list of up
 * to CONNECTION_PLAN_PARTS iovecs, whatever they mean to the owner (payload, a PDU header, payload again); behind them the link
 * puts its own small spill buffer. When bytes came, `received_direct(n)` says how many fill the planned parts, in their order,
 * and then `received(bytes, n)` hands over what went to the spill. An owner without a plan gets everything through the spill.
 *
 * The seam for TLS: a handshake takes the connection first, with its own struct connection_events, and hands it on with
 * connection_set_events; with the kernel's TLS (TCP_ULP) the receive and send paths below are the same, and a TLS library's
 * records would be opened between receive and `received`. */
#ifndef LEAT_LINK_CONNECTION_H
#define LEAT_LINK_CONNECTION_H

#include "engine/runtime/reactor.h"
#include "net/link/endpoint.h"
#include "net/link/send_queue.h"

#define CONNECTION_PLAN_PARTS 64u
#define CONNECTION_SEND_PARTS 16u
#define CONNECTION_SPILL_BYTES 4096u

struct connection;

enum connection_state {
    CONNECTION_IDLE,       /* not opened */
    CONNECTION_CONNECTING, /* connection_connect waits for the peer */
    CONNECTION_OPEN,
    CONNECTION_FLUSHING,   /* connection_close: what is queued still goes out */
    CONNECTION_LINGERING,  /* our side is shut; what comes is thrown away until the peer's end or the linger time */
    CONNECTION_ENDING,     /* waits for the kernel to give back what it holds */
    CONNECTION_CLOSED,     /* `closed` was called, or is just about to be */
};

/* Why nothing more comes in. Ordinary states, all of them. */
enum connection_end {
    CONNECTION_PEER_CLOSED, /* an orderly end of the peer's stream; sending is still possible */
    CONNECTION_RESET,       /* the peer, or something between, cut it */
    CONNECTION_TIMED_OUT,   /* no sign of life: keepalive, retransmission, or connect took too long */
    CONNECTION_REFUSED,     /* connect: nobody listens there */
    CONNECTION_UNREACHABLE, /* connect: no way there */
    CONNECTION_STOPPED,     /* the reactor stops */
    CONNECTION_FAILED,      /* anything else: see os_error */
};
const char *connection_end_word(enum connection_end end); /* static, for logs */

enum connection_intake {
    CONNECTION_READ,  /* go on, with the parts planned (none: the spill alone) */
    CONNECTION_PAUSE, /* stop reading, until connection_resume_reading */
};

struct connection_events {
    /* Where shall the next bytes go? Fills up to CONNECTION_PLAN_PARTS parts and their count (0 on entry), each of them > 0
     * bytes; they stay the owner's and must stay in place until received_direct, or `closed`. NULL: never anything. */
    enum connection_intake (*plan)(struct connection *connection, struct iovec *parts, uint32_t *count);
    /* The first n bytes (> 0) of the planned parts are filled. NULL only when plan is NULL. */
    void (*received_direct)(struct connection *connection, size_t n);
    /* Bytes that went to the spill, good during the call only. n > 0. */
    void (*received)(struct connection *connection, const uint8_t *bytes, size_t n);
    /* connection_connect worked. May be NULL. */
    void (*connected)(struct connection *connection);
    /* Nothing more will come in; called once, also for a failed connect. What is queued is dropped unless end is PEER_CLOSED. Not
     * called after connection_close or connection_abort, and not while reading is paused (a failed send shows as
     * connection_send's false then). os_error: errno or 0. */
    void (*ended)(struct connection *connection, enum connection_end end, int os_error);
    /* The queue is empty after it was not: room for more. May be NULL. */
    void (*drained)(struct connection *connection);
    /* The last call: the socket is closed, no operation is in flight; the owner may free the struct in it. */
    void (*closed)(struct connection *connection);
};

struct connection {
    struct reactor *reactor;
    const struct connection_events *events;
    enum connection_state state;
    int fd;
    struct op receive, transmit, cancel;      /* `receive` is also the connect's */
    bool receiving, transmitting, cancelling; /* which of them the kernel holds */
    bool paused;                              /* plan said so */
    bool drained_socket;                      /* the last receive emptied the socket */
    bool incoming_ended;                      /* the peer's end or a failure was seen: no more receives */
    bool outgoing_failed;                     /* nothing can be sent any more */
    bool half_closing, half_closed;
    bool connect_late;                        /* the connect was cancelled by its time-out */
    int outgoing_error;                       /* errno of the failed send */
    size_t planned_bytes;                     /* of the receive under way */
    struct timer timer; /* connect's or linger's */
    uint64_t linger_ms;
    struct reactor_task task; /* things to do at the end of the turn: flush, receive, end */
    struct send_queue queue;
    uint64_t received_bytes, sent_bytes; /* counters, for the owner to read */
    struct endpoint peer;
    struct msghdr receive_message, transmit_message;
    struct iovec transmit_parts[CONNECTION_SEND_PARTS];
    struct iovec plan_parts[CONNECTION_PLAN_PARTS + 1]; /* the spill last */
    uint8_t spill[CONNECTION_SPILL_BYTES];
};
_Static_assert(sizeof(struct connection) <= 6 * 1024, "an idle connection costs at most 6 KiB");

struct connection_options {
    struct reactor *reactor;
    struct send_stock *stock;               /* of this reactor */
    const struct connection_events *events; /* static */
    uint32_t send_limit_bytes;              /* copied and unsent at most; 0 = 64 KiB */
};

/* Takes over an accepted socket, always; receiving begins at the end of this turn (plan is called then). */
void connection_open(struct connection *connection, const struct connection_options *options, int fd);
/* Begins to connect; `connected` or `ended` follows (TIMED_OUT after timeout_ms). False: no socket (fault); the struct stays
 * unopened, no callback will come. */
bool connection_connect(struct connection *connection, const struct connection_options *options, const struct endpoint *peer,
                        uint64_t timeout_ms, struct fault *fault);
/* Another owner from now on (see the seam for TLS). */
void connection_set_events(struct connection *connection, const struct connection_events *events);

/* After plan returned CONNECTION_PAUSE: asks it again at the end of this turn. Reading already: nothing happens. */
void connection_resume_reading(struct connection *connection);

/* Queues a copy; goes out at the end of this turn, together with all else. False: the queue is full (wait for `drained`) or
 * nothing can be sent any more; nothing was taken. */
bool connection_send(struct connection *connection, const void *bytes, size_t length);
/* Queues the caller's memory. False: nothing can be sent any more (done is not called). True: done will be called, also on
 * failure. */
bool connection_send_parts(struct connection *connection, struct send *send);
static inline bool connection_has_unsent(const struct connection *connection) { return !send_queue_is_empty(&connection->queue); }

/* Acknowledges what came (TCP) now rather than some 40 ms later, as the kernel would while we have nothing to say. A peer that
 * leaves Nagle's algorithm on waits for that before it sends the rest of its message: 22 images a second, or hundreds. One
 * system call. */
void connection_acknowledge(struct connection *connection);

/* Sends what is queued, then ends our direction; receiving goes on. */
void connection_half_close(struct connection *connection);
/* Sends what is queued (at most linger_ms long), ends our direction, throws away what still comes until the peer ends too or
 * linger_ms passed (so that our last bytes are not destroyed by a reset), then closes. No callback but done of sends and `closed`
 * follows. In the states behind OPEN: nothing happens. */
void connection_close(struct connection *connection, uint64_t linger_ms);
/* Drops what is queued and resets the connection. In any state but IDLE and CLOSED; `closed` follows unless it was on its way. */
void connection_abort(struct connection *connection);

#endif
