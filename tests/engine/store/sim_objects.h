/* SPDX-License-Identifier: Apache-2.0 */
/* sim_objects: what the simulation knows of each object: its bytes (a function of seed and sequence), what its sender was told,
 * where it was, and whether it may still turn up. */
#ifndef LEAT_TESTS_SIM_OBJECTS_H
#define LEAT_TESTS_SIM_OBJECTS_H

#include "engine/store/log_writer.h"
#include "engine/store/store_stream.h"

#define SIM_OBJECTS 1024u
#define SIM_LOGS 2u

enum sim_told { SIM_NOTHING, SIM_WAITING, SIM_ACKNOWLEDGED, SIM_REFUSED };

struct sim_object {
    struct append append;
    struct sim_objects *objects;
    uint64_t sequence; /* its index + 1 */
    uint64_t bytes;
    uint8_t *payload;  /* aligned, while it is being appended */
    uint32_t log, run;
    struct iovec parts[4];
    uint8_t crcs[64];
    char uid[32];
    enum sim_told told;
    uint64_t told_at;   /* order of acknowledgements */
    struct place place; /* when acknowledged */
    uint64_t next_offset;
    bool forbidden;     /* refused, or seen to be gone: must never turn up (again) */
    uint32_t seen;      /* in the verification under way */
    /* streamed */
    bool streamed, stream_failed;
    struct store_stream *stream;
    struct store_stream_write writes[2];
    struct log_writer *writer;
    uint8_t stream_file[RECORD_ID_BYTES];
};

struct sim_objects {
    uint64_t seed;
    struct store *store; /* the open one */
    void *loop;          /* of streams; NULL with a simulated disk */
    struct sim_object *items;
    uint32_t count, run; /* run: of the server, from 1 */
    uint64_t clock;
    uint64_t acknowledged, refused;
    const char *wrong; /* the first thing that went wrong */
    uint64_t wrong_sequence;
};

void sim_objects_init(struct sim_objects *objects, uint64_t seed);
void sim_objects_release(struct sim_objects *objects);
/* A new one, ready for log_writer_append or a stream. NULL: SIM_OBJECTS are used up. */
struct sim_object *sim_objects_make(struct sim_objects *objects, uint32_t log, uint64_t bytes, bool streamed);
/* After a cut: whoever waited was told nothing. Frees their payloads. */
void sim_objects_forget(struct sim_objects *objects);
void sim_objects_stream(struct sim_object *object, struct store *store, struct log_writer *writer, uint32_t volume);
/* Everything that has to be true of what is in the store. */
bool sim_objects_verify(struct sim_objects *objects, struct store *store);
void sim_objects_fail(struct sim_objects *objects, const char *what, uint64_t sequence);

#endif
