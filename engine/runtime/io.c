/* SPDX-License-Identifier: Apache-2.0 */
/* io: see io.h. One line an operation: a submission of the reactor's, filled by liburing. */
#include "engine/runtime/io.h"

#include <liburing.h>

void io_read(struct reactor *reactor, struct op *op, int fd, void *buffer, uint32_t bytes, uint64_t offset) {
    io_uring_prep_read(reactor_sqe(reactor, op), fd, buffer, bytes, offset);
}

void io_write(struct reactor *reactor, struct op *op, int fd, const void *buffer, uint32_t bytes, uint64_t offset) {
    io_uring_prep_write(reactor_sqe(reactor, op), fd, buffer, bytes, offset);
}

void io_readv(struct reactor *reactor, struct op *op, int fd, const struct iovec *parts, uint32_t count, uint64_t offset) {
    io_uring_prep_readv(reactor_sqe(reactor, op), fd, parts, count, offset);
}

void io_writev(struct reactor *reactor, struct op *op, int fd, const struct iovec *parts, uint32_t count, uint64_t offset) {
    io_uring_prep_writev(reactor_sqe(reactor, op), fd, parts, count, offset);
}

void io_fdatasync(struct reactor *reactor, struct op *op, int fd) {
    io_uring_prep_fsync(reactor_sqe(reactor, op), fd, IORING_FSYNC_DATASYNC);
}

void io_fsync(struct reactor *reactor, struct op *op, int fd) { io_uring_prep_fsync(reactor_sqe(reactor, op), fd, 0); }

void io_recv(struct reactor *reactor, struct op *op, int fd, void *buffer, size_t bytes, int flags, bool drained) {
    struct io_uring_sqe *sqe = reactor_sqe(reactor, op);
    io_uring_prep_recv(sqe, fd, buffer, bytes, flags);
    if (drained) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
}

void io_recvmsg(struct reactor *reactor, struct op *op, int fd, struct msghdr *message, int flags, bool drained) {
    struct io_uring_sqe *sqe = reactor_sqe(reactor, op);
    io_uring_prep_recvmsg(sqe, fd, message, (unsigned)flags);
    if (drained) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
}

void io_sendmsg(struct reactor *reactor, struct op *op, int fd, const struct msghdr *message, int flags) {
    io_uring_prep_sendmsg(reactor_sqe(reactor, op), fd, message, (unsigned)flags);
}

void io_accept_multishot(struct reactor *reactor, struct op *op, int fd) {
    io_uring_prep_multishot_accept(reactor_sqe(reactor, op), fd, NULL, NULL, SOCK_CLOEXEC);
}

void io_connect(struct reactor *reactor, struct op *op, int fd, const struct sockaddr *address, socklen_t length) {
    io_uring_prep_connect(reactor_sqe(reactor, op), fd, address, length);
}

void io_poll(struct reactor *reactor, struct op *op, int fd, uint32_t events) {
    io_uring_prep_poll_add(reactor_sqe(reactor, op), fd, events);
}

void io_nop(struct reactor *reactor, struct op *op) { io_uring_prep_nop(reactor_sqe(reactor, op)); }

void io_cancel(struct reactor *reactor, struct op *op, struct op *target) {
    io_uring_prep_cancel(reactor_sqe(reactor, op), target, 0);
}

void io_cancel_fd(struct reactor *reactor, struct op *op, int fd) {
    io_uring_prep_cancel_fd(reactor_sqe(reactor, op), fd, IORING_ASYNC_CANCEL_ALL);
}
