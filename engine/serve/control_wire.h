/* SPDX-License-Identifier: Apache-2.0 */
/* control_wire: the bytes of the control socket that server and client share. Internal to engine/serve/control*. Any thread. */
#ifndef LEAT_SERVE_CONTROL_WIRE_H
#define LEAT_SERVE_CONTROL_WIRE_H

#include <sys/un.h>

#include "engine/base/fault.h"
#include "engine/base/limits.h"
#include "engine/base/slice.h"

#define CONTROL_MAGIC "LEATCTL1"
#define CONTROL_MAGIC_BYTES 8u
#define CONTROL_HEAD_BYTES 12u       /* magic, length of the rest */
#define CONTROL_FRAME_HEAD_BYTES 8u
#define CONTROL_FRAME_EXIT 4u        /* beside enum output_stream */

/* All of it; false: the other side is gone (errno). No signal. */
bool control_wire_send(int socket, const void *bytes, size_t length);
bool control_wire_receive(int socket, void *bytes, size_t length); /* false with errno 0: it ended */

/* A frame of at most LIMIT_CONTROL_FRAME_BYTES. */
bool control_wire_send_frame(int socket, uint8_t kind, const void *bytes, size_t length);

/* The address of a socket file. A long path needs its folder's descriptor until bind or connect was called. */
struct control_address {
    struct sockaddr_un socket;
    int folder; /* or -1 */
};
bool control_wire_address(const char *path, struct control_address *address, struct fault *fault);
void control_wire_address_release(struct control_address *address);

#endif
