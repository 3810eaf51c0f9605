/* SPDX-License-Identifier: Apache-2.0 */
/* test_disk_real: the store on the kernel's disk and a reactor's ring: objects of all sizes and streamed ones go in and come
 * back; locks; a file system without O_DIRECT; jobs with delays. `test_disk_real --speed DIR` measures instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/runtime/reactor.h"
#include "engine/store/disk_real.h"
#include "sim_objects.h"

struct bench {
    char dir[256];
    struct disk *disk;
    struct reactor *reactor;
    struct store_options options;
    struct store *store;
    struct log_writer *writers[SIM_LOGS];
    struct sim_objects objects;
    unsigned stopped;
};

static void stopped(void *context) { ((struct bench *)context)->stopped++; }

static void open_bench(struct bench *b) {
    struct fault fault = {0};
    b->store = store_open(b->disk, &b->options, &fault);
    if (!b->store) fail_msg("%s", fault.text);
    b->stopped = 0;
    b->objects.store = b->store;
    b->objects.loop = b->reactor;
    b->objects.run++;
    for (uint32_t log = 0; log < SIM_LOGS; log++) {
        struct log_writer_options options = {
            .log = log, .kind = log ? STORE_SMALL : STORE_BULK, .volume = STORE_ANY_VOLUME, .loop = b->reactor};
        b->writers[log] = log_writer_create(b->store, &options, &fault);
        assert_non_null(b->writers[log]);
    }
}

static void close_bench(struct bench *b) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_stop(b->writers[log], false, stopped, b);
    while (b->stopped < SIM_LOGS) reactor_turn(b->reactor, 1000);
    disk_settle(b->disk);
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_destroy(b->writers[log]);
    store_close(b->store);
    b->store = NULL;
}

static void start(struct bench *b, const char *parent) {
    struct fault fault = {0};
    memset(b, 0, sizeof *b);
    snprintf(b->dir, sizeof b->dir, "%s/leat-store-XXXXXX", parent);
    assert_non_null(mkdtemp(b->dir));
    b->disk = disk_real_create(&fault);
    b->reactor = reactor_create(&(struct reactor_options){.name = "test", .cpu = -1}, &fault);
    if (!b->reactor) fail_msg("%s", fault.text);
    b->options = (struct store_options){
        .dir = b->dir, .bulk_segment_bytes = 8 << 20, .small_segment_bytes = 1 << 20, .small_pool = 1, .bulk_pool = 1};
    sim_objects_init(&b->objects, 7);
    if (!store_create(b->disk, &b->options, &fault)) fail_msg("%s", fault.text);
}

static void end(struct bench *b) {
    char command[300];
    sim_objects_release(&b->objects);
    disk_destroy(b->disk);
    reactor_destroy(b->reactor);
    snprintf(command, sizeof command, "rm -rf '%s'", b->dir);
    assert_int_equal(system(command), 0);
}

static bool all_told(const struct bench *b) {
    for (uint32_t i = 0; i < b->objects.count; i++)
        if (b->objects.items[i].told == SIM_WAITING) return false;
    return true;
}

static void verify(struct bench *b) {
    struct fault fault = {0};
    struct store_options options = b->options;
    options.read_only = true;
    struct store *store = store_open(b->disk, &options, &fault);
    if (!store) fail_msg("%s", fault.text);
    if (!sim_objects_verify(&b->objects, store))
        fail_msg("object %llu: %s", (unsigned long long)b->objects.wrong_sequence, b->objects.wrong);
    store_close(store);
}

static void work(struct bench *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t log = i % 3 == 0 ? 0 : 1;
        bool streamed = i % 20 == 7;
        uint64_t bytes = streamed ? 5000000 + i : log ? i * 100 : i * 9001;
        struct sim_object *object = sim_objects_make(&b->objects, log, bytes, streamed);
        if (streamed)
            sim_objects_stream(object, b->store, b->writers[log], STORE_ANY_VOLUME);
        else
            log_writer_append(b->writers[log], &object->append);
    }
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_kick(b->writers[log]);
    while (!all_told(b)) reactor_turn(b->reactor, 1000);
    for (uint32_t i = 0; i < b->objects.count; i++) assert_int_equal(b->objects.items[i].told, SIM_ACKNOWLEDGED);
}

static void go(const char *parent) {
    struct bench b;
    struct fault fault = {0};
    start(&b, parent);
    for (int run = 0; run < 3; run++) {
        open_bench(&b);
        assert_null(store_open(b.disk, &b.options, &fault)); /* flock is per open file: our own process counts as another */
        assert_int_equal(fault.code, FAULT_LOCKED);
        char pid[32];
        snprintf(pid, sizeof pid, "process %d", getpid());
        assert_non_null(strstr(fault.text, pid));
        work(&b, 60);
        struct store_statistics statistics;
        store_get_statistics(b.store, &statistics);
        assert_true(statistics.disk_bytes > 0 && statistics.volumes[0].total_bytes > 0);
        assert_true(store_space(b.store));
        close_bench(&b);
        verify(&b);
    }
    end(&b);
}

static void test_disk(void **state) { go("/var/tmp"); }

static void test_without_direct_io(void **state) {
    if (access("/dev/shm", W_OK) == 0) go("/dev/shm");
}

struct timed {
    struct disk_job job;
    uint64_t started_ms;
    _Atomic uint64_t ran_ms; /* release by the job, acquire by the test */
};
static void run_timed(struct disk_job *job) { container_of(job, struct timed, job)->ran_ms = clock_monotonic_ms(); }

static void test_jobs(void **state) {
    struct disk *disk = disk_real_create(NULL);
    struct timed late = {.job = {.work = run_timed}}, soon = {.job = {.work = run_timed}};
    late.started_ms = clock_monotonic_ms();
    disk_start_job(disk, NULL, &late.job, 60000);
    disk_start_job(disk, NULL, &soon.job, 0);
    while (soon.ran_ms == 0) usleep(1000);
    assert_true(late.ran_ms == 0);
    disk_settle(disk); /* hurries the late one */
    assert_true(late.ran_ms >= late.started_ms && late.ran_ms < late.started_ms + 30000);
    disk_destroy(disk);
}

/* ---- speed ---- */

struct sender {
    struct append append;
    struct bench *bench;
    struct log_writer *writer;
    uint64_t *left, *flying;
    uint8_t crcs[64];
    struct iovec parts[8];
};

static void again(struct append *append) {
    struct sender *s = container_of(append, struct sender, append);
    invariant(append->result == APPEND_DURABLE);
    if (*s->left == 0) {
        --*s->flying;
        return;
    }
    --*s->left;
    s->append.record.sequence++;
    log_writer_append(s->writer, &s->append);
}

static void speed_of(struct bench *b, uint32_t log, uint64_t bytes, uint64_t senders, uint64_t count, const char *what) {
    struct sender *all = calloc(senders, sizeof *all);
    uint64_t left = count, flying = senders;
    void *payload = NULL;
    invariant(posix_memalign(&payload, 4096, bytes + 4096) == 0);
    memset(payload, 0x5a, bytes + 4096);
    struct log_writer_counters before, after;
    log_writer_get_counters(b->writers[log], &before);
    uint64_t began = clock_monotonic_ns();
    for (uint64_t i = 0; i < senders; i++) {
        struct sender *s = &all[i];
        *s = (struct sender){.bench = b, .writer = b->writers[log], .left = &left, .flying = &flying};
        s->append = (struct append){.payload = s->parts, .payload_bytes = bytes, .done = again};
        for (uint64_t at = 0; at < bytes; at += 262144)
            s->parts[s->append.payload_count++] =
                (struct iovec){(uint8_t *)payload + at, bytes - at < 262144 ? (size_t)(bytes - at) : 262144};
        s->append.record =
            (struct record){.type = RECORD_OBJECT, .sequence = i, .study_uid = slice_text("1.2.3"), .payload_length = bytes};
        s->append.record.block_crcs = slice_of(s->crcs, record_block_count(bytes) * 4);
        log_writer_append(s->writer, &s->append);
    }
    while (flying) {
        log_writer_kick(b->writers[log]);
        reactor_turn(b->reactor, 1000);
    }
    double seconds = (double)(clock_monotonic_ns() - began) / 1e9;
    log_writer_get_counters(b->writers[log], &after);
    printf("%-24s %8.0f /s  %7.1f MB/s  %llu syncs, %llu writes, waits for segment %llu\n", what,
           (double)(count + senders) / seconds, (double)(count + senders) * (double)bytes / seconds / 1e6,
           (unsigned long long)(after.syncs - before.syncs), (unsigned long long)(after.writes - before.writes),
           (unsigned long long)(after.waits_for_segment - before.waits_for_segment));
    free(all);
    free(payload);
}

static int speed(const char *dir) {
    struct bench b;
    start(&b, dir);
    b.options.bulk_segment_bytes = 1 << 30;
    b.options.small_segment_bytes = 256 << 20;
    b.options.bulk_pool = b.options.small_pool = 0;
    open_bench(&b);
    reactor_turn(b.reactor, 200);
    usleep(500000);
    speed_of(&b, 1, 1200, 1, 4000, "tiny 1.2 KB x1");
    speed_of(&b, 1, 1200, 64, 100000, "tiny 1.2 KB x64");
    speed_of(&b, 0, 525000, 1, 2000, "CT 525 KB x1");
    speed_of(&b, 0, 525000, 16, 8000, "CT 525 KB x16");
    speed_of(&b, 0, 132000, 16, 20000, "MR 132 KB x16");
    speed_of(&b, 0, 132000, 64, 20000, "MR 132 KB x64");
    close_bench(&b);
    end(&b);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--speed") == 0) return speed(argv[2]);
    log_set_level(LOG_WARN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_without_direct_io),
        cmocka_unit_test(test_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
