/* SPDX-License-Identifier: Apache-2.0 */
/* service: what the messages of a session mean: Verification (PS3.4 A) and Storage (PS3.4 B) as SCP, and the answers to what
 * can't be served (net/dimse/service_check.h). Thread: the session's reactor. */
#ifndef LEAT_SERVE_SERVICE_H
#define LEAT_SERVE_SERVICE_H

#include "engine/serve/session.h"

/* session->message holds a whole command. Answers it, readies session->verdict for its data set, or holds the session
 * (command_pending). */
void service_command(struct session *session);
/* The first fragment of its data set begins: readies session->sink, or holds the session (data_pending). */
void service_data_begin(struct session *session);
/* Its data set is whole. */
void service_data_end(struct session *session);

#endif
