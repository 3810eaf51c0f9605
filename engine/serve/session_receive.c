/* SPDX-License-Identifier: Apache-2.0 */
/* session_receive: where the kernel puts what a peer sends. Payload goes straight to its place in the object's chunks,
 * everything else to the connection's spill. While PDUs are short one receive expects several of them (the look-ahead); a part
 * that is not as guessed, and all behind it, is copied aside and read from there. */
#include <stdlib.h>

#include "engine/serve/session_parts.h"

#define DIRECT_PARTS 4u
#define AHEAD_BYTES (64u * 1024u)  /* of payload in one receive: what a wrong guess moves, and a stash holds at most */
#define LITTLE_BYTES (32u * 1024u) /* a receive below this may be all that a peer's Nagle algorithm lets through */

/* In the middle of a message, and the socket gave only a little: the peer may be waiting for our acknowledgement before it
 * sends on (Nagle). */
static void acknowledge_little(struct session *s, size_t n) {
    if (n < LITTLE_BYTES && s->message && !s->hold && s->state == SESSION_OPEN) connection_acknowledge(&s->connection);
}

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

enum connection_intake session_receive_plan(struct connection *connection, struct iovec *parts, uint32_t *count) {
    struct session *s = container_of(connection, struct session, connection);
    if (s->hold) return CONNECTION_PAUSE;
    if (s->state != SESSION_OPEN || !session_wants_data(s)) return CONNECTION_READ;
    size_t wanted = association_payload_wanted(&s->association);
    if (s->sink == SINK_DISCARD) {
        parts[0] = (struct iovec){.iov_base = s->station->discard,
                                  .iov_len = wanted < STATION_DISCARD_BYTES ? wanted : STATION_DISCARD_BYTES};
        *count = 1;
        return CONNECTION_READ;
    }
    *count = plan_payload(s, parts, wanted);
    if (*count) return CONNECTION_READ;
    session_hold(s, HOLD_MEMORY);
    return CONNECTION_PAUSE;
}

/* Whether the next part of a receive, of which n bytes came in this and all later parts, may be read where it lies: a header
 * where a PDU begins; payload of the PDV under way, and nothing behind the data set's end (whose chunks go on without us). */
static bool is_as_guessed(const struct session *s, const struct iovec *part, size_t n) {
    const struct association *a = &s->association;
    bool is_header = (uint8_t *)part->iov_base >= s->ahead[0] &&
                     (uint8_t *)part->iov_base < s->ahead[SESSION_AHEAD_PDUS - 1] + sizeof s->ahead[0];
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
    session_take(s, aside, n);
    free(aside);
}

void session_receive_direct(struct connection *connection, size_t n) {
    struct session *s = container_of(connection, struct session, connection);
    size_t all = n;
    for (uint32_t i = 0; n && s->state == SESSION_OPEN; i++) {
        const struct iovec *part = &connection->plan_parts[i];
        size_t k = n < part->iov_len ? n : part->iov_len;
        if (!is_as_guessed(s, part, n)) {
            take_aside(s, part, n);
            break;
        }
        session_take(s, part->iov_base, k);
        n -= k;
    }
    acknowledge_little(s, all);
    if (s->state != SESSION_ENDING) session_timeouts_quiet(s);
}

void session_receive_spill(struct connection *connection, const uint8_t *bytes, size_t n) {
    struct session *s = container_of(connection, struct session, connection);
    session_take(s, bytes, n);
    acknowledge_little(s, n);
    if (s->state != SESSION_ENDING) session_timeouts_quiet(s);
}
