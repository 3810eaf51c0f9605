/* SPDX-License-Identifier: Apache-2.0 */
/* association: one DICOM association without its transport (PS3.8 7 and 9.2), acceptor or requestor. Bytes and primitives go
 * in; indications, bytes to send and orders for the transport come out. It has no socket, timer or thread: the owner has them.
 *
 * Life of an acceptor's:                                   of a requestor's:
 *   association_init, _transport_indication (Sta2)           association_init, _request (Sta4, ASSOCIATION_CONNECT)
 *   feed: ULP_ASSOCIATE_RQ (Sta3); negotiate.h               _transport_connected (Sta5)
 *   association_accept (Sta6) or _reject (Sta13)             feed: ULP_ASSOCIATE_AC (Sta6) or _RJ (Sta1)
 *   feed: ULP_PDV_..., association_frame                     the same
 *   feed: ULP_RELEASE_RQ; association_release_response       association_release_request; feed: ULP_RELEASE_RP
 *   association_transport_closed (Sta1), association_release
 *
 * After EVERY call the owner looks at association_take_orders and association_output. Sta1 again (association_is_over) is the
 * end. An association is owned by one thread at a time. Memory: the struct, plus a buffer while A-ASSOCIATE PDUs are under
 * way, plus an exact table of the presentation contexts. */
#ifndef LEAT_ULP_ASSOCIATION_H
#define LEAT_ULP_ASSOCIATION_H

#include "net/ulp/context_table.h"
#include "net/ulp/pdu_reader.h"
#include "net/ulp/state_machine.h"

#define ARTIM_TIMEOUT_MS 10000              /* default; the owner's timer */
#define ASSOCIATION_MAXIMUM_LENGTH 262144   /* what we announce by default */
#define ASSOCIATION_MAXIMUM_LENGTH_LEAST 8  /* a peer's limit below this (and not 0) can't hold a PDV with two bytes */
#define ASSOCIATION_MAXIMUM_LENGTH_ABSENT 16384 /* taken when the peer says nothing */

enum indication_kind {
    ULP_NONE = 0,     /* all bytes consumed, nothing to tell */
    ULP_ASSOCIATE_RQ, /* .associate: good until accept, reject, abort, or until the association ends */
    ULP_ASSOCIATE_AC, /* .associate: good until the next call */
    ULP_ASSOCIATE_RJ, /* .reject; the transport is to be closed */
    ULP_PDV_BEGIN,    /* .pdv */
    ULP_PDV_DATA,     /* .data: within the bytes that were fed */
    ULP_PDV_END,      /* .pdv again */
    ULP_RELEASE_RQ,   /* answer with association_release_response once all of ours is sent */
    ULP_RELEASE_RP,   /* our release is confirmed */
    ULP_ABORT,        /* .abort: by the peer, by us as provider (see association_fault), or the transport was lost */
    ULP_CLOSED,       /* the transport is closed, or to be closed, and nothing was lost by it */
};

/* PDUs on their way out: an A-ASSOCIATE, then RJ, RELEASE and ABORT. */
struct outgoing {
    uint8_t *large; /* a requestor's A-ASSOCIATE-RQ stays until the answer */
    uint32_t large_length, large_sent;
    uint32_t small_length;
    uint8_t small[40]; /* at most RELEASE-RQ, RELEASE-RP and two ABORTs in the life of an association */
};

struct pdv {
    uint8_t context_id;
    bool is_command, is_last;
    uint32_t length; /* payload bytes, may be 0 */
};

enum aborter { ABORTED_BY_PEER, ABORTED_BY_US, ABORTED_BY_TRANSPORT };

struct indication {
    enum indication_kind kind;
    union {
        const struct associate *associate;
        struct reject reject;
        struct pdv pdv;
        struct slice data;
        struct {
            enum aborter by;
            uint8_t source, reason; /* enum abort_source, abort_reason (any value from a peer) */
        } abort;
    };
};

enum association_order { /* bits; carry them out in this order, CLOSE after the output has been sent */
    ASSOCIATION_CONNECT = 1,
    ASSOCIATION_ARTIM_STOP = 2,
    ASSOCIATION_ARTIM_START = 4, /* restart if it runs */
    ASSOCIATION_CLOSE = 8,
};

enum association_remark { /* what was tolerated; the owner logs each once */
    ASSOCIATION_REMARK_ODD_FRAGMENT = 1,
    ASSOCIATION_REMARK_LONG_PDU = 2,           /* longer than we announced */
    ASSOCIATION_REMARK_NO_MAXIMUM_LENGTH = 4,  /* the peer did not say how long a PDU it takes */
    ASSOCIATION_REMARK_FOREIGN_CONTEXT = 8,    /* A-ASSOCIATE-AC names a context or transfer syntax that we did not propose */
};

struct association {
    struct state_machine machine;
    struct pdu_reader reader;
    uint32_t orders, remarks;
    uint32_t own_maximum_length, peer_maximum_length; /* 0: no limit */
    uint16_t window_invoked, window_performed;        /* as negotiated, the requestor's operations; 0: no limit; 1 by default */
    struct pdv pdv;                                   /* the one that the reader stands in */
    bool release_response_due, aborted_in_sta13;
    struct fault fault;
    char called_ae[AE_TITLE_BYTES + 1], calling_ae[AE_TITLE_BYTES + 1];     /* of the request, trimmed */
    char peer_implementation_uid[UID_BYTES_MAX + 1], peer_implementation_version[AE_TITLE_BYTES + 1];
    struct context_table *contexts; /* NULL until negotiated */
    struct outgoing out;
    struct associate *associate;   /* decoded: see ULP_ASSOCIATE_RQ and _AC */
};

enum association_role { ASSOCIATION_ACCEPTOR, ASSOCIATION_REQUESTOR };

/* In Sta1. announced_length: the maximum length that our side sends in its A-ASSOCIATE (for the remark only; 0: no limit). */
void association_init(struct association *a, enum association_role role, uint32_t announced_length);
void association_release(struct association *a);

/* ---- transport events ---- */
/* Evt5: a connection was accepted (acceptor). */
void association_transport_indication(struct association *a);
/* Evt2: the connection ordered by association_request is there (requestor). */
void association_transport_connected(struct association *a);
/* Evt17: closed or lost, or could not be opened. Gives ULP_ABORT (by the transport), ULP_CLOSED or ULP_NONE (was over before). */
void association_transport_closed(struct association *a, struct indication *out);
/* Evt18. Gives ULP_CLOSED or ULP_NONE; orders ASSOCIATION_CLOSE. */
void association_artim_expired(struct association *a, struct indication *out);

/* ---- bytes in ----
 * Consumes up to n bytes and returns how many; stops at the first indication. Call it again with the rest (n may be 0: an
 * indication may be due without further bytes) until it gives ULP_NONE. After the end it swallows what comes. Never allocates
 * for P-DATA-TF. */
size_t association_feed(struct association *a, const uint8_t *bytes, size_t n, struct indication *out);

/* Zero-copy: > 0 when the reader stands inside a PDV (after its ULP_PDV_BEGIN): the next that many bytes of the stream are its
 * payload and may be received straight to their place, and are then reported with association_payload_received (n <= wanted)
 * instead of being fed. ULP_PDV_END comes from the next association_feed, which may have n = 0. */
size_t association_payload_wanted(const struct association *a);
void association_payload_received(struct association *a, const uint8_t *where, size_t n);
/* Bytes of the current P-DATA-TF PDU behind the current PDV: 0 means that a PDU header comes next, more that a PDV header
 * does. */
size_t association_pdu_rest(const struct association *a);

/* ---- bytes out and orders ----
 * What is to be sent, behind everything that the owner has queued before; empty when there is nothing. Good until the next
 * call. */
struct slice association_output(const struct association *a);
/* n of these bytes were taken over (copied or sent). */
void association_output_taken(struct association *a, size_t n);
/* Orders since the last call: bits of enum association_order. */
uint32_t association_take_orders(struct association *a);

/* ---- primitives of the user (PS3.8 7) ----
 * False: this state has no such transition any more (the peer aborted, say): nothing was done. */
/* Evt1. Requestor: rq is encoded now, nothing is borrowed. False also without memory, or if rq can't be encoded. */
bool association_request(struct association *a, const struct associate *rq);
/* Evt7. ac from negotiate.h; it may borrow from the request. False also without memory: then still in Sta3, to be rejected. */
bool association_accept(struct association *a, const struct associate *ac);
/* Evt8. */
bool association_reject(struct association *a, struct reject reject);
/* Evt11: all outgoing messages must have been queued. */
bool association_release_request(struct association *a);
/* Evt14. In a release collision on the acceptor's side it is kept until the standard lets it go. */
bool association_release_response(struct association *a);
/* Evt15. source ABORT_BY_PROVIDER: for what net/dimse finds in the stream. */
bool association_abort(struct association *a, enum abort_source source, enum abort_reason reason);

/* ---- sending ---- */
struct frame {
    uint8_t header[PDU_HEADER_BYTES + PDV_HEADER_BYTES];
    uint32_t payload_bytes; /* the next so many bytes of the message follow the header */
    bool is_last;
};
/* The next P-DATA-TF PDU of a message part (command set or data set) of which `left` bytes are still to send; `more`: there
 * will be more bytes of the part behind these. At most `limit` bytes of payload (0: only the peer's limit). False: this state
 * can't send (Evt9), or the context is not accepted. Fragments are even but the last. */
bool association_frame(const struct association *a, uint8_t context_id, bool is_command, uint64_t left, bool more, uint32_t limit,
                       struct frame *out);
/* Payload bytes that fit into a PDU of one PDV for this peer, even; UINT32_MAX rounded down when there is no limit. */
uint32_t association_payload_limit(const struct association *a);

/* ---- questions ---- */
static inline enum state association_state(const struct association *a) { return a->machine.state; }
bool association_is_over(const struct association *a);      /* Sta1 after having been elsewhere */
bool association_can_send(const struct association *a);     /* Sta6, Sta8 */
/* Presentation contexts, of which the slices live as long as the association. False: no such ID was proposed. */
bool association_context(const struct association *a, uint8_t id, struct context *out);
size_t association_context_count(const struct association *a);
struct context association_context_at(const struct association *a, size_t index);
/* Why we aborted as provider, with the offset in the incoming stream; NULL: we did not. */
const struct fault *association_fault(const struct association *a);
uint64_t association_bytes_received(const struct association *a);

#endif
