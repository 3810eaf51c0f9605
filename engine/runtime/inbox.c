/* SPDX-License-Identifier: Apache-2.0 */
/* inbox: see inbox.h. The waker's half is called by reactors and workers; inbox_post is the only function for other threads. */
#include "engine/runtime/inbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define INBOX_BATCH 64u
#define INBOX_TURN 512u /* items of one inbox in one pass, so that a flood in one does not starve the others */

bool inbox_init(struct inbox *inbox, struct waker *waker, size_t capacity,
                void (*drain)(void *context, void **items, size_t count), void *context, struct fault *fault) {
    *inbox = (struct inbox){.waker = waker, .drain = drain, .context = context};
    if (!ring_mpsc_init(&inbox->ring, capacity, fault)) return false;
    struct inbox **last = &waker->inboxes;
    while (*last) last = &(*last)->next;
    *last = inbox;
    return true;
}

void inbox_release(struct inbox *inbox) {
    struct inbox **link = &inbox->waker->inboxes;
    while (*link && *link != inbox) link = &(*link)->next;
    invariant(*link == inbox);
    *link = inbox->next;
    ring_mpsc_release(&inbox->ring);
}

/* The first one that finds the owner asleep wakes it; the exchange makes sure that it is only one. */
static void waker_notify(struct waker *waker) {
    if (atomic_load_explicit(&waker->sleeping, memory_order_seq_cst) == 0) return; /* pairs with waker_may_sleep's store */
    if (atomic_exchange_explicit(&waker->sleeping, 0, memory_order_seq_cst) == 0) return;
    uint64_t one = 1;
    ssize_t written;
    do written = write(waker->event_fd, &one, sizeof(one));
    while (written < 0 && errno == EINTR);
    invariant(written == sizeof(one));
}

bool inbox_post(struct inbox *inbox, void *item) {
    struct waker *waker = inbox->waker;
    if (!ring_mpsc_push(&inbox->ring, item)) return false; /* publishes with seq_cst, before notify's load */
    waker_notify(waker);
    return true;
}

bool waker_init(struct waker *waker, struct fault *fault) {
    *waker = (struct waker){.event_fd = eventfd(0, EFD_CLOEXEC)}; /* blocking: a ring's read of it waits */
    if (waker->event_fd < 0) return fault_set_os(fault, errno, "eventfd");
    return true;
}

void waker_release(struct waker *waker) {
    close(waker->event_fd);
    waker->event_fd = -1;
}

void waker_wake(struct waker *waker) {
    atomic_store_explicit(&waker->asked, 1, memory_order_seq_cst); /* pairs with waker_may_sleep's exchange */
    waker_notify(waker);
}

size_t waker_drain(struct waker *waker) {
    size_t total = 0;
    struct inbox *next;
    for (struct inbox *inbox = waker->inboxes; inbox; inbox = next) {
        void *items[INBOX_BATCH];
        size_t taken = 0, count = INBOX_BATCH;
        next = inbox->next; /* a drain may release its own inbox, but not the next one */
        while (taken < INBOX_TURN && count == INBOX_BATCH) {
            count = ring_mpsc_pop(&inbox->ring, items, INBOX_BATCH);
            taken += count;
            if (count) inbox->drain(inbox->context, items, count);
        }
        total += taken;
    }
    return total;
}

bool waker_may_sleep(struct waker *waker) {
    atomic_store_explicit(&waker->sleeping, 1, memory_order_seq_cst); /* pairs with waker_notify's load */
    bool busy = atomic_exchange_explicit(&waker->asked, 0, memory_order_seq_cst) != 0; /* pairs with waker_wake's store */
    for (struct inbox *inbox = waker->inboxes; inbox && !busy; inbox = inbox->next) busy = !ring_mpsc_is_empty(&inbox->ring);
    if (busy) waker_awake(waker);
    return !busy;
}

/* Relaxed: whoever still sees 1 writes an event that wakes nobody, and our next store of 1 comes after this one anyway. */
void waker_awake(struct waker *waker) { atomic_store_explicit(&waker->sleeping, 0, memory_order_relaxed); }
