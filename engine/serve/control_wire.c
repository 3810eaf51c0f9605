/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/control_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/cursor.h"

bool control_wire_send(int socket, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    while (length) {
        ssize_t sent = send(socket, at, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool control_wire_receive(int socket, void *bytes, size_t length) {
    uint8_t *at = bytes;
    while (length) {
        ssize_t got = recv(socket, at, length, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = 0;
        if (got <= 0) return false;
        at += got;
        length -= (size_t)got;
    }
    return true;
}

bool control_wire_send_frame(int socket, uint8_t kind, const void *bytes, size_t length) {
    uint8_t head[CONTROL_FRAME_HEAD_BYTES] = {kind};
    invariant(length <= LIMIT_CONTROL_FRAME_BYTES);
    store_le32(head + 4, (uint32_t)length);
    return control_wire_send(socket, head, sizeof head) && control_wire_send(socket, bytes, length);
}

/* A socket's address holds 107 characters. A longer path is reached through a descriptor of its folder. */
static bool address_through_folder(const char *path, struct control_address *address, struct fault *fault) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    address->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (address->folder < 0) return fault_set_os(fault, errno, "no control socket in %s", folder);
    int n = snprintf(address->socket.sun_path, sizeof address->socket.sun_path, "/proc/self/fd/%d/%s", address->folder, name);
    invariant(n > 0 && (size_t)n < sizeof address->socket.sun_path);
    return true;
}

bool control_wire_address(const char *path, struct control_address *address, struct fault *fault) {
    *address = (struct control_address){.socket.sun_family = AF_UNIX, .folder = -1};
    if (strlen(path) >= sizeof address->socket.sun_path) return address_through_folder(path, address, fault);
    strcpy(address->socket.sun_path, path);
    return true;
}

void control_wire_address_release(struct control_address *address) {
    if (address->folder >= 0) close(address->folder);
    address->folder = -1;
}
