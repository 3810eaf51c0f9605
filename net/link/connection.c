/* SPDX-License-Identifier: Apache-2.0 */
/* connection: see connection.h. Completions and calls of the owner only note what is to be done; connection_work, a task at the
 * end of the reactor's turn, does it: sends, receives, moves on to the next state, closes. So a turn's answers leave in one send,
 * and nothing is freed under a callback. Sections: state, receiving, sending, ending, the task, opening, what the owner calls. */
#include "net/link/connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/runtime/io.h"

#define SEND_LIMIT_DEFAULT_BYTES (64u * 1024u)

/* ---- state ---- */

static const uint8_t states_before[] = { /* for each state, from which ones it may be entered */
    [CONNECTION_IDLE] = 0,
    [CONNECTION_CONNECTING] = 1 << CONNECTION_IDLE,
    [CONNECTION_OPEN] = 1 << CONNECTION_IDLE | 1 << CONNECTION_CONNECTING,
    [CONNECTION_FLUSHING] = 1 << CONNECTION_OPEN,
    [CONNECTION_LINGERING] = 1 << CONNECTION_FLUSHING,
    [CONNECTION_ENDING] = 1 << CONNECTION_CONNECTING | 1 << CONNECTION_OPEN | 1 << CONNECTION_FLUSHING |
                          1 << CONNECTION_LINGERING,
    [CONNECTION_CLOSED] = 1 << CONNECTION_ENDING,
};

static void move_to(struct connection *c, enum connection_state next) {
    invariant(states_before[next] & 1 << c->state);
    c->state = next;
}

static void schedule(struct connection *c) { reactor_defer(c->reactor, &c->task); }

const char *connection_end_word(enum connection_end end) {
    static const char *const words[] = {
        [CONNECTION_PEER_CLOSED] = "closed by the peer", [CONNECTION_RESET] = "reset",
        [CONNECTION_TIMED_OUT] = "timed out",            [CONNECTION_REFUSED] = "refused",
        [CONNECTION_UNREACHABLE] = "unreachable",        [CONNECTION_STOPPED] = "stopped",
        [CONNECTION_FAILED] = "failed",
    };
    return (size_t)end < array_count(words) ? words[end] : "ended";
}

static enum connection_end end_of(const struct connection *c, int error) {
    switch (error) {
    case 0: return CONNECTION_PEER_CLOSED;
    case ECONNRESET: case EPIPE: case ECONNABORTED: return CONNECTION_RESET;
    case ETIMEDOUT: return CONNECTION_TIMED_OUT;
    case ECONNREFUSED: return CONNECTION_REFUSED;
    case EHOSTUNREACH: case ENETUNREACH: case ENETDOWN: case EHOSTDOWN: case EADDRNOTAVAIL: return CONNECTION_UNREACHABLE;
    case ECANCELED: return reactor_is_stopping(c->reactor) ? CONNECTION_STOPPED : CONNECTION_FAILED;
    default: return CONNECTION_FAILED;
    }
}

/* ---- ending ---- */

static void cancel_done(struct op *op, int32_t result, uint32_t flags) {
    struct connection *c = container_of(op, struct connection, cancel);
    c->cancelling = false;
    /* Not found: about to complete by itself, or deaf; a shutdown wakes it. Found: no shutdown, its FIN would come before the
     * reset. */
    if (result < 0 && c->state == CONNECTION_ENDING && (c->receiving || c->transmitting)) shutdown(c->fd, SHUT_RDWR);
    schedule(c);
}

static void cancel_all(struct connection *c) {
    if (c->cancelling || (!c->receiving && !c->transmitting)) return;
    c->cancelling = true;
    c->cancel.done = cancel_done;
    io_cancel_fd(c->reactor, &c->cancel, c->fd);
}

/* From here on the owner gets done of its sends and `closed`, nothing else. */
static void begin_ending(struct connection *c) {
    move_to(c, CONNECTION_ENDING);
    timer_disarm(c->reactor, &c->timer);
    cancel_all(c);
    schedule(c);
}

static void ending_work(struct connection *c) {
    if (c->receiving || c->transmitting || c->cancelling) return; /* their completions come here again */
    send_queue_release(&c->queue);
    close(c->fd);
    c->fd = -1;
    reactor_forget(c->reactor, &c->task); /* a done of the queue's may have called us */
    move_to(c, CONNECTION_CLOSED);
    c->events->closed(c);
}

/* An end without an error may be a reset whose error a send got to see first; the kernel's state of the connection tells. */
static bool was_reset(const struct connection *c) {
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    return !c->half_closed && getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_CLOSE;
}

/* The peer's end (error 0) or a failure, seen by a receive or a connect. */
static void incoming_over(struct connection *c, int error) {
    c->incoming_ended = true;
    if (error == 0 && was_reset(c)) c->outgoing_failed = true;
    if (error) c->outgoing_failed = true; /* drops the queue, in the task */
    if (c->outgoing_failed && error == 0) error = c->outgoing_error ? c->outgoing_error : ECONNRESET;
    if (c->state == CONNECTION_OPEN || c->state == CONNECTION_CONNECTING) c->events->ended(c, end_of(c, error), error);
}

/* ---- receiving ---- */

static void deliver(struct connection *c, size_t n) {
    size_t direct = n < c->planned_bytes ? n : c->planned_bytes;
    c->received_bytes += n;
    if (direct) c->events->received_direct(c, direct);
    if (n > direct && c->state == CONNECTION_OPEN) c->events->received(c, c->spill, n - direct);
}

static void receive_done(struct op *op, int32_t result, uint32_t flags) {
    struct connection *c = container_of(op, struct connection, receive);
    c->receiving = false;
    c->drained_socket = !(flags & REACTOR_SOCKET_NONEMPTY);
    schedule(c);
    if (c->state == CONNECTION_ENDING || result == -EINTR || result == -EAGAIN) return;
    if (result <= 0) incoming_over(c, -result);
    else if (c->state == CONNECTION_OPEN) deliver(c, (size_t)result);
    /* FLUSHING and LINGERING: thrown away */
}

static void receive_start(struct connection *c, uint32_t plan_count) {
    c->receiving = true;
    c->receive.done = receive_done;
    if (plan_count == 0) {
        c->planned_bytes = 0;
        io_recv(c->reactor, &c->receive, c->fd, c->spill, sizeof(c->spill), 0, c->drained_socket);
        return;
    }
    size_t bytes = 0;
    for (uint32_t i = 0; i < plan_count; i++) bytes += c->plan_parts[i].iov_len;
    c->planned_bytes = bytes;
    c->plan_parts[plan_count] = (struct iovec){c->spill, sizeof(c->spill)};
    c->receive_message = (struct msghdr){.msg_iov = c->plan_parts, .msg_iovlen = plan_count + 1};
    io_recvmsg(c->reactor, &c->receive, c->fd, &c->receive_message, 0, c->drained_socket);
}

static void receive_work(struct connection *c) {
    uint32_t count = 0;
    if (c->receiving || c->incoming_ended) return;
    if (c->state == CONNECTION_OPEN) {
        if (c->paused) return;
        if (c->events->plan && c->events->plan(c, c->plan_parts, &count) == CONNECTION_PAUSE) {
            c->paused = true;
            return;
        }
        invariant(count <= CONNECTION_PLAN_PARTS);
        if (c->state != CONNECTION_OPEN) return; /* plan closed or aborted: the task comes again */
    }
    receive_start(c, count);
}

/* ---- sending ---- */

static void transmit_done(struct op *op, int32_t result, uint32_t flags) {
    struct connection *c = container_of(op, struct connection, transmit);
    c->transmitting = false;
    schedule(c);
    if (result == -EINTR || result == -EAGAIN) return;
    if (result < 0) {
        /* What the peer sent before may still lie in the socket: it is read first, then the end is told. */
        c->outgoing_failed = true;
        c->outgoing_error = -result;
        if (c->state != CONNECTION_ENDING) shutdown(c->fd, SHUT_RDWR);
        return;
    }
    c->sent_bytes += (uint32_t)result;
    send_queue_sent(&c->queue, (size_t)result);
    if (send_queue_is_empty(&c->queue) && c->state == CONNECTION_OPEN && c->events->drained) c->events->drained(c);
}

static void transmit_start(struct connection *c) {
    uint32_t count = send_queue_gather(&c->queue, c->transmit_parts, CONNECTION_SEND_PARTS);
    if (count == 0) {
        send_queue_sent(&c->queue, 0); /* only empty sends: they are complete */
        return;
    }
    c->transmit_message = (struct msghdr){.msg_iov = c->transmit_parts, .msg_iovlen = count};
    c->transmitting = true;
    c->transmit.done = transmit_done;
    io_sendmsg(c->reactor, &c->transmit, c->fd, &c->transmit_message, MSG_NOSIGNAL | MSG_WAITALL);
}

static void transmit_work(struct connection *c) {
    if (c->transmitting) return;
    if (c->outgoing_failed) send_queue_release(&c->queue);
    while (!c->transmitting && !c->outgoing_failed && !send_queue_is_empty(&c->queue)) transmit_start(c);
    if (c->half_closing && !c->half_closed && !c->transmitting) {
        c->half_closed = true;
        shutdown(c->fd, SHUT_WR);
    }
}

/* ---- the task ---- */

/* After connection_close: flushed -> our end is sent (transmit_work did it) -> the peer's end, or the timer's. */
static void closing_work(struct connection *c) {
    if (c->state == CONNECTION_FLUSHING && c->half_closed) move_to(c, CONNECTION_LINGERING);
    bool over = c->incoming_ended || c->outgoing_failed;
    if ((c->state == CONNECTION_LINGERING && over) || (c->state == CONNECTION_FLUSHING && c->outgoing_failed)) begin_ending(c);
}

static void connection_work(struct reactor_task *task) {
    struct connection *c = container_of(task, struct connection, task);
    if (c->state == CONNECTION_OPEN || c->state == CONNECTION_FLUSHING || c->state == CONNECTION_LINGERING) {
        transmit_work(c);
        closing_work(c);
    }
    if (c->state == CONNECTION_OPEN || c->state == CONNECTION_FLUSHING || c->state == CONNECTION_LINGERING) receive_work(c);
    if (c->state == CONNECTION_ENDING) ending_work(c);
}

/* ---- opening ---- */

static void begin(struct connection *c, const struct connection_options *options, int fd) {
    /* Not all of it: the spill and the iovecs need no zeros. */
    memset(c, 0, offsetof(struct connection, transmit_parts));
    c->reactor = options->reactor;
    c->events = options->events;
    c->fd = fd;
    c->task.run = connection_work;
    send_queue_init(&c->queue, options->stock, options->send_limit_bytes ? options->send_limit_bytes : SEND_LIMIT_DEFAULT_BYTES);
}

void connection_open(struct connection *c, const struct connection_options *options, int fd) {
    begin(c, options, fd);
    c->peer = endpoint_of_peer(fd);
    move_to(c, CONNECTION_OPEN);
    schedule(c);
}

static void connect_done(struct op *op, int32_t result, uint32_t flags) {
    struct connection *c = container_of(op, struct connection, receive);
    c->receiving = false;
    schedule(c);
    if (c->state == CONNECTION_ENDING) return;
    timer_disarm(c->reactor, &c->timer);
    if (result < 0) {
        incoming_over(c, c->connect_late && result == -ECANCELED ? ETIMEDOUT : -result);
        return;
    }
    move_to(c, CONNECTION_OPEN);
    if (c->events->connected) c->events->connected(c);
}

static void connect_late(struct timer *timer) {
    struct connection *c = container_of(timer, struct connection, timer);
    c->connect_late = true;
    cancel_all(c);
}

bool connection_connect(struct connection *c, const struct connection_options *options, const struct endpoint *peer,
                        uint64_t timeout_ms, struct fault *fault) {
    int fd = socket(peer->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fault_set_os(fault, errno, "no socket for a connection");
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    begin(c, options, fd);
    c->peer = *peer;
    move_to(c, CONNECTION_CONNECTING);
    c->receiving = true;
    c->receive.done = connect_done;
    io_connect(c->reactor, &c->receive, fd, &c->peer.any, c->peer.length);
    timer_arm(c->reactor, &c->timer, timeout_ms, connect_late);
    return true;
}

/* ---- what the owner calls ---- */

void connection_set_events(struct connection *c, const struct connection_events *events) { c->events = events; }

void connection_resume_reading(struct connection *c) {
    if (!c->paused) return;
    c->paused = false;
    schedule(c);
}

static bool can_send(const struct connection *c) {
    return c->state == CONNECTION_OPEN && !c->outgoing_failed && !c->half_closing;
}

void connection_acknowledge(struct connection *c) {
    int one = 1;
    if (c->fd >= 0)
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one); /* a hint: without it all is only slower */
}

bool connection_send(struct connection *c, const void *bytes, size_t length) {
    if (!can_send(c) || !send_queue_add(&c->queue, bytes, length)) return false;
    schedule(c);
    return true;
}

bool connection_send_parts(struct connection *c, struct send *send) {
    if (!can_send(c)) return false;
    send_queue_add_send(&c->queue, send);
    schedule(c);
    return true;
}

void connection_half_close(struct connection *c) {
    if (c->state != CONNECTION_OPEN) return;
    c->half_closing = true;
    schedule(c);
}

static void linger_over(struct timer *timer) { begin_ending(container_of(timer, struct connection, timer)); }

void connection_close(struct connection *c, uint64_t linger_ms) {
    if (c->state == CONNECTION_CONNECTING) begin_ending(c);
    if (c->state != CONNECTION_OPEN) return;
    move_to(c, CONNECTION_FLUSHING);
    c->half_closing = true;
    c->paused = false;
    timer_arm(c->reactor, &c->timer, linger_ms, linger_over);
    schedule(c);
}

void connection_abort(struct connection *c) {
    if (c->state == CONNECTION_IDLE || c->state == CONNECTION_ENDING || c->state == CONNECTION_CLOSED) return;
    struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* close(2) sends a reset and keeps nothing */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    begin_ending(c);
}
