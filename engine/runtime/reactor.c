/* SPDX-License-Identifier: Apache-2.0 */
/* reactor: see reactor.h. Sections: create and destroy; submissions; a turn of the loop; stopping; what other threads ask.
 * The ring is created disabled and enabled by the owner's first turn, because DEFER_TASKRUN binds it to one thread. */
#include "engine/runtime/reactor.h"

#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/runtime/thread.h"

#define ENTRIES_DEFAULT 256u
#define COMPLETIONS_PER_ENTRY 8u
#define DISPATCH_BATCH 64u
#define CALLS_CAPACITY 1024u
#define STOP_POLL_MS 10 /* while stopping: how often what is left is cancelled again */

_Static_assert(REACTOR_MORE == IORING_CQE_F_MORE, "the kernel's flag");
_Static_assert(REACTOR_SOCKET_NONEMPTY == IORING_CQE_F_SOCK_NONEMPTY, "the kernel's flag");

enum reactor_phase { PHASE_CREATED, PHASE_RUNNING, PHASE_ENDED };

struct reactor {
    struct io_uring ring;
    struct waker waker;
    struct inbox calls;
    struct timer_heap timers;
    struct reactor_task *tasks, **tasks_last;
    struct reactor_hook *hooks;
    uint64_t now_ns;
    uint32_t in_flight; /* ours included: the read of the waker's event */
    uint32_t own_in_flight;
    uint64_t cancelled_ns; /* when a stopping loop last cancelled what is left */
    struct op wake;
    uint64_t wake_count; /* where the event is read to */
    enum reactor_phase phase;
    pthread_t creator, thread;
    bool started;
    uint32_t index;
    int cpu;
    void *context;
    char name[THREAD_NAME_BYTES];
    _Atomic bool begun;                /* the creator does not own it any more; relaxed: only the creator depends on it */
    _Atomic bool stopping;             /* set by reactor_stop (release), read by anyone (acquire); a wake-up follows the store */
    _Alignas(64) _Atomic int32_t load; /* reactor_add_load, any thread; relaxed: a level */
};

static _Thread_local struct reactor *current; /* the reactor whose loop this thread runs */

/* ---- create and destroy ---- */

static bool explain_setup(struct fault *fault, int error) {
    switch (error) {
    case EPERM:
        return fault_set(fault, FAULT_IO, 0,
                         "io_uring is forbidden here: allow io_uring_setup, io_uring_enter and io_uring_register in the "
                         "container's seccomp profile, or set the sysctl kernel.io_uring_disabled=0");
    case ENOSYS:
        return fault_set(fault, FAULT_UNSUPPORTED, 0,
                         "io_uring is missing here: it needs Linux 6.1 or later, and a seccomp profile that "
                         "allows io_uring_setup, io_uring_enter and io_uring_register");
    case EINVAL:
        return fault_set(fault, FAULT_UNSUPPORTED, 0,
                         "this kernel's io_uring is too old: Linux 6.1 or later is needed (single issuer, deferred task work)");
    case ENOMEM:
        return fault_set(fault, FAULT_MEMORY, 0,
                         "too little locked memory for io_uring: raise it with `ulimit -l unlimited` or "
                         "LimitMEMLOCK=infinity in the systemd unit, or raise the container's memory limit");
    default:
        return fault_set_os(fault, error, "io_uring_setup");
    }
}

static bool ring_create(struct reactor *reactor, uint32_t entries, struct fault *fault) {
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = entries * COMPLETIONS_PER_ENTRY,
    };
    int result = io_uring_queue_init_params(entries, &reactor->ring, &params);
    if (result == 0) return true;
    explain_setup(fault, -result);
    if (fault) fault->os_error = -result;
    return false;
}

static void run_calls(void *context, void **items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct reactor_call *call = items[i];
        call->run(call);
    }
}

static void wake_done(struct op *op, int32_t result, uint32_t flags);

struct reactor *reactor_create(const struct reactor_options *options, struct fault *fault) {
    struct reactor *reactor = aligned_alloc(64, sizeof(*reactor));
    if (!reactor) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for a reactor");
        return NULL;
    }
    *reactor = (struct reactor){.index = options->index, .cpu = options->cpu, .context = options->context,
                                .creator = pthread_self(), .wake.done = wake_done};
    reactor->tasks_last = &reactor->tasks;
    reactor->now_ns = clock_monotonic_ns();
    snprintf(reactor->name, sizeof(reactor->name), "%s", options->name ? options->name : "reactor");
    if (!ring_create(reactor, options->entries ? options->entries : ENTRIES_DEFAULT, fault)) goto no_ring;
    if (!waker_init(&reactor->waker, fault)) goto no_waker;
    if (!inbox_init(&reactor->calls, &reactor->waker, CALLS_CAPACITY, run_calls, reactor, fault)) goto no_calls;
    return reactor;
no_calls:
    waker_release(&reactor->waker);
no_waker:
    io_uring_queue_exit(&reactor->ring);
no_ring:
    free(reactor);
    return NULL;
}

void reactor_destroy(struct reactor *reactor) {
    if (!reactor) return;
    if (reactor->phase == PHASE_RUNNING) { /* run by turns on this thread: end the loop properly */
        invariant(current == reactor);
        invariant(reactor_in_flight(reactor) == 0);
        reactor_stop(reactor);
        while (reactor_turn(reactor, -1)) {
        }
    }
    invariant(reactor->in_flight == 0);
    inbox_release(&reactor->calls);
    waker_release(&reactor->waker);
    io_uring_queue_exit(&reactor->ring);
    free(reactor);
}

/* ---- submissions ---- */

static void submit_all(struct reactor *reactor) {
    invariant(reactor->phase == PHASE_RUNNING); /* before the first turn, the queue is all there is room for */
    int result = io_uring_submit_and_get_events(&reactor->ring);
    if (result == -EAGAIN || result == -EBUSY) sched_yield(); /* the kernel is short of memory: the caller comes again */
    else invariant(result >= 0 || result == -EINTR);
}

static struct io_uring_sqe *take_sqe(struct reactor *reactor) {
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&reactor->ring))) submit_all(reactor);
    return sqe;
}

struct io_uring_sqe *reactor_sqe(struct reactor *reactor, struct op *op) {
    invariant(reactor_is_owner(reactor) && op && op->done);
    struct io_uring_sqe *sqe = take_sqe(reactor);
    io_uring_sqe_set_data(sqe, op);
    reactor->in_flight++;
    return sqe;
}

void reactor_submit(struct reactor *reactor) {
    if (reactor->phase == PHASE_RUNNING) submit_all(reactor);
}

static void wake_arm(struct reactor *reactor) {
    struct io_uring_sqe *sqe = reactor_sqe(reactor, &reactor->wake);
    io_uring_prep_read(sqe, reactor->waker.event_fd, &reactor->wake_count, sizeof(reactor->wake_count), 0);
    reactor->own_in_flight = 1;
}

static void wake_done(struct op *op, int32_t result, uint32_t flags) {
    struct reactor *reactor = container_of(op, struct reactor, wake);
    reactor->own_in_flight = 0;
    if (!reactor_is_stopping(reactor)) wake_arm(reactor);
}

uint32_t reactor_in_flight(const struct reactor *reactor) { return reactor->in_flight - reactor->own_in_flight; }

/* ---- a turn of the loop ---- */

static void loop_begin(struct reactor *reactor) {
    invariant(current == NULL);
    current = reactor;
    reactor->phase = PHASE_RUNNING;
    atomic_store_explicit(&reactor->begun, true, memory_order_relaxed);
    /* = io_uring_enable_rings, which Debian 12's liburing 2.3 declares and forgets to export */
    int result = io_uring_register((unsigned)reactor->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    invariant(result >= 0);
    (void)io_uring_register_ring_fd(&reactor->ring); /* saves a look-up a call; 1 = done, anything else = we do without */
    reactor->now_ns = clock_monotonic_ns();
    wake_arm(reactor);
}

static void loop_end(struct reactor *reactor) {
    (void)io_uring_unregister_ring_fd(&reactor->ring); /* -EINVAL when it never was */
    reactor->phase = PHASE_ENDED;
    current = NULL;
}

/* How long we may wait: until the next timer, and no longer than the caller wants. 0 when there is something to do. */
static uint64_t wait_bound_ns(struct reactor *reactor, int64_t timeout_ms) {
    uint64_t bound = timeout_ms < 0 ? TIMER_NEVER : (uint64_t)timeout_ms * 1000000u;
    uint64_t next = timer_heap_next_ns(&reactor->timers);
    if (reactor->tasks) return 0;
    if (reactor_is_stopping(reactor) && bound > STOP_POLL_MS * 1000000u) bound = STOP_POLL_MS * 1000000u;
    if (next == TIMER_NEVER) return bound;
    uint64_t now = clock_monotonic_ns();
    uint64_t until = next > now ? next - now : 0;
    return until < bound ? until : bound;
}

static void submit_and_wait(struct reactor *reactor, int64_t timeout_ms) {
    uint64_t bound_ns = wait_bound_ns(reactor, timeout_ms);
    if (bound_ns == 0 || !waker_may_sleep(&reactor->waker)) {
        submit_all(reactor);
        return;
    }
    struct __kernel_timespec bound = {.tv_sec = (int64_t)(bound_ns / 1000000000u), .tv_nsec = (int64_t)(bound_ns % 1000000000u)};
    struct io_uring_cqe *first;
    int result = io_uring_submit_and_wait_timeout(&reactor->ring, &first, 1, bound_ns == TIMER_NEVER ? NULL : &bound, NULL);
    waker_awake(&reactor->waker);
    if (result == -EAGAIN || result == -EBUSY) sched_yield();
    else invariant(result >= 0 || result == -ETIME || result == -EINTR);
}

struct completion {
    struct op *op;
    int32_t result;
    uint32_t flags;
};

/* Completions are copied out first, so that their slots are free before the callbacks submit more. */
static void dispatch(struct reactor *reactor) {
    struct completion batch[DISPATCH_BATCH];
    struct io_uring_cqe *cqes[DISPATCH_BATCH];
    unsigned count;
    while ((count = io_uring_peek_batch_cqe(&reactor->ring, cqes, DISPATCH_BATCH)) != 0) {
        for (unsigned i = 0; i < count; i++)
            batch[i] = (struct completion){io_uring_cqe_get_data(cqes[i]), cqes[i]->res, cqes[i]->flags};
        io_uring_cq_advance(&reactor->ring, count);
        for (unsigned i = 0; i < count; i++) {
            if (!batch[i].op) continue; /* the answer to our own cancel */
            if (!(batch[i].flags & REACTOR_MORE)) reactor->in_flight--;
            batch[i].op->done(batch[i].op, batch[i].result, batch[i].flags);
        }
    }
}

static void run_tasks(struct reactor *reactor) {
    struct reactor_task *last_of_this_turn = NULL;
    for (struct reactor_task *task = reactor->tasks; task; task = task->next) last_of_this_turn = task;
    bool more = last_of_this_turn != NULL;
    while (more && reactor->tasks) {
        struct reactor_task *task = reactor->tasks;
        more = task != last_of_this_turn;
        reactor_forget(reactor, task);
        task->run(task);
    }
}

static void run_hooks(struct reactor *reactor) {
    struct reactor_hook *next;
    for (struct reactor_hook *hook = reactor->hooks; hook; hook = next) {
        next = hook->next; /* a hook may remove itself */
        hook->run(hook);
    }
}

/* ---- stopping ---- */

/* Cancels all that is in flight, again and again, because a callback may have submitted more. True: nothing is left, nor in the
 * inboxes. */
static bool wind_up(struct reactor *reactor) {
    if (reactor->in_flight == 0 && !reactor->tasks && waker_may_sleep(&reactor->waker)) {
        waker_awake(&reactor->waker);
        return true;
    }
    if (reactor->in_flight == 0 || reactor->now_ns - reactor->cancelled_ns < STOP_POLL_MS * 1000000u) return false;
    reactor->cancelled_ns = reactor->now_ns;
    struct io_uring_sqe *sqe = take_sqe(reactor);
    io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data(sqe, NULL);
    return false;
}

bool reactor_turn(struct reactor *reactor, int64_t timeout_ms) {
    if (reactor->phase == PHASE_CREATED) loop_begin(reactor);
    if (reactor->phase == PHASE_ENDED) return false;
    invariant(current == reactor);
    submit_and_wait(reactor, timeout_ms);
    reactor->now_ns = clock_monotonic_ns();
    dispatch(reactor);
    waker_drain(&reactor->waker);
    timer_heap_run(&reactor->timers, reactor->now_ns);
    run_tasks(reactor);
    run_hooks(reactor);
    if (!reactor_is_stopping(reactor) || !wind_up(reactor)) return true;
    loop_end(reactor);
    return false;
}

void reactor_run(struct reactor *reactor) {
    while (reactor_turn(reactor, -1)) {
    }
}

static void *reactor_main(void *context) {
    reactor_run(context);
    return NULL;
}

bool reactor_start(struct reactor *reactor, struct fault *fault) {
    invariant(reactor->phase == PHASE_CREATED && !reactor->started);
    atomic_store_explicit(&reactor->begun, true, memory_order_relaxed);
    reactor->started = thread_start(&reactor->thread, reactor->name, reactor->cpu, reactor_main, reactor, fault);
    return reactor->started;
}

void reactor_stop(struct reactor *reactor) {
    atomic_store_explicit(&reactor->stopping, true, memory_order_release); /* pairs with reactor_is_stopping */
    waker_wake(&reactor->waker);
}

bool reactor_is_stopping(const struct reactor *reactor) {
    return atomic_load_explicit(&reactor->stopping, memory_order_acquire); /* pairs with reactor_stop */
}

void reactor_join(struct reactor *reactor) {
    if (!reactor->started) return;
    pthread_join(reactor->thread, NULL);
    reactor->started = false;
}

/* ---- what other threads ask ---- */

struct reactor *reactor_current(void) { return current; }

bool reactor_is_owner(const struct reactor *reactor) {
    if (current) return current == reactor;
    return !atomic_load_explicit(&reactor->begun, memory_order_relaxed) && pthread_equal(pthread_self(), reactor->creator);
}

uint32_t reactor_index(const struct reactor *reactor) { return reactor->index; }
void *reactor_context(const struct reactor *reactor) { return reactor->context; }
struct waker *reactor_waker(struct reactor *reactor) { return &reactor->waker; }
bool reactor_post(struct reactor *reactor, struct reactor_call *call) { return inbox_post(&reactor->calls, call); }

void reactor_add_load(struct reactor *reactor, int32_t difference) {
    atomic_fetch_add_explicit(&reactor->load, difference, memory_order_relaxed);
}

int32_t reactor_load(const struct reactor *reactor) { return atomic_load_explicit(&reactor->load, memory_order_relaxed); }

/* ---- owner only ---- */

uint64_t reactor_now_ns(const struct reactor *reactor) { return reactor->now_ns; }
struct timer_heap *reactor_timers(struct reactor *reactor) { return &reactor->timers; }

void reactor_defer(struct reactor *reactor, struct reactor_task *task) {
    if (task->queued) return;
    task->queued = true;
    task->next = NULL;
    *reactor->tasks_last = task;
    reactor->tasks_last = &task->next;
}

void reactor_forget(struct reactor *reactor, struct reactor_task *task) {
    if (!task->queued) return;
    struct reactor_task **link = &reactor->tasks;
    while (*link != task) link = &(*link)->next;
    *link = task->next;
    if (reactor->tasks_last == &task->next) reactor->tasks_last = link;
    task->queued = false;
    task->next = NULL;
}

void reactor_add_hook(struct reactor *reactor, struct reactor_hook *hook) {
    struct reactor_hook **last = &reactor->hooks;
    while (*last) last = &(*last)->next;
    hook->next = NULL;
    *last = hook;
}

void reactor_remove_hook(struct reactor *reactor, struct reactor_hook *hook) {
    struct reactor_hook **link = &reactor->hooks;
    while (*link && *link != hook) link = &(*link)->next;
    if (*link) *link = hook->next;
}
