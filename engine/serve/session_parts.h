/* SPDX-License-Identifier: Apache-2.0 */
/* session_parts: what the files of a session have of each other; nobody else includes it.
 *   session.c           life, orders of the upper layer, holds, what the stream says
 *   session_opening.c   the A-ASSOCIATE-RQ and its answer
 *   session_receive.c   where received bytes go, and the look-ahead over short PDUs
 *   session_timeouts.c  silence and slowness
 * Thread: the station's reactor. */
#ifndef LEAT_SERVE_SESSION_PARTS_H
#define LEAT_SERVE_SESSION_PARTS_H

#include "engine/serve/session.h"

/* How it ended, for the log: the first reason is the reason. */
void session_note_ending(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* After every call on the association: sends its output, obeys its orders. */
void session_carry_out(struct session *s);
/* The stream goes on with these bytes. */
void session_take(struct session *s, const uint8_t *bytes, size_t n);
/* Whether what comes next is payload of a data set. */
bool session_wants_data(const struct session *s);

void session_opening_negotiate(struct session *s, const struct associate *rq);

/* The connection's callbacks (net/link/connection.h). */
enum connection_intake session_receive_plan(struct connection *connection, struct iovec *parts, uint32_t *count);
void session_receive_direct(struct connection *connection, size_t n);
void session_receive_spill(struct connection *connection, const uint8_t *bytes, size_t n);

/* Something came: the time of silence begins anew. */
void session_timeouts_quiet(struct session *s);
/* A message begins, or goes on after we held it: the minimum rate is measured from here. */
void session_timeouts_rate(struct session *s);

#endif
