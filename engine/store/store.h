/* SPDX-License-Identifier: Apache-2.0 */
/* store: an archive's data folder: manifest, volumes, segments, streamed files; what is durable, and where. Appending is
 * log_writer.h's and store_stream.h's; this is open, replay, read, scrub.
 *
 * Life: store_create (once) -> store_open -> { store_replay; log writers; readers } -> store_close, after the writers were
 * destroyed. Threads: open, replay and close while nobody else uses it; store_read_*, store_scrub, statistics and questions from
 * any thread. On disk (README.md): DIR/lock, DIR/manifest, VOLUME/volume, VOLUME/segments/, VOLUME/pool/, VOLUME/streams/. */
#ifndef LEAT_STORE_STORE_H
#define LEAT_STORE_STORE_H

#include "engine/base/checksum.h"
#include "engine/base/fault.h"
#include "engine/store/disk.h"
#include "engine/store/record.h"

#define STORE_FORMAT_VERSION 1u
#define STORE_VOLUMES_MAX 64u
#define STORE_ANY_VOLUME UINT32_MAX

struct store;

/* How the records of a segment lie. */
enum store_kind {
    STORE_BULK = 1,  /* header and payload each begin at a multiple of 4096 */
    STORE_SMALL = 2, /* records packed at multiples of 8, in groups padded to 4096 */
};

struct store_options {
    const char *dir;
    const char *const *volumes;  /* folders for segments and streamed files; none: dir itself */
    size_t volume_count;
    uint64_t bulk_segment_bytes, small_segment_bytes; /* of new segments, multiples of 4096; 0 = 1 GiB, 256 MiB */
    uint64_t watermark_bytes;    /* store_space says "low" when a volume has less free than the larger of the two ... */
    uint32_t watermark_percent;  /* ... of its size */
    uint32_t bulk_pool, small_pool; /* written-before files kept ready on each volume, made in idle time; 0 = none */
    bool read_only;              /* nothing is written: for tools while no server runs */
    bool accept_missing;         /* segments whose files are gone are struck from the manifest (or, read_only, left out) */
    void (*turned_read_only)(void *context, const struct fault *why); /* once, any thread; NULL: only logged */
    void *context;
};

/* ---- life ---- */
enum store_presence { STORE_ABSENT, STORE_UNFINISHED, STORE_PRESENT };
/* Whether `dir` holds an archive. UNFINISHED: a creation was cut short; store_create and store_open both finish it. */
enum store_presence store_look(struct disk *disk, const char *dir);

/* Makes the archive (folders that are missing too). FAULT_CONFIG: there is one already, or the folder holds other things' files
 * that would be ours. The archive exists when one rename was made; before that, another store_create starts over. */
bool store_create(struct disk *disk, const struct store_options *options, struct fault *fault);

/* Opens, locks, finds the ends of segments that were active and records them (not read_only), treats streamed files without a
 * record. NULL with FAULT_MISSING (no archive; a volume; a segment, named), FAULT_LOCKED (names the pid), FAULT_NEWER_FORMAT,
 * FAULT_CORRUPT, FAULT_IO, FAULT_NO_SPACE. disk: borrowed, outlives the store. Folders that the manifest doesn't know yet become
 * volumes. */
struct store *store_open(struct disk *disk, const struct store_options *options, struct fault *fault);

/* Waits until the background work that was begun so far is done, and its `done` is posted where it belongs: before a loop that
 * was given to writers or streams is destroyed. Any thread but a loop. */
void store_settle(struct store *store);

/* No writer, stream or reader may be left. NULL is allowed. */
void store_close(struct store *store);

/* ---- questions: any thread ---- */
const uint8_t *store_secret(const struct store *store);     /* DIGEST_SECRET_BYTES, for digests and the catalog's keys */
const uint8_t *store_archive_id(const struct store *store); /* 16 bytes */
bool store_is_read_only(const struct store *store);         /* opened so, or turned so by a failure */

/* Whether there is room for new objects: false when every volume is below its watermark. Asks the file systems at most every 100
 * ms. */
bool store_space(struct store *store);

/* The file system of `path` (the index's folder) must stay above the watermark as well: without its head-room nothing could be
 * filed. Borrowed: outlives the store. Before other threads use it. */
void store_watch_space(struct store *store, const char *path);

struct store_volume {
    uint32_t number;
    const char *path;
    uint64_t free_bytes, total_bytes;
    uint32_t segments;
    uint64_t segment_bytes; /* of records, up to the sealed or durable ends */
    uint64_t disk_bytes;    /* of files: segments, pool, streamed files */
    bool low;               /* below its watermark */
};
struct store_statistics {
    uint64_t disk_bytes;                  /* all volumes and the manifest */
    uint32_t segments, missing_segments;
    uint32_t volume_count;
    struct store_volume volumes[STORE_VOLUMES_MAX];
};
void store_get_statistics(struct store *store, struct store_statistics *statistics);

struct store_segment {
    uint32_t number, log, volume;
    enum store_kind kind;
    uint8_t id[RECORD_ID_BYTES];
    bool sealed;            /* its end is final */
    bool missing;           /* its file is gone, which was accepted */
    uint64_t end;           /* sealed end, or durable end so far; records lie in [4096, end) */
};
/* In the order of their numbers; the visitor returns false to stop. */
void store_each_segment(struct store *store, bool (*visit)(void *context, const struct store_segment *segment), void *context);

/* ---- replay ---- */
/* All records of `log` before (segment, offset) are known; a log without a position is replayed from its start. */
struct store_position {
    uint32_t log, segment;
    uint64_t offset;
};
/* Returns false to stop (then *fault is the visitor's to fill). next_offset: where the record after this one begins, in
 * place.segment. */
typedef bool store_visitor(void *context, const struct record *record, struct place place, uint32_t log, uint64_t next_offset,
                           struct fault *fault);
/* Each log from its position, in its order: segments by number, records by offset. Damage below an end, and a position beyond
 * one, is FAULT_CORRUPT after everything that can be read was visited. Payloads aren't read. */
bool store_replay(struct store *store, const struct store_position *positions, size_t count, store_visitor *visit, void *context,
                  struct fault *fault);

/* ---- reading: any thread, blocking ---- */
/* A record's header, decoded into a buffer of the reader's own. */
struct store_header {
    struct record record;
    struct record_frame frame;
    uint8_t *memory; /* store_header_release */
};
bool store_read_header(struct store *store, struct place place, struct store_header *header, struct fault *fault);
void store_header_release(struct store_header *header);

/* Blocks of the payload in order, each verified before it is given, good until the call returns; false to stop
 * (FAULT_CANCELLED). */
typedef bool store_block_visitor(void *context, struct slice block, uint64_t offset);
bool store_read_payload(struct store *store, struct place place, store_block_visitor *visit, void *context, struct fault *fault);

/* The same, pulled: for senders that wait for their peers. */
struct store_payload;
struct store_payload *store_payload_open(struct store *store, struct place place, struct fault *fault);
const struct record *store_payload_record(const struct store_payload *payload);
/* The next verified block (at most 1 MiB), good until the next call; length 0: the end. false: fault. */
bool store_payload_next(struct store_payload *payload, struct slice *block, struct fault *fault);
void store_payload_close(struct store_payload *payload); /* NULL is allowed */

/* ---- scrub ---- */
/* Every record up to the ends: header, payload, streamed file. bad: NULL when whole; record is NULL when its header is not
 * readable (the rest of that segment can't be found then, and bad says so). done_bytes of total_bytes of records were read. False
 * to stop. */
typedef bool store_scrub_visitor(void *context, const struct record *record, struct place place, const struct fault *bad,
                                 uint64_t done_bytes, uint64_t total_bytes);
/* True: the walk was finished (whatever it found). */
bool store_scrub(struct store *store, store_scrub_visitor *visit, void *context, struct fault *fault);

#endif
