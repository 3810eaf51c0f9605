/* SPDX-License-Identifier: Apache-2.0 */
/* station: a reactor's share of the server: its sessions, and what they have in common: stocks of message buffers and send
 * blocks, the intake. Thread: the station's reactor, but for init and release, and for what says otherwise. */
#ifndef LEAT_SERVE_STATION_H
#define LEAT_SERVE_STATION_H

#include "engine/ingest/pipeline.h"
#include "engine/serve/census.h"
#include "net/dimse/message.h"
#include "net/link/connection.h"

#define STATION_DISCARD_BYTES (64u * 1024u) /* data sets that nobody wants are received here, one over the other */

struct session;

/* What all stations share; constant while they run but for the atomics. */
struct service_hall {
    struct policies policies;
    struct pipeline *pipeline;
    struct census census;
    _Atomic uint64_t associations; /* relaxed: a number for each, for the log */
    _Atomic bool draining;         /* relaxed: no new associations */
};

/* A message buffer: only associations in the middle of a message have one, so that an idle one stays small. */
struct station_message {
    struct station_message *next;
    struct message message;
};

struct station {
    struct service_hall *hall;
    struct reactor *reactor;
    struct intake *intake;
    struct counters_cell *counters;
    struct send_stock sends;
    struct station_message *messages; /* free ones */
    uint32_t message_count;           /* of those */
    struct session *sessions;
    _Atomic uint32_t session_count;   /* relaxed; the reactor writes, server_stop reads */
    bool draining, forced;
    uint8_t *discard;
};

bool station_init(struct station *station, struct service_hall *hall, struct reactor *reactor, struct intake *intake,
                  struct counters_cell *counters, struct fault *fault);
void station_release(struct station *station); /* no session is left; any thread after the reactor ended */

/* A new connection; the station owns it from now on. */
void station_accept(struct station *station, int fd);

/* No new associations; idle ones are ended now, the others as soon as they are idle, or (forced) at once. */
void station_drain(struct station *station, bool forced);

struct message *station_take_message(struct station *station); /* NULL: no memory */
void station_give_message(struct station *station, struct message *message);

#endif
