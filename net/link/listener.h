/* SPDX-License-Identifier: Apache-2.0 */
/* listener: the listening sockets of a server, on one reactor, which hand each accepted connection to the least loaded of several
 * reactors (reactor_load; the listener adds 1, and the owner of the connection takes it back with reactor_add_load(reactor, -1)
 * when it is closed). DICOM has few, long, fat associations: hashing them to cores (SO_REUSEPORT) would leave cores idle.
 *
 * Life: listener_create, before the reactors start: sockets are bound and listening, so that a port in use is a fault at
 * start-up, and peers that come early wait -> listener_resume -> accepting -> listener_pause / _resume any number of times ->
 * listener_close -> listener_destroy when the reactors have ended (joined) and are not yet destroyed.
 * When descriptors or memory run out (EMFILE, ENFILE, ENOBUFS, ENOMEM), accepting backs off and says so; peers wait in the
 * backlog. */
#ifndef LEAT_LINK_LISTENER_H
#define LEAT_LINK_LISTENER_H

#include "engine/runtime/reactor.h"
#include "net/link/endpoint.h"

struct listener;

struct listener_options {
    const struct endpoint *endpoints; /* where to listen; none: every address (IPv6 and IPv4) on `port` */
    uint32_t endpoint_count;
    uint16_t port;                 /* for no endpoints; 0: any free one, see listener_port */
    int backlog;                   /* 0 = 1024 */
    uint32_t keepalive_s;          /* idle time before the first probe; 0 = 60 */
    struct reactor *reactor;       /* accepts */
    struct reactor *const *targets; /* get the connections; may include `reactor`; copied */
    uint32_t target_count;
    /* On the thread of `target`: a connected socket (TCP_NODELAY, keepalive, close-on-exec), the callee's from now on. */
    void (*accepted)(void *context, struct reactor *target, int fd);
    void *context;
};

/* NULL: fault says which address and why. */
struct listener *listener_create(const struct listener_options *options, struct fault *fault);
/* When all its reactors have ended, or before they started. NULL is allowed. */
void listener_destroy(struct listener *listener);

/* The port of the index-th endpoint (bound, so a real one). Any thread. */
uint16_t listener_port(const struct listener *listener, uint32_t index);
/* Connections accepted since the beginning. Any thread. */
uint64_t listener_accepted_count(const struct listener *listener);

/* Any thread; takes effect soon; the last call counts, and closed is final. Paused: new peers wait in the backlog. Closed:
 * refused. */
void listener_resume(struct listener *listener);
void listener_pause(struct listener *listener);
void listener_close(struct listener *listener);

#endif
