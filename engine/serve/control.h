/* SPDX-License-Identifier: Apache-2.0 */
/* control: how `leat ls` and its kin ask a running server, which owns the data folder. A Unix socket (`control.sock`, mode 0600)
 * in that folder; a client sends one request (argument vector, and a folder's descriptor for `export` by SCM_RIGHTS), then takes
 * frames: result text, messages, progress, and the exit status, which ends it. A client that goes away cancels its command.
 *
 * On the wire (integers little endian). Request: "LEATCTL1", u32 length of the rest, u32 arguments, each u32 length and bytes.
 * Frame: u8 kind (1 result, 2 message, 3 progress, 4 exit), 3 bytes 0, u32 length, bytes; exit has a u32 status.
 *
 * Threads: the server has one that accepts and one a session (at most LIMIT_CONTROL_SESSIONS); the handler runs on the session's.
 */
#ifndef LEAT_SERVE_CONTROL_H
#define LEAT_SERVE_CONTROL_H

#include "engine/base/fault.h"
#include "engine/base/output.h"

#define CONTROL_SOCKET_NAME "control.sock"

struct control_request {
    int argument_count;
    char *const *arguments; /* [0] is the command; NULL after the last */
    int directory; /* of the client, for what the command writes; -1 = none was sent; closed by control, not by the handler */
};

/* Runs one command; returns its exit status (0, 1, 2). Session thread. */
typedef int (*control_handler)(void *context, const struct control_request *request, struct output *output);

struct control_server;

/* Binds `path` (a socket file left by a dead server is replaced: call it with the data folder's lock held) and serves it. NULL
 * and *fault on failure. handler's context must outlive control_server_stop. */
struct control_server *control_server_start(const char *path, control_handler handler, void *context, struct fault *fault);
/* Cancels running commands, waits for them, removes the socket file. NULL is fine. */
void control_server_stop(struct control_server *server);

/* Serves one session on a connected socket, on the caller's thread (what a server does for each; tests use a socketpair). Closes
 * it. */
void control_session_run(int socket, control_handler handler, void *context, const atomic_bool *cancel);

enum control_result {
    CONTROL_DONE,       /* *exit_status is the command's */
    CONTROL_NO_SERVER,  /* nobody listens there: run it directly */
    CONTROL_FAILED,     /* *fault: the server went away in the middle, or is not leat */
};
/* Sends the request and hands what comes back to output (whose `write` sees all three streams). Any thread; blocks.
 * A cancelled output closes the connection, which cancels the command. */
enum control_result control_client_run(const char *path, const struct control_request *request, struct output *output,
                                       int *exit_status, struct fault *fault);
/* The same over a connected socket, which it closes. */
enum control_result control_client_talk(int socket, const struct control_request *request, struct output *output,
                                        int *exit_status, struct fault *fault);

#endif
