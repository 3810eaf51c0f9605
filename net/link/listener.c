/* SPDX-License-Identifier: Apache-2.0 */
/* listener: see listener.h. Sections: sockets, accepting, control, create and destroy. All state but the atomics is the accepting
 * reactor's. */
#include "net/link/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/runtime/io.h"
#include "engine/runtime/placement.h"

#define BACKLOG_DEFAULT 1024
#define KEEPALIVE_DEFAULT_S 60u
#define HANDOVER_CAPACITY 4096u /* accepted sockets on their way to a reactor */
#define BACKOFF_FIRST_MS 50u
#define BACKOFF_LAST_MS 1600u
#define COMPLAINT_EVERY_NS 10000000000u

enum wanted { WANTED_PAUSED, WANTED_RUNNING, WANTED_CLOSED };

struct listening {
    struct listener *listener;
    int fd; /* -1: closed */
    uint16_t port;
    struct op accept, cancel;
    bool accepting, cancelling;
};

struct target {
    struct listener *listener;
    struct reactor *reactor;
    struct inbox inbox; /* of (fd + 1) as pointers */
};

struct listener {
    struct reactor *reactor;
    struct listening *sockets;
    uint32_t socket_count;
    struct target *targets;
    struct reactor **reactors; /* the targets' */
    uint32_t target_count, target_turn;
    void (*accepted)(void *context, struct reactor *target, int fd);
    void *context;
    struct inbox control;
    struct timer backoff;
    uint32_t backoff_ms; /* 0: not backing off */
    uint64_t complained_ns;
    _Atomic uint32_t wanted;         /* enum wanted; ordered by `asked` */
    _Atomic uint32_t asked;          /* 1: a look at `wanted` is under way. Exchanged (acq_rel) by those that ask and by the one
                                      * that looks: whoever finds 1 knows that the look comes after its store */
    _Atomic uint64_t accepted_count; /* relaxed: a counter */
};

/* ---- sockets ---- */

static bool explain_bind(struct fault *fault, int error, const struct endpoint *endpoint) {
    char text[ENDPOINT_TEXT_BYTES];
    endpoint_text(endpoint, text);
    if (error == EADDRINUSE) {
        fault_set(fault, FAULT_LOCKED, 0, "can't listen on %s: another program does already", text);
    } else if (error == EACCES) {
        fault_set(fault, FAULT_CONFIG, 0,
                  "can't listen on %s: ports below 1024 need the capability CAP_NET_BIND_SERVICE, or the sysctl "
                  "net.ipv4.ip_unprivileged_port_start=%u", text, (unsigned)endpoint_port(endpoint));
    } else {
        fault_set_os(fault, error, "can't listen on %s", text);
    }
    if (fault) fault->os_error = error;
    return false;
}

/* What an accepted socket inherits from the listening one, so that accepting costs no further system call. */
static void set_inherited(int fd, uint32_t keepalive_s) {
    int on = 1, idle_s = (int)(keepalive_s ? keepalive_s : KEEPALIVE_DEFAULT_S), interval_s = 10, probes = 6;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static bool listen_on(struct listening *listening, const struct endpoint *endpoint, bool only_ipv6,
                      const struct listener_options *options, struct fault *fault) {
    int fd = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, only = only_ipv6;
    if (fd < 0) return explain_bind(fault, errno, endpoint);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (endpoint->any.sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    set_inherited(fd, options->keepalive_s);
    int backlog = options->backlog ? options->backlog : BACKLOG_DEFAULT;
    if (bind(fd, &endpoint->any, endpoint->length) != 0 || listen(fd, backlog) != 0) {
        explain_bind(fault, errno, endpoint);
        close(fd);
        return false;
    }
    struct endpoint bound = endpoint_of_local(fd);
    listening->fd = fd;
    listening->port = endpoint_port(&bound);
    return true;
}

/* Is there an IPv4 address with the same port in the list? Then the IPv6 wildcard leaves IPv4 to it. */
static bool has_ipv4_too(const struct listener_options *options, uint16_t port) {
    for (uint32_t i = 0; i < options->endpoint_count; i++) {
        const struct endpoint *other = &options->endpoints[i];
        if (other->any.sa_family == AF_INET && endpoint_port(other) == port) return true;
    }
    return false;
}

static bool listen_everywhere(struct listener *listener, const struct listener_options *options, struct fault *fault) {
    struct endpoint any;
    struct fault first = {0};
    endpoint_parse(&any, "::", options->port, NULL);
    if (listen_on(&listener->sockets[0], &any, false, options, &first)) return true;
    if (first.os_error != EAFNOSUPPORT && first.os_error != EADDRNOTAVAIL) {
        if (fault) *fault = first;
        return false;
    }
    endpoint_parse(&any, "0.0.0.0", options->port, NULL); /* a host without IPv6 */
    return listen_on(&listener->sockets[0], &any, false, options, fault);
}

static bool listen_all(struct listener *listener, const struct listener_options *options, struct fault *fault) {
    if (options->endpoint_count == 0) return listen_everywhere(listener, options, fault);
    for (uint32_t i = 0; i < options->endpoint_count; i++) {
        const struct endpoint *endpoint = &options->endpoints[i];
        bool only_ipv6 = endpoint_is_wildcard(endpoint) && has_ipv4_too(options, endpoint_port(endpoint));
        if (!listen_on(&listener->sockets[i], endpoint, only_ipv6, options, fault)) return false;
    }
    return true;
}

/* ---- accepting ---- */

static void look(struct listener *listener);

static bool may_complain(struct listener *listener) {
    uint64_t now_ns = reactor_now_ns(listener->reactor);
    if (listener->complained_ns && now_ns - listener->complained_ns < COMPLAINT_EVERY_NS) return false;
    listener->complained_ns = now_ns;
    return true;
}

static void hand_over(struct listener *listener, int fd) {
    uint32_t turn = listener->target_turn++;
    struct reactor *reactor = placement_least_loaded(listener->reactors, listener->target_count, turn);
    for (uint32_t i = 0; i < listener->target_count; i++) {
        struct target *target = &listener->targets[i];
        if (target->reactor != reactor) continue;
        reactor_add_load(reactor, 1);
        if (inbox_post(&target->inbox, (void *)(uintptr_t)(fd + 1))) {
            atomic_fetch_add_explicit(&listener->accepted_count, 1, memory_order_relaxed);
            return;
        }
        reactor_add_load(reactor, -1);
        break;
    }
    close(fd);
    if (may_complain(listener)) log_warn("connections refused: %u of them wait for their reactor already", HANDOVER_CAPACITY);
}

static void take_accepted(void *context, void **items, size_t count) {
    struct target *target = context;
    for (size_t i = 0; i < count; i++) {
        target->listener->accepted(target->listener->context, target->reactor, (int)(uintptr_t)items[i] - 1);
    }
}

static void backoff_over(struct timer *timer) { look(container_of(timer, struct listener, backoff)); }

static void back_off(struct listener *listener, int error) {
    uint32_t next_ms = listener->backoff_ms ? listener->backoff_ms * 2 : BACKOFF_FIRST_MS;
    listener->backoff_ms = next_ms > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : next_ms;
    timer_arm(listener->reactor, &listener->backoff, listener->backoff_ms, backoff_over);
    if (!may_complain(listener)) return;
    const char *advice = error == EMFILE ? "; raise the limit of open files (ulimit -n, LimitNOFILE in the systemd unit)" : "";
    log_warn("no new connections can be accepted for now: %s%s", strerror(error), advice);
}

static void accept_done(struct op *op, int32_t result, uint32_t flags) {
    struct listening *listening = container_of(op, struct listening, accept);
    struct listener *listener = listening->listener;
    if (!(flags & REACTOR_MORE)) listening->accepting = false;
    if (result >= 0) {
        listener->backoff_ms = 0;
        hand_over(listener, result);
    } else if (result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM) {
        back_off(listener, -result);
    } else if (result != -ECANCELED && result != -ECONNABORTED && result != -EINTR && result != -EAGAIN) {
        back_off(listener, -result); /* the errors of a network that is down, or a firewall's: they pass */
    }
    look(listener);
}

static void cancel_done(struct op *op, int32_t result, uint32_t flags) {
    struct listening *listening = container_of(op, struct listening, cancel);
    listening->cancelling = false;
    look(listening->listener);
}

/* ---- control ---- */

static void look_at(struct listener *listener, struct listening *listening, uint32_t wanted) {
    if (listening->fd < 0) return;
    bool running = wanted == WANTED_RUNNING && !reactor_is_stopping(listener->reactor);
    if (running && !listening->accepting && !timer_is_armed(&listener->backoff)) {
        listening->accepting = true;
        io_accept_multishot(listener->reactor, &listening->accept, listening->fd);
    } else if (!running && listening->accepting && !listening->cancelling) {
        listening->cancelling = true;
        io_cancel(listener->reactor, &listening->cancel, &listening->accept);
    } else if (wanted == WANTED_CLOSED && !listening->accepting && !listening->cancelling) {
        close(listening->fd);
        listening->fd = -1;
    }
}

/* Makes what is so what is wanted, as far as that goes now; called again by each completion. */
static void look(struct listener *listener) {
    uint32_t wanted = atomic_load_explicit(&listener->wanted, memory_order_relaxed); /* ordered by `asked` */
    if (wanted == WANTED_CLOSED) timer_disarm(listener->reactor, &listener->backoff);
    for (uint32_t i = 0; i < listener->socket_count; i++) look_at(listener, &listener->sockets[i], wanted);
}

static void control(void *context, void **items, size_t count) {
    struct listener *listener = context;
    atomic_exchange_explicit(&listener->asked, 0, memory_order_acq_rel); /* pairs with ask */
    look(listener);
}

static void ask(struct listener *listener, enum wanted wanted) {
    uint32_t before = atomic_load_explicit(&listener->wanted, memory_order_relaxed);
    do {
        if (before == WANTED_CLOSED) return;
    } while (!atomic_compare_exchange_weak_explicit(&listener->wanted, &before, wanted, memory_order_relaxed,
                                                    memory_order_relaxed));
    if (atomic_exchange_explicit(&listener->asked, 1, memory_order_acq_rel) != 0) return; /* pairs with control */
    bool posted = inbox_post(&listener->control, listener);
    invariant(posted); /* one look at a time, and room for two */
}

void listener_resume(struct listener *listener) { ask(listener, WANTED_RUNNING); }
void listener_pause(struct listener *listener) { ask(listener, WANTED_PAUSED); }
void listener_close(struct listener *listener) { ask(listener, WANTED_CLOSED); }

uint16_t listener_port(const struct listener *listener, uint32_t index) {
    return index < listener->socket_count ? listener->sockets[index].port : 0;
}

uint64_t listener_accepted_count(const struct listener *listener) {
    return atomic_load_explicit(&listener->accepted_count, memory_order_relaxed);
}

/* ---- create and destroy ---- */

static bool listener_init(struct listener *listener, const struct listener_options *options, struct fault *fault) {
    listener->socket_count = options->endpoint_count ? options->endpoint_count : 1;
    listener->sockets = calloc(listener->socket_count, sizeof(*listener->sockets));
    listener->targets = calloc(options->target_count, sizeof(*listener->targets));
    listener->reactors = calloc(options->target_count, sizeof(struct reactor *));
    if (!listener->sockets || !listener->targets || !listener->reactors)
        return fault_set(fault, FAULT_MEMORY, 0, "no memory for a listener");
    for (uint32_t i = 0; i < listener->socket_count; i++) {
        listener->sockets[i] = (struct listening){.listener = listener, .fd = -1, .accept.done = accept_done,
                                                  .cancel.done = cancel_done};
    }
    if (!inbox_init(&listener->control, reactor_waker(options->reactor), 2, control, listener, fault)) return false;
    for (uint32_t i = 0; i < options->target_count; i++) {
        struct target *target = &listener->targets[i];
        *target = (struct target){.listener = listener, .reactor = options->targets[i]};
        listener->reactors[i] = target->reactor;
        if (!inbox_init(&target->inbox, reactor_waker(target->reactor), HANDOVER_CAPACITY, take_accepted, target, fault))
            return false;
        listener->target_count++; /* counts those whose inbox is to be released */
    }
    return listen_all(listener, options, fault);
}

struct listener *listener_create(const struct listener_options *options, struct fault *fault) {
    invariant(options->target_count > 0);
    struct listener *listener = malloc(sizeof(*listener));
    if (!listener) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for a listener");
        return NULL;
    }
    *listener = (struct listener){.reactor = options->reactor, .accepted = options->accepted, .context = options->context};
    if (listener_init(listener, options, fault)) return listener;
    listener_destroy(listener);
    return NULL;
}

static void target_release(struct target *target) {
    void *item;
    while (ring_mpsc_pop(&target->inbox.ring, &item, 1)) close((int)(uintptr_t)item - 1); /* nobody will take it any more */
    inbox_release(&target->inbox);
}

void listener_destroy(struct listener *listener) {
    if (!listener) return;
    for (uint32_t i = 0; i < listener->target_count; i++) target_release(&listener->targets[i]);
    if (listener->control.ring.slots) inbox_release(&listener->control);
    for (uint32_t i = 0; i < listener->socket_count && listener->sockets; i++) {
        invariant(!listener->sockets[i].accepting && !listener->sockets[i].cancelling);
        if (listener->sockets[i].fd >= 0) close(listener->sockets[i].fd);
    }
    free(listener->sockets);
    free(listener->targets);
    free(listener->reactors);
    free(listener);
}
