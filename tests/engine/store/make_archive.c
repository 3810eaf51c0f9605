/* SPDX-License-Identifier: Apache-2.0 */
/* make_archive DIR PAYLOADS: makes an archive in DIR on the real disk with objects of many sizes, streamed ones and some of the
 * same identity, and writes what each payload is into PAYLOADS/SEQUENCE, for readers that were written by somebody else
 * (test_unpack.py). Ends without stopping the writers when a third argument is given: as a killed server would. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/runtime/reactor.h"
#include "engine/store/disk_real.h"
#include "sim_objects.h"

static unsigned stopped;
static void note_stopped(void *context) { stopped++; }

static bool all_told(const struct sim_objects *objects) {
    for (uint32_t i = 0; i < objects->count; i++)
        if (objects->items[i].told == SIM_WAITING) return false;
    return true;
}

static void write_payload(const char *folder, const struct sim_object *object) {
    char path[512];
    snprintf(path, sizeof path, "%s/%llu", folder, (unsigned long long)object->sequence);
    FILE *file = fopen(path, "wb");
    invariant(file && fwrite(object->payload, 1, object->bytes, file) == object->bytes);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    struct fault fault = {0};
    struct disk *disk = disk_real_create(&fault);
    struct reactor *reactor = reactor_create(&(struct reactor_options){.name = "make", .cpu = -1}, &fault);
    struct store_options options = {.dir = argv[1], .bulk_segment_bytes = 16 << 20, .small_segment_bytes = 1 << 20};
    struct sim_objects objects;
    sim_objects_init(&objects, 3);
    if (!reactor || !store_create(disk, &options, &fault) || !(objects.store = store_open(disk, &options, &fault))) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    objects.loop = reactor;
    struct log_writer *writers[SIM_LOGS];
    for (uint32_t log = 0; log < SIM_LOGS; log++)
        writers[log] = log_writer_create(objects.store,
                                         &(struct log_writer_options){.log = log,
                                                                      .kind = log ? STORE_SMALL : STORE_BULK,
                                                                      .volume = STORE_ANY_VOLUME,
                                                                      .loop = reactor},
                                         &fault);
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t log = i % 3 == 0 ? 0 : 1;
        bool streamed = i % 40 == 7;
        uint64_t bytes = streamed ? 3000000 + i : log ? i * 100 : i * 9001;
        struct sim_object *object = sim_objects_make(&objects, log, bytes, streamed);
        if (i == 150) snprintf(object->uid, sizeof object->uid, "1.2.3.4"); /* another version of the fourth one */
        object->append.record.study_uid = object->append.record.series_uid = object->append.record.sop_uid =
            slice_text(object->uid);
        object->append.record.sop_class_uid = slice_text("1.2.840.10008.5.1.4.1.1.7");
        object->append.record.transfer_syntax_uid = slice_text("1.2.840.10008.1.2.1");
        object->append.record.calling_aet = slice_text("SENDER");
        write_payload(argv[2], object);
        if (streamed)
            sim_objects_stream(object, objects.store, writers[log], STORE_ANY_VOLUME);
        else
            log_writer_append(writers[log], &object->append);
    }
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_kick(writers[log]);
    while (!all_told(&objects)) reactor_turn(reactor, 1000);
    if (argc > 3) _exit(0);
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_stop(writers[log], false, note_stopped, NULL);
    while (stopped < SIM_LOGS) reactor_turn(reactor, 1000);
    disk_settle(disk);
    for (uint32_t log = 0; log < SIM_LOGS; log++) log_writer_destroy(writers[log]);
    store_close(objects.store);
    sim_objects_release(&objects);
    disk_destroy(disk);
    reactor_destroy(reactor);
    return 0;
}
