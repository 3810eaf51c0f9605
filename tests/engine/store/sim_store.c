/* SPDX-License-Identifier: Apache-2.0 */
/* sim_store: the store on a disk that does its worst. For each seed: create an archive, then rounds of a random workload on two
 * logs, each ended by a power cut (or an orderly stop), a recovery that may be cut itself, and a verification of everything that
 * must be true (sim_objects.c). At the end without faults: everything is accepted again, and a scrub finds nothing bad.
 *
 *   sim_store [--seeds N] [--seed S] [--first S] [--verbose]
 * A failing seed is printed and replays with --seed. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/store/disk_sim.h"
#include "engine/store/disk_sim_file.h"
#include "engine/store/segment.h"
#include "sim_objects.h"

#define ROUNDS_MAX 12u
#define BULK_LOG 0u
#define SMALL_LOG 1u

struct run {
    uint64_t seed;
    struct sim_random random;
    struct disk *disk;
    struct store_options options;
    const char *volumes[2];
    struct store *store;
    struct log_writer *writers[SIM_LOGS];
    struct sim_objects objects;
    unsigned stopped;
    bool verbose;
    uint64_t cuts;
};

static uint64_t below(struct run *run, uint64_t bound) { return sim_below(&run->random, bound); }
static void wrong(struct run *run, const char *what) { sim_objects_fail(&run->objects, what, 0); }
#define say(run, ...) ((run)->verbose ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)

/* ---- chance ---- */

static void set_faults(struct run *run) {
    struct disk_sim_faults faults = {0};
    uint64_t profile = below(run, 8);
    if (profile == 1) faults.write_error = 20000 + (uint32_t)below(run, 100000);
    if (profile == 2) faults.write_short = 20000 + (uint32_t)below(run, 200000);
    if (profile == 3) faults.sync_error = 10000 + (uint32_t)below(run, 200000);
    if (profile == 4) faults.no_space = 10000 + (uint32_t)below(run, 100000);
    if (profile == 5)
        faults = (struct disk_sim_faults){
            .write_error = (uint32_t)below(run, 50000),
            .write_short = (uint32_t)below(run, 50000),
            .sync_error = (uint32_t)below(run, 50000),
            .read_error = (uint32_t)below(run, 20000),
            .name_error = (uint32_t)below(run, 20000),
            .no_space = (uint32_t)below(run, 20000),
        };
    faults.read_short = 100000;
    disk_sim_set_faults(run->disk, &faults);
    disk_sim_set_capacity(run->disk, profile == 6 ? (64 + below(run, 512)) * 4096 : UINT64_MAX / 2);
}

static void no_faults(struct run *run) {
    disk_sim_set_faults(run->disk, NULL);
    disk_sim_set_capacity(run->disk, UINT64_MAX / 2);
}

/* ---- the power ---- */

static void drop(struct run *run) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_destroy(run->writers[log]);
    store_close(run->store);
    run->store = NULL;
    memset(run->writers, 0, sizeof run->writers);
}

static void cut(struct run *run) {
    disk_sim_forget(run->disk);
    drop(run);
    sim_objects_forget(&run->objects);
    if (below(run, 4) == 0)
        disk_sim_revive(run->disk);
    else
        disk_sim_restart(run->disk);
    run->cuts++;
}

/* ---- opening ---- */

/* Tries with faults and cuts; false: it was cut or failed, which is allowed then. */
static bool try_open(struct run *run, bool may_fail) {
    struct fault fault = {0};
    run->store = store_open(run->disk, &run->options, &fault);
    run->objects.store = run->store;
    if (run->store) return true;
    say(run, "  open: %s\n", fault.text);
    if (!may_fail && !disk_sim_is_cut(run->disk)) {
        static char text[300];
        snprintf(text, sizeof text, "opening fails without a reason: %s", fault.text);
        wrong(run, text);
    }
    return false;
}

/* Recovery, cut and failing now and then, until it is done without either. */
static void recover(struct run *run) {
    for (uint64_t tries = below(run, 4); tries > 0 && !run->objects.wrong; tries--) {
        if (below(run, 2)) set_faults(run);
        disk_sim_cut_after(run->disk, (uint32_t)below(run, 120));
        bool open = try_open(run, true);
        say(run, "  recovery %s\n", disk_sim_is_cut(run->disk) ? "cut" : open ? "done" : "failed");
        cut(run);
        no_faults(run);
    }
}

/* Records are found without the header block; an independent reader may want it. */
static bool check_header(void *context, const struct store_segment *segment) {
    struct run *run = context;
    char path[128];
    uint8_t block[SEGMENT_HEADER_BYTES];
    struct disk_file *file;
    struct segment_header header;
    snprintf(path, sizeof path, "%s/segments/%010u.seg", run->volumes[segment->volume - 1], segment->number);
    if (disk_open(run->disk, path, DISK_READ, &file)) {
        wrong(run, "a segment can't be opened");
        return false;
    }
    bool ok = disk_read_full(file, block, sizeof block, 0) == (int64_t)sizeof block && segment_decode(block, &header, NULL)
              && header.number == segment->number && header.log == segment->log;
    disk_close(file);
    if (!ok) wrong(run, "a segment has a bad header");
    return ok;
}

static void verify(struct run *run) {
    no_faults(run);
    struct store_options options = run->options;
    options.read_only = below(run, 2); /* both must find the same */
    struct fault fault = {0};
    struct store *store = store_open(run->disk, &options, &fault);
    if (!store) {
        static char text[300];
        snprintf(text, sizeof text, "opening for verification fails: %s", fault.text);
        wrong(run, text);
        return;
    }
    run->objects.store = store;
    sim_objects_verify(&run->objects, store);
    store_each_segment(store, check_header, run);
    store_close(store);
    if (!run->objects.wrong && !disk_sim_is_cut(run->disk) && disk_sim_open_files(run->disk)) wrong(run, "files are left open");
}

/* ---- workload ---- */

static void stopped(void *context) { ((struct run *)context)->stopped++; }

static uint64_t random_bytes_of(struct run *run, uint32_t log) {
    if (log == SMALL_LOG) return below(run, 8) ? below(run, 3000) : below(run, 20000);
    if (below(run, 300) == 0)
        return 1000000 + below(run, 300000); /* more than one CRC block; in a segment only where they are larger */
    return below(run, 4) ? below(run, 40000) : below(run, 9000);
}

static void append_one(struct run *run) {
    uint32_t log = below(run, 3) ? SMALL_LOG : BULK_LOG;
    bool streamed = below(run, 12) == 0;
    uint64_t bytes = streamed ? 1 + below(run, 60000) : random_bytes_of(run, log);
    struct sim_object *object = sim_objects_make(&run->objects, log, bytes, streamed);
    if (!object) return;
    if (streamed)
        sim_objects_stream(object, run->store, run->writers[log], STORE_ANY_VOLUME);
    else
        log_writer_append(run->writers[log], &object->append);
    if (below(run, 3)) log_writer_kick(run->writers[log]);
}

static void kick(struct run *run) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_kick(run->writers[log]);
}

/* Completions move the log on by themselves: a kick belongs to appends only. */
static void step(struct run *run) { disk_sim_step(run->disk); }

static bool has_waiting(const struct run *run) {
    for (uint32_t i = 0; i < run->objects.count; i++)
        if (run->objects.items[i].told == SIM_WAITING) return true;
    return false;
}

/* Until nothing waits. Something that waits for nothing is a machine that stands still. */
static void drain(struct run *run, bool (*done)(const struct run *run), const char *what) {
    kick(run);
    for (uint32_t turns = 0; !disk_sim_is_cut(run->disk) && !done(run); turns++) {
        if (disk_sim_waiting(run->disk) == 0 || turns > 200000) {
            wrong(run, what);
            return;
        }
        step(run);
    }
}

static bool all_told(const struct run *run) { return !has_waiting(run); }
static bool all_stopped(const struct run *run) { return run->stopped == SIM_LOGS; }

static bool start_writers(struct run *run) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) {
        struct log_writer_options options = {
            .log = log,
            .kind = log == BULK_LOG ? STORE_BULK : STORE_SMALL,
            .volume = STORE_ANY_VOLUME,
            .device_bytes = 65536,
            .group_bytes = log == BULK_LOG ? 16384 : 8192,
        };
        struct fault fault;
        run->writers[log] = log_writer_create(run->store, &options, &fault);
        if (!run->writers[log]) return false;
    }
    run->stopped = 0;
    run->objects.run++;
    return true;
}

static void work(struct run *run) {
    if (!start_writers(run)) return;
    uint64_t appends = 5 + below(run, 60), burst = 1 + below(run, 8);
    while (appends > 0 && !disk_sim_is_cut(run->disk)) {
        for (uint64_t i = below(run, burst + 1); i > 0 && appends > 0; i--, appends--) append_one(run);
        for (uint64_t i = below(run, 2 * burst + 2); i > 0 && !disk_sim_is_cut(run->disk); i--) step(run);
    }
}

/* Streams that were kept are still moved by jobs when the writers have stopped. */
static bool quiet(const struct run *run) { return disk_sim_waiting(run->disk) == 0; }

static void stop(struct run *run) {
    bool abort = below(run, 3) == 0;
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_stop(run->writers[log], abort, stopped, run);
    drain(run, all_stopped, "the writers don't stop");
    drain(run, all_told, "an object isn't told its end");
    if (!run->options.small_pool && !run->options.bulk_pool) drain(run, quiet, "something goes on for ever");
}

static void round_of(struct run *run) {
    set_faults(run);
    disk_sim_cut_after(run->disk, (uint32_t)(below(run, 4) ? below(run, 900) : 1000000));
    if (try_open(run, true)) {
        work(run);
        if (run->writers[0] && run->writers[1] && !disk_sim_is_cut(run->disk)) {
            drain(run, all_told, "the log stands still");
            if (below(run, 2)) stop(run);
        }
    }
    say(run, "  round: %u objects, %llu acknowledged, %llu refused, %s\n", run->objects.count,
        (unsigned long long)run->objects.acknowledged, (unsigned long long)run->objects.refused,
        disk_sim_is_cut(run->disk) ? "cut" : "over");
    cut(run);
    no_faults(run);
}

/* ---- a seed ---- */

static void create(struct run *run) {
    for (int tries = 0; tries < 3; tries++) {
        if (below(run, 2)) set_faults(run);
        disk_sim_cut_after(run->disk, (uint32_t)below(run, 60));
        bool made = store_create(run->disk, &run->options, NULL);
        bool is_cut = disk_sim_is_cut(run->disk);
        if (made && !is_cut && store_look(run->disk, run->options.dir) != STORE_PRESENT && !disk_sim_is_cut(run->disk))
            wrong(run, "created, but not there");
        disk_sim_forget(run->disk);
        disk_sim_restart(run->disk);
        no_faults(run);
        run->cuts++;
        enum store_presence presence = store_look(run->disk, run->options.dir);
        if (made && presence != STORE_PRESENT) wrong(run, "the archive was created and is gone");
        if (presence == STORE_PRESENT) return;
    }
    struct fault fault;
    if (!store_create(run->disk, &run->options, &fault)) wrong(run, "creation fails without a reason");
}

static bool no_bad(void *context, const struct record *record, struct place place, const struct fault *bad, uint64_t done_bytes,
                   uint64_t total_bytes) {
    struct run *run = context;
    if (bad) {
        static char text[300];
        snprintf(text, sizeof text, "scrub: %s", bad->text);
        sim_objects_fail(&run->objects, text, record ? record->sequence : 0);
    }
    return true;
}

/* With a good disk everything works again. */
static void finish(struct run *run) {
    no_faults(run);
    if (!try_open(run, false) || !start_writers(run)) return;
    uint64_t refused = run->objects.refused;
    for (int i = 0; i < 6; i++) append_one(run);
    drain(run, all_told, "the log stands still on a good disk");
    for (uint32_t i = run->objects.count; refused != run->objects.refused && i > 0; i--)
        if (run->objects.items[i - 1].bytes < 100000 && run->objects.items[i - 1].told == SIM_REFUSED
            && run->objects.count - i < 6)
            sim_objects_fail(&run->objects, "a good disk refuses", i);
    stop(run);
    struct fault fault;
    if (!run->objects.wrong && !store_scrub(run->store, no_bad, run, &fault)) wrong(run, "scrub doesn't finish");
    drop(run);
    verify(run);
}

static const char *one_seed(uint64_t seed, bool verbose, uint64_t *cuts) {
    struct run run = {.seed = seed, .random = {seed * 0x9e3779b97f4a7c15u + 1}, .verbose = verbose};
    run.disk = disk_sim_create(seed);
    run.options = (struct store_options){
        .dir = "/a/archive", .volumes = run.volumes, .bulk_segment_bytes = 131072, .small_segment_bytes = 65536};
    run.volumes[0] = "/a/archive";
    run.volumes[1] = "/b/volume";
    run.options.volume_count = below(&run, 4) ? 1 : 2;
    if (below(&run, 8) == 0) run.options.bulk_segment_bytes = 2 << 20;
    if (below(&run, 4) == 0) run.options.small_pool = run.options.bulk_pool = 1;
    disk_mkdir(run.disk, "/a");
    disk_mkdir(run.disk, "/b");
    disk_sync_dir(run.disk, "/");
    sim_objects_init(&run.objects, seed);
    create(&run);
    for (uint64_t rounds = 1 + below(&run, ROUNDS_MAX); rounds > 0 && !run.objects.wrong; rounds--) {
        round_of(&run);
        if (!run.objects.wrong) recover(&run);
        if (!run.objects.wrong) verify(&run);
    }
    if (!run.objects.wrong) finish(&run);
    const char *what = run.objects.wrong;
    if (what) {
        printf("seed %llu: %s", (unsigned long long)seed, what);
        if (run.objects.wrong_sequence) printf(" (object %llu)", (unsigned long long)run.objects.wrong_sequence);
        printf("\n");
    }
    if (run.writers[0] || run.store) {
        disk_sim_forget(run.disk);
        drop(&run);
    }
    sim_objects_release(&run.objects);
    disk_destroy(run.disk);
    *cuts += run.cuts;
    return what;
}

int main(int argc, char **argv) {
    uint64_t first = 1, seeds = 1000;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) verbose = true;
        if (i + 1 == argc) continue;
        if (strcmp(argv[i], "--seeds") == 0) seeds = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--first") == 0 || strcmp(argv[i], "--seed") == 0) first = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0) seeds = 1;
    }
    log_set_level(verbose ? LOG_INFO : (enum log_level)(LOG_ERROR + 1));
    uint64_t cuts = 0, bad = 0, began = clock_monotonic_ns();
    for (uint64_t seed = first; seed < first + seeds && bad < 20; seed++) bad += one_seed(seed, verbose, &cuts) != NULL;
    double seconds = (double)(clock_monotonic_ns() - began) / 1e9;
    printf("%llu seeds, %llu cuts, %llu bad, %.1f s: %.0f cuts/s\n", (unsigned long long)seeds, (unsigned long long)cuts,
           (unsigned long long)bad, seconds, (double)cuts / seconds);
    return bad != 0;
}
