/* SPDX-License-Identifier: Apache-2.0 */
/* store_fixture: an archive with a bulk and a small log on a simulated disk, for unit tests: objects go in, the test says what
 * fails. */
#ifndef LEAT_TESTS_STORE_FIXTURE_H
#define LEAT_TESTS_STORE_FIXTURE_H

#include "engine/store/disk_sim.h"
#include "sim_objects.h"

#define FIXTURE_BULK 0u
#define FIXTURE_SMALL 1u
#define FIXTURE_DIR "/a/archive"

struct fixture {
    struct disk *disk;
    struct store_options options;
    struct store *store;
    struct log_writer *writers[SIM_LOGS];
    struct sim_objects objects;
    unsigned stopped;
    unsigned turned_read_only;
};

/* The disk with an empty archive of small segments; not opened. options may be changed before. */
void fixture_init(struct fixture *fixture, uint64_t seed);
/* Opens the store and starts both writers. */
void fixture_open(struct fixture *fixture);
/* Stops the writers in order and closes. */
void fixture_close(struct fixture *fixture);
/* The power fails now and is back. */
void fixture_cut(struct fixture *fixture);
void fixture_release(struct fixture *fixture);

/* Queues an object; nothing moves yet. */
struct sim_object *fixture_append(struct fixture *fixture, uint32_t log, uint64_t bytes);
struct sim_object *fixture_stream(struct fixture *fixture, uint32_t log, uint64_t bytes);
/* Kicks both writers and completes what waits, until every object was told its end. */
void fixture_run(struct fixture *fixture);
/* Opens a read-only store and verifies everything. */
void fixture_verify(struct fixture *fixture);

#endif
