/* SPDX-License-Identifier: Apache-2.0 */
/* send_queue: what a connection has still to send, in order: small bytes copied into blocks from a stock of the reactor's, and
 * the caller's own memory (struct send) that is sent from where it lies. Owner thread of the reactor only; no I/O in here. */
#ifndef LEAT_LINK_SEND_QUEUE_H
#define LEAT_LINK_SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Memory of the caller's to be sent: parts and bytes stay the caller's, untouched, until done was called, once: sent = all of it
 * was given to the network (not: received by the peer). */
struct send {
    const struct iovec *parts;
    uint32_t count;
    void (*done)(struct send *send, bool sent);
    /* ---- the queue's ---- */
    struct send_item {
        struct send_item *next;
        bool is_block;
    } item;
    uint32_t at_part;
    size_t at_offset;
};

/* Blocks of one reactor, kept for reuse up to a bound. Life: init, any number of queues, release (all queues released). */
struct send_stock {
    struct send_block *free;
    uint32_t free_count, free_limit;
    uint32_t used; /* blocks in queues now */
};
#define SEND_BLOCK_BYTES 4096u /* with its header */

void send_stock_init(struct send_stock *stock, uint32_t free_limit); /* blocks kept at most; 64 is plenty */
void send_stock_release(struct send_stock *stock);

struct send_queue {
    struct send_stock *stock;
    struct send_item *first, *tail; /* tail: the last one; both NULL when it is empty */
    uint32_t copied_bytes;  /* in blocks, unsent */
    uint32_t limit_bytes;   /* on copied_bytes */
};

void send_queue_init(struct send_queue *queue, struct send_stock *stock, uint32_t limit_bytes);
/* Drops all that is left; calls done(send, false) for each struct send. */
void send_queue_release(struct send_queue *queue);
static inline bool send_queue_is_empty(const struct send_queue *queue) { return !queue->first; }

/* Copies. False: over the limit or no memory: nothing was taken. */
bool send_queue_add(struct send_queue *queue, const void *bytes, size_t length);
void send_queue_add_send(struct send_queue *queue, struct send *send);
/* The head of the queue as iovecs, up to capacity; returns how many. What they point to stays until send_queue_sent. */
uint32_t send_queue_gather(struct send_queue *queue, struct iovec *parts, uint32_t capacity);
/* So many bytes of the gathered ones went out: frees blocks, calls done(send, true) for those that are complete. */
void send_queue_sent(struct send_queue *queue, size_t bytes);

#endif
