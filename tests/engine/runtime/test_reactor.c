/* SPDX-License-Identifier: Apache-2.0 */
/* test_reactor: operations, timers, tasks and hooks on a reactor that the test itself turns; more submissions than the queue
 * holds; a stop with operations in flight; calls from other threads; the sentences for a kernel that refuses; placement. */
#include "tests/engine/runtime/stress.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine/base/check.h"
#include "engine/runtime/io.h"
#include "engine/runtime/placement.h"

static struct reactor *create(void) {
    struct reactor_options options = {.name = "test", .index = 7, .cpu = -1, .entries = 8};
    struct fault fault = {0};
    struct reactor *reactor = reactor_create(&options, &fault);
    if (!reactor) fail_msg("%s", fault.text);
    return reactor;
}

struct counted {
    struct op op;
    uint32_t calls;
    int32_t result;
};

static void counted_done(struct op *op, int32_t result, uint32_t flags) {
    struct counted *counted = container_of(op, struct counted, op);
    counted->calls++;
    counted->result = result;
}

static void test_files(void **state) {
    struct reactor *reactor = create();
    char path[] = "/tmp/leat-reactor-XXXXXX", text[16] = {0};
    int fd = mkstemp(path);
    unlink(path);
    struct counted ops[3] = {{.op.done = counted_done}, {.op.done = counted_done}, {.op.done = counted_done}};
    io_write(reactor, &ops[0].op, fd, "hello", 5, 0);
    while (!ops[0].calls) assert_true(reactor_turn(reactor, 1000));
    assert_int_equal(ops[0].result, 5);
    io_fdatasync(reactor, &ops[1].op, fd);
    io_read(reactor, &ops[2].op, fd, text, sizeof(text), 1);
    assert_int_equal(reactor_in_flight(reactor), 2);
    while (!ops[1].calls || !ops[2].calls) assert_true(reactor_turn(reactor, 1000));
    assert_int_equal(ops[1].result, 0);
    assert_int_equal(ops[2].result, 4);
    assert_string_equal(text, "ello");
    assert_int_equal(reactor_in_flight(reactor), 0);
    assert_int_equal(reactor_index(reactor), 7);
    close(fd);
    reactor_destroy(reactor);
    assert_null(reactor_current());
}

static void test_more_than_the_queue_holds(void **state) {
    struct reactor *reactor = create(); /* 8 entries */
    struct counted ops[1000];
    reactor_turn(reactor, 0);
    for (size_t i = 0; i < array_count(ops); i++) {
        ops[i] = (struct counted){.op.done = counted_done};
        io_nop(reactor, &ops[i].op);
    }
    while (reactor_in_flight(reactor)) assert_true(reactor_turn(reactor, 1000));
    for (size_t i = 0; i < array_count(ops); i++) assert_int_equal(ops[i].calls, 1);
    reactor_destroy(reactor);
}

struct alarm {
    struct timer timer;
    uint64_t fired_ns;
};

static void alarm_fire(struct timer *timer) { container_of(timer, struct alarm, timer)->fired_ns = clock_monotonic_ns(); }

static void test_timers(void **state) {
    struct reactor *reactor = create();
    struct alarm alarms[3] = {0};
    uint64_t begin_ns = clock_monotonic_ns();
    reactor_turn(reactor, 0);
    timer_arm(reactor, &alarms[0].timer, 30, alarm_fire);
    timer_arm(reactor, &alarms[1].timer, 10, alarm_fire);
    timer_arm(reactor, &alarms[2].timer, 20, alarm_fire);
    timer_disarm(reactor, &alarms[2].timer);
    while (!alarms[0].fired_ns) assert_true(reactor_turn(reactor, -1)); /* waits for the timer only */
    assert_true(alarms[1].fired_ns - begin_ns >= 10000000u);
    assert_true(alarms[0].fired_ns - begin_ns >= 30000000u);
    assert_true(alarms[0].fired_ns - begin_ns < 2000000000u);
    assert_true(alarms[1].fired_ns < alarms[0].fired_ns);
    assert_int_equal(alarms[2].fired_ns, 0);
    reactor_destroy(reactor);
}

struct chore {
    struct reactor_task task;
    struct reactor_hook hook;
    struct reactor *reactor;
    uint32_t runs, hooks;
};

static void chore_run(struct reactor_task *task) {
    struct chore *chore = container_of(task, struct chore, task);
    if (++chore->runs < 3) reactor_defer(chore->reactor, task); /* in the next turn */
}

static void chore_hook(struct reactor_hook *hook) { container_of(hook, struct chore, hook)->hooks++; }

static void test_tasks_and_hooks(void **state) {
    struct reactor *reactor = create();
    struct chore chore = {.task.run = chore_run, .hook.run = chore_hook, .reactor = reactor}, other = {.task.run = chore_run};
    reactor_add_hook(reactor, &chore.hook);
    reactor_defer(reactor, &other.task);
    reactor_defer(reactor, &chore.task);
    reactor_defer(reactor, &chore.task);
    reactor_forget(reactor, &other.task);
    for (uint32_t turn = 1; turn <= 3; turn++) {
        assert_true(reactor_turn(reactor, 1000)); /* does not wait: there are tasks */
        assert_int_equal(chore.runs, turn);
        assert_int_equal(chore.hooks, turn);
    }
    assert_true(reactor_turn(reactor, 0));
    assert_int_equal(chore.runs, 3);
    assert_int_equal(other.runs, 0);
    reactor_remove_hook(reactor, &chore.hook);
    assert_true(reactor_turn(reactor, 0));
    assert_int_equal(chore.hooks, 4);
    reactor_destroy(reactor);
}

static void test_stop_cancels(void **state) {
    struct reactor *reactor = create();
    int pipes[2];
    char byte;
    assert_int_equal(pipe(pipes), 0);
    struct counted reads = {.op.done = counted_done}, polls = {.op.done = counted_done};
    io_read(reactor, &reads.op, pipes[0], &byte, 1, 0);
    io_poll(reactor, &polls.op, pipes[0], 1);
    assert_true(reactor_turn(reactor, 10));
    assert_int_equal(reactor_in_flight(reactor), 2);
    reactor_stop(reactor);
    while (reactor_turn(reactor, -1)) {
    }
    assert_int_equal(reads.result, -ECANCELED);
    assert_int_equal(polls.result, -ECANCELED);
    assert_false(reactor_turn(reactor, -1));
    reactor_destroy(reactor);
    close(pipes[0]);
    close(pipes[1]);
}

struct errand {
    struct reactor_call call;
    struct reactor *reactor, *found;
    _Atomic bool ran; /* released by the reactor, acquired by the test */
};

static void errand_run(struct reactor_call *call) {
    struct errand *errand = container_of(call, struct errand, call);
    errand->found = reactor_is_owner(errand->reactor) ? reactor_current() : NULL;
    atomic_store_explicit(&errand->ran, true, memory_order_release);
}

static void test_own_thread(void **state) {
    struct reactor *reactors[3];
    for (int i = 0; i < 3; i++) {
        reactors[i] = create();
        assert_true(reactor_is_owner(reactors[i]));
        assert_true(reactor_start(reactors[i], NULL));
        assert_false(reactor_is_owner(reactors[i]));
    }
    for (int i = 0; i < 30; i++) {
        struct errand errand = {.call.run = errand_run, .reactor = reactors[i % 3]};
        assert_true(reactor_post(reactors[i % 3], &errand.call));
        while (!atomic_load_explicit(&errand.ran, memory_order_acquire)) usleep(10);
        assert_ptr_equal(errand.found, reactors[i % 3]);
    }
    for (int i = 0; i < 3; i++) {
        reactor_stop(reactors[i]);
        reactor_join(reactors[i]);
        reactor_destroy(reactors[i]);
    }
}

static void count_items(void *context, void **items, size_t count) { *(size_t *)context += count; }

static void test_stop_empties_inboxes(void **state) {
    struct reactor *reactor = create();
    struct inbox inbox;
    size_t drained = 0;
    assert_true(inbox_init(&inbox, reactor_waker(reactor), 4096, count_items, &drained, NULL));
    assert_true(reactor_turn(reactor, 0));
    for (int i = 0; i < 3000; i++) assert_true(inbox_post(&inbox, reactor)); /* more than one turn takes */
    reactor_stop(reactor);
    while (reactor_turn(reactor, -1)) {
    }
    assert_int_equal(drained, 3000);
    inbox_release(&inbox);
    reactor_destroy(reactor);
}

static void test_placement(void **state) {
    struct reactor *reactors[3] = {create(), create(), create()};
    reactor_add_load(reactors[0], 2);
    reactor_add_load(reactors[1], 1);
    reactor_add_load(reactors[2], 1);
    assert_ptr_equal(placement_least_loaded(reactors, 3, 0), reactors[1]);
    assert_ptr_equal(placement_least_loaded(reactors, 3, 2), reactors[2]);
    reactor_add_load(reactors[0], -2);
    assert_ptr_equal(placement_least_loaded(reactors, 3, 5), reactors[0]);
    for (int i = 0; i < 3; i++) reactor_destroy(reactors[i]);
    int cpus[8];
    assert_true(placement_core_count() >= 1);
    placement_cpus(PLACEMENT_FREE, cpus, 8);
    for (int i = 0; i < 8; i++) assert_int_equal(cpus[i], -1);
    placement_cpus(PLACEMENT_PINNED, cpus, 8);
    for (int i = 0; i < 8; i++) assert_true(cpus[i] >= 0);
    if (placement_core_count() > 1) assert_int_not_equal(cpus[0], cpus[1]);
    placement_cpus(PLACEMENT_AUTO, cpus, 8);
    for (int i = 0; i < 8; i++) assert_int_equal(cpus[i] >= 0, placement_core_count() >= 4);
}

/* In a child: what a container's seccomp profile does to io_uring_setup. Returns 0 when the sentence holds the word. */
static int create_where_forbidden(int error, const char *word) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = array_count(code), .filter = code};
    struct reactor_options options = {.name = "test", .cpu = -1};
    struct fault fault = {0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 77;
    if (reactor_create(&options, &fault)) return 1;
    return fault.os_error == error && strstr(fault.text, word) ? 0 : 2;
}

static void test_forbidden_is_a_sentence(void **state) {
    static const struct { int error; const char *word; } cases[] = {
        {EPERM, "kernel.io_uring_disabled"}, {ENOSYS, "seccomp"},         {EINVAL, "6.1"},
        {ENOMEM, "LimitMEMLOCK"},            {EMFILE, "io_uring_setup"},
    };
    for (size_t i = 0; i < array_count(cases); i++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(create_where_forbidden(cases[i].error, cases[i].word));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77) skip(); /* no filters here */
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),           cmocka_unit_test(test_more_than_the_queue_holds),
        cmocka_unit_test(test_timers),          cmocka_unit_test(test_tasks_and_hooks),
        cmocka_unit_test(test_stop_cancels),    cmocka_unit_test(test_own_thread),
        cmocka_unit_test(test_stop_empties_inboxes),
        cmocka_unit_test(test_placement),       cmocka_unit_test(test_forbidden_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
