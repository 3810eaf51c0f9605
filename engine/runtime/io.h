/* SPDX-License-Identifier: Apache-2.0 */
/* io: a verb for each io_uring operation that leat uses. Each prepares one submission for `op` (reactor.h) and returns; op->done
 * gets the result (>= 0 or -errno) in a later turn, also when the operation could not begin. Buffers, iovecs, addresses and the
 * op stay the caller's and must stay where they are until then (iovecs and msghdrs: until the end of the turn is enough for the
 * kernel, but don't). Owner thread of the reactor only. */
#ifndef LEAT_RUNTIME_IO_H
#define LEAT_RUNTIME_IO_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "engine/runtime/reactor.h"

/* ---- files ---- */
void io_read(struct reactor *reactor, struct op *op, int fd, void *buffer, uint32_t bytes, uint64_t offset);
void io_write(struct reactor *reactor, struct op *op, int fd, const void *buffer, uint32_t bytes, uint64_t offset);
void io_readv(struct reactor *reactor, struct op *op, int fd, const struct iovec *parts, uint32_t count, uint64_t offset);
void io_writev(struct reactor *reactor, struct op *op, int fd, const struct iovec *parts, uint32_t count, uint64_t offset);
void io_fdatasync(struct reactor *reactor, struct op *op, int fd);
void io_fsync(struct reactor *reactor, struct op *op, int fd);

/* ---- sockets ---- */
/* Receives into one buffer, or into several; flags: MSG_*. drained: the socket is known to be empty, so wait before trying. */
void io_recv(struct reactor *reactor, struct op *op, int fd, void *buffer, size_t bytes, int flags, bool drained);
void io_recvmsg(struct reactor *reactor, struct op *op, int fd, struct msghdr *message, int flags, bool drained);
void io_sendmsg(struct reactor *reactor, struct op *op, int fd, const struct msghdr *message, int flags);
/* Each accepted socket (close-on-exec) is a call of done with REACTOR_MORE; a call without it ends the operation: arm it anew. */
void io_accept_multishot(struct reactor *reactor, struct op *op, int fd);
void io_connect(struct reactor *reactor, struct op *op, int fd, const struct sockaddr *address, socklen_t length);
void io_poll(struct reactor *reactor, struct op *op, int fd, uint32_t events); /* once; result: the events */

/* ---- others ---- */
void io_nop(struct reactor *reactor, struct op *op);
/* Cancels the operation `target`; its done gets -ECANCELED unless it was quicker. op->done: 0, -ENOENT (gone already) or
 * -EALREADY. */
void io_cancel(struct reactor *reactor, struct op *op, struct op *target);
/* The same for everything in flight on this reactor for fd; op->done gets the number of operations found, or -ENOENT. */
void io_cancel_fd(struct reactor *reactor, struct op *op, int fd);

#endif
