/* SPDX-License-Identifier: Apache-2.0 */
/* control_client: the client's side of control.h: send a request, hand on what comes back. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/cursor.h"
#include "engine/serve/control.h"
#include "engine/serve/control_wire.h"

/* The head carries the descriptor. */
static bool send_head(int socket, uint32_t length, int directory) {
    uint8_t head[CONTROL_HEAD_BYTES];
    memcpy(head, CONTROL_MAGIC, CONTROL_MAGIC_BYTES);
    store_le32(head + CONTROL_MAGIC_BYTES, length);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {0};
    struct iovec part = {.iov_base = head, .iov_len = sizeof head};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (directory >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.aligned = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.aligned), &directory, sizeof directory);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent > 0 && control_wire_send(socket, head + sent, sizeof head - (size_t)sent);
}

static bool send_request(int socket, const struct control_request *request, struct fault *fault) {
    uint8_t *bytes = malloc(LIMIT_CONTROL_REQUEST_BYTES);
    if (!bytes) return fault_set(fault, FAULT_MEMORY, 0, "no memory for a request");
    struct writer writer = writer_over(bytes, LIMIT_CONTROL_REQUEST_BYTES);
    writer_le32(&writer, (uint32_t)request->argument_count);
    for (int i = 0; i < request->argument_count; i++) {
        writer_le32(&writer, (uint32_t)strlen(request->arguments[i]));
        writer_slice(&writer, slice_text(request->arguments[i]));
    }
    bool good = !writer.failed && request->argument_count <= (int)LIMIT_CONTROL_ARGUMENTS;
    if (!good)
        fault_set(fault, FAULT_LIMIT, 0, "too many arguments");
    else if (!send_head(socket, (uint32_t)writer_length(&writer), request->directory) ||
             !control_wire_send(socket, bytes, writer_length(&writer)))
        good = fault_set_os(fault, errno, "the server does not take the request");
    free(bytes);
    return good;
}

enum awaited { AWAITED_BYTES, AWAITED_STOP, AWAITED_FAULT };

/* Waits until there is something to read, looking now and then whether the command was cancelled. */
static enum awaited await(int socket, const struct output *output) {
    struct pollfd poll_fd = {.fd = socket, .events = POLLIN};
    while (!output_stopped(output)) {
        int n = poll(&poll_fd, 1, 200);
        if (n > 0) return AWAITED_BYTES;
        if (n < 0 && errno != EINTR) return AWAITED_FAULT;
    }
    return AWAITED_STOP;
}

/* One frame into `bytes`; false and *fault when none comes. */
static bool receive_frame(int socket, uint8_t *kind, uint8_t *bytes, uint32_t *length, struct fault *fault) {
    uint8_t head[CONTROL_FRAME_HEAD_BYTES];
    errno = 0;
    if (control_wire_receive(socket, head, sizeof head)) {
        *kind = head[0];
        *length = load_le32(head + 4);
        if (*length > LIMIT_CONTROL_FRAME_BYTES) return fault_set(fault, FAULT_MALFORMED, 0, "the server's answer is not leat's");
        if (control_wire_receive(socket, bytes, *length)) return true;
    }
    if (errno) return fault_set_os(fault, errno, "the server's answer broke off");
    return fault_set(fault, FAULT_IO, 0, "the server went away before the command was done");
}

static enum control_result receive_answer(int socket, struct output *output, uint8_t *bytes, int *exit_status,
                                          struct fault *fault) {
    for (;;) {
        uint8_t kind = 0;
        uint32_t length = 0;
        enum awaited awaited = await(socket, output);
        if (awaited == AWAITED_STOP) {
            fault_set(fault, FAULT_CANCELLED, 0, "stopped");
            return CONTROL_FAILED;
        }
        if (!receive_frame(socket, &kind, bytes, &length, fault)) return CONTROL_FAILED;
        if (kind == CONTROL_FRAME_EXIT && length == 4) {
            *exit_status = (int)load_le32(bytes);
            return CONTROL_DONE;
        }
        if (kind < OUTPUT_RESULT || kind > OUTPUT_PROGRESS) {
            fault_set(fault, FAULT_MALFORMED, 0, "the server's answer is not leat's");
            return CONTROL_FAILED;
        }
        output->gone = !output->write(output->context, (enum output_stream)kind, bytes, length);
    }
}

enum control_result control_client_talk(int socket, const struct control_request *request, struct output *output,
                                        int *exit_status, struct fault *fault) {
    enum control_result result = CONTROL_FAILED;
    uint8_t *bytes = malloc(LIMIT_CONTROL_FRAME_BYTES);
    if (!bytes)
        fault_set(fault, FAULT_MEMORY, 0, "no memory for an answer");
    else if (send_request(socket, request, fault))
        result = receive_answer(socket, output, bytes, exit_status, fault);
    free(bytes);
    close(socket);
    return result;
}

enum control_result control_client_run(const char *path, const struct control_request *request, struct output *output,
                                       int *exit_status, struct fault *fault) {
    struct control_address address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fault_set_os(fault, errno, "no socket");
        return CONTROL_FAILED;
    }
    if (!control_wire_address(path, &address, fault)) {
        close(fd);
        return CONTROL_NO_SERVER;
    }
    bool connected = connect(fd, (const struct sockaddr *)&address.socket, sizeof address.socket) == 0;
    int failed = errno;
    control_wire_address_release(&address);
    if (connected) return control_client_talk(fd, request, output, exit_status, fault);
    close(fd);
    if (failed == ENOENT || failed == ECONNREFUSED || failed == ENOTDIR) return CONTROL_NO_SERVER;
    fault_set_os(fault, failed, "the server's control socket %s can't be used", path);
    return CONTROL_FAILED;
}
