/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include <stdio.h>

#include "engine/base/check.h"

static void note_read_only(void *context, const struct fault *why) { ((struct fixture *)context)->turned_read_only++; }

void fixture_init(struct fixture *f, uint64_t seed) {
    struct fault fault;
    *f = (struct fixture){.disk = disk_sim_create(seed)};
    f->options = (struct store_options){
        .dir = FIXTURE_DIR,
        .bulk_segment_bytes = 256 * 1024,
        .small_segment_bytes = 64 * 1024,
        .turned_read_only = note_read_only,
        .context = f,
    };
    disk_mkdir(f->disk, "/a");
    sim_objects_init(&f->objects, seed);
    invariant(store_create(f->disk, &f->options, &fault));
}

void fixture_open(struct fixture *f) {
    struct fault fault = {0};
    f->store = store_open(f->disk, &f->options, &fault);
    if (!f->store) fprintf(stderr, "%s\n", fault.text);
    invariant(f->store);
    f->objects.store = f->store;
    f->stopped = 0;
    f->objects.run++;
    for (uint32_t log = 0; log < SIM_LOGS; log++) {
        struct log_writer_options options = {
            .log = log,
            .kind = log == FIXTURE_BULK ? STORE_BULK : STORE_SMALL,
            .volume = STORE_ANY_VOLUME,
            .group_bytes = 16384,
        };
        f->writers[log] = log_writer_create(f->store, &options, &fault);
        invariant(f->writers[log]);
    }
}

static void drop(struct fixture *f) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_destroy(f->writers[log]);
    store_close(f->store);
    f->store = NULL;
    memset(f->writers, 0, sizeof f->writers);
}

static void stopped(void *context) { ((struct fixture *)context)->stopped++; }

void fixture_close(struct fixture *f) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_stop(f->writers[log], false, stopped, f);
    while (f->stopped < SIM_LOGS) invariant(disk_sim_step(f->disk));
    while (disk_sim_waiting(f->disk)) disk_sim_step(f->disk);
    drop(f);
}

void fixture_cut(struct fixture *f) {
    disk_sim_cut_after(f->disk, 0);
    drop(f);
    sim_objects_forget(&f->objects);
    disk_sim_restart(f->disk);
}

void fixture_release(struct fixture *f) {
    if (f->store) fixture_cut(f);
    sim_objects_release(&f->objects);
    disk_destroy(f->disk);
}

struct sim_object *fixture_append(struct fixture *f, uint32_t log, uint64_t bytes) {
    struct sim_object *object = sim_objects_make(&f->objects, log, bytes, false);
    log_writer_append(f->writers[log], &object->append);
    return object;
}

struct sim_object *fixture_stream(struct fixture *f, uint32_t log, uint64_t bytes) {
    struct sim_object *object = sim_objects_make(&f->objects, log, bytes, true);
    sim_objects_stream(object, f->store, f->writers[log], STORE_ANY_VOLUME);
    return object;
}

static bool all_told(const struct fixture *f) {
    for (uint32_t i = 0; i < f->objects.count; i++)
        if (f->objects.items[i].told == SIM_WAITING) return false;
    return true;
}

void fixture_run(struct fixture *f) {
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_kick(f->writers[log]);
    while (!all_told(f)) invariant(disk_sim_step(f->disk));
}

void fixture_verify(struct fixture *f) {
    struct store_options options = f->options;
    struct fault fault = {0};
    options.read_only = true;
    struct store *store = store_open(f->disk, &options, &fault);
    if (!store) fprintf(stderr, "%s\n", fault.text);
    invariant(store);
    if (!sim_objects_verify(&f->objects, store))
        fprintf(stderr, "object %llu: %s\n", (unsigned long long)f->objects.wrong_sequence, f->objects.wrong);
    invariant(!f->objects.wrong);
    store_close(store);
}
