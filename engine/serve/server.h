/* SPDX-License-Identifier: Apache-2.0 */
/* server: `leat serve`: opens the archive, starts the pipeline, the stations and the listeners, waits for signals, and ends in
 * order.
 *
 *   opening ─▶ serving ("ready" on standard error) ─ SIGTERM, SIGINT ─▶ draining (at most grace_ms) ─▶ closed
 *              └─ SIGHUP: clients and policies are read again */
#ifndef LEAT_SERVE_SERVER_H
#define LEAT_SERVE_SERVER_H

#include "engine/base/config.h"

/* How the configuration is read again: a fresh one, the server's from then on, or NULL and *errors (a text, the server's to
 * free). */
struct server_reload {
    struct config *(*read)(void *context, char **errors);
    void *context;
};

/* Runs until SIGTERM or SIGINT. Returns the exit status: 0 ended in order, 1 failed, 2 the data folder or the configuration
 * don't let it start (a log line says why and what to do). The calling thread must be the only one. */
int server_run(const struct config *config, const struct server_reload *reload);

#endif
