/* SPDX-License-Identifier: Apache-2.0 */
/* control, the server's side: accept, read the request, run the handler, send what it says. The client's side is
 * control_client.c. */
#include "engine/serve/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/cursor.h"
#include "engine/serve/control_wire.h"

#define REQUEST_TIMEOUT_S 10

/* ---- the request ---- */

struct received {
    uint8_t *bytes;   /* malloc */
    char *arguments[LIMIT_CONTROL_ARGUMENTS + 1];
    struct control_request request;
};

/* The head, which may carry a descriptor; *directory is it, or -1. */
static bool receive_head(int socket, uint8_t head[CONTROL_HEAD_BYTES], int *directory) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {0};
    struct iovec part = {.iov_base = head, .iov_len = CONTROL_HEAD_BYTES};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    const struct cmsghdr *item = CMSG_FIRSTHDR(&message);
    if (item && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS && item->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(directory, CMSG_DATA(item), sizeof(int));
    return control_wire_receive(socket, head + got, CONTROL_HEAD_BYTES - (size_t)got);
}

static bool parse_arguments(struct received *received, size_t length) {
    struct reader reader = reader_over(slice_of(received->bytes, length));
    uint32_t count = reader_le32(&reader);
    if (count == 0 || count > LIMIT_CONTROL_ARGUMENTS) return false;
    char *to = (char *)received->bytes + length; /* behind the request: the same texts, each with its NUL */
    for (uint32_t i = 0; i < count; i++) {
        struct slice text = reader_slice(&reader, reader_le32(&reader));
        if (reader.failed || memchr(text.bytes, 0, text.length)) return false;
        memcpy(to, text.bytes, text.length);
        received->arguments[i] = to;
        to += text.length;
        *to++ = 0;
    }
    received->request.argument_count = (int)count;
    received->request.arguments = received->arguments;
    return reader_left(&reader) == 0;
}

static bool receive_request(int socket, struct received *received) {
    uint8_t head[CONTROL_HEAD_BYTES];
    *received = (struct received){.request.directory = -1};
    if (!receive_head(socket, head, &received->request.directory)) return false;
    uint32_t length = load_le32(head + CONTROL_MAGIC_BYTES);
    if (memcmp(head, CONTROL_MAGIC, CONTROL_MAGIC_BYTES) != 0 || length > LIMIT_CONTROL_REQUEST_BYTES) return false;
    received->bytes = calloc(2, length + LIMIT_CONTROL_ARGUMENTS);
    return received->bytes && control_wire_receive(socket, received->bytes, length) && parse_arguments(received, length);
}

static void received_release(struct received *received) {
    if (received->request.directory >= 0) close(received->request.directory);
    free(received->bytes);
}

/* ---- a session ---- */

/* Whether the client hung up; it sends nothing after its request. */
static bool client_is_gone(int socket) {
    struct pollfd poll_fd = {.fd = socket, .events = POLLRDHUP};
    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static bool send_output(void *context, enum output_stream stream, const void *bytes, size_t length) {
    int socket = *(int *)context;
    const uint8_t *at = bytes;
    while (length) {
        size_t n = length < LIMIT_CONTROL_FRAME_BYTES ? length : LIMIT_CONTROL_FRAME_BYTES;
        if (client_is_gone(socket) || !control_wire_send_frame(socket, (uint8_t)stream, at, n)) return false;
        at += n;
        length -= n;
    }
    return true;
}

static void serve_session(int socket, control_handler handler, void *context, const atomic_bool *cancel) {
    struct received received;
    struct timeval timeout = {.tv_sec = REQUEST_TIMEOUT_S};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    struct output *output = malloc(sizeof *output);
    if (receive_request(socket, &received) && output) {
        output_init(output, send_output, &socket);
        output->cancel = cancel;
        uint8_t status[4];
        store_le32(status, (uint32_t)handler(context, &received.request, output));
        output_flush(output);
        if (!output->gone) control_wire_send_frame(socket, CONTROL_FRAME_EXIT, status, sizeof status);
    }
    free(output);
    received_release(&received);
}

void control_session_run(int socket, control_handler handler, void *context, const atomic_bool *cancel) {
    serve_session(socket, handler, context, cancel);
    close(socket);
}

/* ---- the server ---- */

struct session {
    struct control_server *server;
    pthread_t thread;
    int socket;
    enum { SESSION_FREE, SESSION_RUNNING, SESSION_ENDED } state; /* under the server's mutex */
};

struct control_server {
    control_handler handler;
    void *context;
    int listener, wake; /* wake: an eventfd that ends the accepting thread */
    char *path;
    pthread_t thread;
    pthread_mutex_t mutex;
    struct session sessions[LIMIT_CONTROL_SESSIONS];
    atomic_bool cancel; /* relaxed: set once by control_server_stop, read by output_stopped in each session */
};

static void *run_session(void *argument) {
    struct session *session = argument;
    struct control_server *server = session->server;
    serve_session(session->socket, server->handler, server->context, &server->cancel);
    pthread_mutex_lock(&server->mutex);
    close(session->socket);
    session->state = SESSION_ENDED;
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

/* A free place; those of sessions that ended are taken back first. NULL: too many at once. Accepting thread. */
static struct session *find_place(struct control_server *server) {
    struct session *place = NULL;
    pthread_mutex_lock(&server->mutex);
    for (size_t i = 0; i < LIMIT_CONTROL_SESSIONS && !place; i++) {
        struct session *session = &server->sessions[i];
        if (session->state == SESSION_ENDED) pthread_join(session->thread, NULL); /* it has nothing left to do */
        if (session->state != SESSION_RUNNING) place = session;
    }
    if (place) place->state = SESSION_RUNNING;
    pthread_mutex_unlock(&server->mutex);
    return place;
}

/* A socket that is closed with its request unread would take the answer with it: so what the client sends is read until it hangs
 * up. */
static void refuse(int socket, const char *why) {
    uint8_t status[4], ignored[512];
    struct timeval timeout = {.tv_sec = 1};
    store_le32(status, 1);
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (control_wire_send_frame(socket, OUTPUT_MESSAGE, why, strlen(why)) &&
        control_wire_send_frame(socket, CONTROL_FRAME_EXIT, status, 4))
        while (recv(socket, ignored, sizeof ignored, 0) > 0) {
        }
    close(socket);
}

static void begin_session(struct control_server *server, int socket) {
    struct session *session = find_place(server);
    if (!session) {
        refuse(socket, "too many commands at once; try again\n");
        return;
    }
    session->server = server;
    session->socket = socket;
    if (pthread_create(&session->thread, NULL, run_session, session) == 0) return;
    pthread_mutex_lock(&server->mutex);
    session->state = SESSION_FREE;
    pthread_mutex_unlock(&server->mutex);
    refuse(socket, "no thread for this command; try again\n");
}

static void *run_server(void *argument) {
    struct control_server *server = argument;
    struct pollfd fds[2] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->wake, .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
        if (fds[1].revents) break;
        if (!(fds[0].revents & POLLIN)) continue;
        int socket = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (socket >= 0) begin_session(server, socket);
        else if (errno == EMFILE || errno == ENFILE) usleep(10000); /* full is a state: descriptors come back */
    }
    return NULL;
}

/* A listening socket at the path, its owner's alone. */
static int listen_at(const char *path, struct fault *fault) {
    struct control_address address;
    if (!control_wire_address(path, &address, fault)) return -1;
    unlink(path); /* of a server that is dead: we hold the folder's lock */
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = listener >= 0 && fchmod(listener, 0600) == 0 && /* before it has a name, so that others never may connect */
                bind(listener, (const struct sockaddr *)&address.socket, sizeof address.socket) == 0 && chmod(path, 0600) == 0 &&
                listen(listener, (int)LIMIT_CONTROL_SESSIONS) == 0;
    if (!good) fault_set_os(fault, errno, "no control socket at %s", path);
    control_wire_address_release(&address);
    if (good) return listener;
    if (listener >= 0) close(listener);
    return -1;
}

/* What has begun and can't be finished. */
static void dismantle(struct control_server *server) {
    if (server->listener >= 0) {
        close(server->listener);
        unlink(server->path);
    }
    if (server->wake >= 0) close(server->wake);
    pthread_mutex_destroy(&server->mutex);
    free(server->path);
    free(server);
}

struct control_server *control_server_start(const char *path, control_handler handler, void *context, struct fault *fault) {
    struct control_server *server = calloc(1, sizeof *server);
    char *copy = strdup(path);
    if (!server || !copy) {
        free(server);
        free(copy);
        fault_set(fault, FAULT_MEMORY, 0, "no memory for the control socket");
        return NULL;
    }
    *server = (struct control_server){.handler = handler, .context = context, .path = copy, .listener = -1, .wake = -1};
    pthread_mutex_init(&server->mutex, NULL);
    server->listener = listen_at(path, fault);
    if (server->listener < 0) {
        dismantle(server);
        return NULL;
    }
    server->wake = eventfd(0, EFD_CLOEXEC);
    int failed = server->wake < 0 ? errno : pthread_create(&server->thread, NULL, run_server, server);
    if (!failed) return server;
    fault_set_os(fault, failed, "no thread for the control socket");
    dismantle(server);
    return NULL;
}

/* Sessions are told to end; one that waits for its client to read is cut off. */
static void end_sessions(struct control_server *server) {
    bool has_thread[LIMIT_CONTROL_SESSIONS];
    pthread_mutex_lock(&server->mutex);
    for (size_t i = 0; i < LIMIT_CONTROL_SESSIONS; i++) {
        has_thread[i] = server->sessions[i].state != SESSION_FREE;
        if (server->sessions[i].state == SESSION_RUNNING) shutdown(server->sessions[i].socket, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->mutex);
    for (size_t i = 0; i < LIMIT_CONTROL_SESSIONS; i++)
        if (has_thread[i]) pthread_join(server->sessions[i].thread, NULL);
}

void control_server_stop(struct control_server *server) {
    if (!server) return;
    atomic_store_explicit(&server->cancel, true, memory_order_relaxed);
    uint64_t one = 1;
    ssize_t ignored = write(server->wake, &one, sizeof one);
    (void)ignored;
    pthread_join(server->thread, NULL);
    end_sessions(server);
    dismantle(server);
}
