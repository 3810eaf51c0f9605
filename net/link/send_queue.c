/* SPDX-License-Identifier: Apache-2.0 */
/* send_queue: see send_queue.h. Items are linked from first to tail; a block is filled at its end while its beginning may already
 * be with the kernel, so a block that was gathered never moves. */
#include "net/link/send_queue.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"

struct send_block {
    struct send_item item; /* next also links the stock's free blocks */
    uint32_t start, end;   /* the unsent bytes */
    uint8_t bytes[];
};
#define BLOCK_ROOM (SEND_BLOCK_BYTES - (uint32_t)sizeof(struct send_block))

/* ---- the stock ---- */

void send_stock_init(struct send_stock *stock, uint32_t free_limit) { *stock = (struct send_stock){.free_limit = free_limit}; }

void send_stock_release(struct send_stock *stock) {
    invariant(stock->used == 0);
    while (stock->free) {
        struct send_block *block = stock->free;
        stock->free = block->item.next ? container_of(block->item.next, struct send_block, item) : NULL;
        free(block);
    }
    stock->free_count = 0;
}

static struct send_block *block_take(struct send_stock *stock) {
    struct send_block *block = stock->free;
    if (block) {
        stock->free = block->item.next ? container_of(block->item.next, struct send_block, item) : NULL;
        stock->free_count--;
    } else if (!(block = malloc(SEND_BLOCK_BYTES))) {
        return NULL;
    }
    stock->used++;
    *block = (struct send_block){.item.is_block = true};
    return block;
}

static void block_give(struct send_stock *stock, struct send_block *block) {
    stock->used--;
    if (stock->free_count == stock->free_limit) {
        free(block);
        return;
    }
    block->item.next = stock->free ? &stock->free->item : NULL;
    stock->free = block;
    stock->free_count++;
}

/* ---- the queue ---- */

void send_queue_init(struct send_queue *queue, struct send_stock *stock, uint32_t limit_bytes) {
    *queue = (struct send_queue){.stock = stock, .limit_bytes = limit_bytes};
}

static void queue_append(struct send_queue *queue, struct send_item *item) {
    item->next = NULL;
    if (queue->tail) queue->tail->next = item;
    else queue->first = item;
    queue->tail = item;
}

static struct send_item *queue_take_first(struct send_queue *queue) {
    struct send_item *item = queue->first;
    queue->first = item->next;
    if (!queue->first) queue->tail = NULL;
    return item;
}

void send_queue_release(struct send_queue *queue) {
    while (queue->first) {
        struct send_item *item = queue_take_first(queue);
        if (item->is_block) {
            block_give(queue->stock, container_of(item, struct send_block, item));
        } else {
            struct send *send = container_of(item, struct send, item);
            send->done(send, false);
        }
    }
    queue->copied_bytes = 0;
}

static struct send_block *as_block(struct send_item *item) {
    return item && item->is_block ? container_of(item, struct send_block, item) : NULL;
}

/* A chain of blocks with room for so many bytes, NULL when memory is short (or for 0 bytes). */
static struct send_block *blocks_take(struct send_stock *stock, size_t length) {
    struct send_block *chain = NULL;
    for (size_t room = 0; room < length; room += BLOCK_ROOM) {
        struct send_block *block = block_take(stock);
        if (block) {
            block->item.next = chain ? &chain->item : NULL;
            chain = block;
            continue;
        }
        while (chain) {
            struct send_block *next = as_block(chain->item.next);
            block_give(stock, chain);
            chain = next;
        }
        return NULL;
    }
    return chain;
}

static size_t block_fill(struct send_block *block, const uint8_t *bytes, size_t length) {
    size_t room = BLOCK_ROOM - block->end, n = room < length ? room : length;
    if (n) memcpy(block->bytes + block->end, bytes, n);
    block->end += (uint32_t)n;
    return n;
}

bool send_queue_add(struct send_queue *queue, const void *bytes, size_t length) {
    const uint8_t *from = bytes;
    if (length > queue->limit_bytes || queue->copied_bytes > queue->limit_bytes - length) return false;
    struct send_block *last = as_block(queue->tail);
    size_t room = last ? BLOCK_ROOM - last->end : 0;
    struct send_block *chain = NULL;
    if (room < length && !(chain = blocks_take(queue->stock, length - room))) return false;
    queue->copied_bytes += (uint32_t)length;
    if (last) {
        size_t n = block_fill(last, from, length);
        from += n;
        length -= n;
    }
    while (chain) {
        struct send_block *block = chain;
        chain = as_block(chain->item.next);
        queue_append(queue, &block->item);
        size_t n = block_fill(block, from, length);
        from += n;
        length -= n;
    }
    return true;
}

void send_queue_add_send(struct send_queue *queue, struct send *send) {
    send->at_part = 0;
    send->at_offset = 0;
    send->item.is_block = false;
    queue_append(queue, &send->item);
}

static uint32_t gather_send(const struct send *send, struct iovec *parts, uint32_t capacity) {
    uint32_t count = 0;
    size_t offset = send->at_offset;
    for (uint32_t i = send->at_part; i < send->count && count < capacity; i++, offset = 0) {
        if (send->parts[i].iov_len == offset) continue;
        parts[count++] = (struct iovec){(uint8_t *)send->parts[i].iov_base + offset, send->parts[i].iov_len - offset};
    }
    return count;
}

uint32_t send_queue_gather(struct send_queue *queue, struct iovec *parts, uint32_t capacity) {
    uint32_t count = 0;
    for (struct send_item *item = queue->first; item && count < capacity; item = item->next) {
        struct send_block *block = as_block(item);
        if (!block) count += gather_send(container_of(item, struct send, item), parts + count, capacity - count);
        else if (block->end > block->start)
            parts[count++] = (struct iovec){block->bytes + block->start, block->end - block->start};
    }
    return count;
}

/* Moves on by up to `bytes`; returns how many of them it used; *complete: all of the item went out. */
static size_t advance_send(struct send *send, size_t bytes, bool *complete) {
    size_t used = 0;
    while (send->at_part < send->count) {
        size_t left = send->parts[send->at_part].iov_len - send->at_offset;
        size_t n = left < bytes - used ? left : bytes - used;
        used += n;
        send->at_offset += n;
        if (n < left) break;
        send->at_part++;
        send->at_offset = 0;
    }
    *complete = send->at_part == send->count;
    return used;
}

static size_t advance_block(struct send_queue *queue, struct send_block *block, size_t bytes, bool *complete) {
    size_t left = block->end - block->start, n = left < bytes ? left : bytes;
    block->start += (uint32_t)n;
    queue->copied_bytes -= (uint32_t)n;
    *complete = block->start == block->end;
    return n;
}

void send_queue_sent(struct send_queue *queue, size_t bytes) {
    while (queue->first) {
        struct send_item *item = queue->first;
        struct send_block *block = as_block(item);
        struct send *send = block ? NULL : container_of(item, struct send, item);
        bool complete;
        bytes -= block ? advance_block(queue, block, bytes, &complete) : advance_send(send, bytes, &complete);
        if (!complete) break;
        queue_take_first(queue);
        if (block) block_give(queue->stock, block);
        else send->done(send, true); /* may add to the queue */
    }
    invariant(bytes == 0);
}
