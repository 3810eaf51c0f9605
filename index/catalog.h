/* SPDX-License-Identifier: Apache-2.0 */
/* catalog: the index of the archive: patients, studies, series, instances, what was superseded, quarantined or refused, and
 * counts of all. A view: every row follows from the set of records in the logs, whatever their order and however often each is
 * applied (README.md).
 *
 * Life: catalog_open -> { readers: lookup, each, find, totals | the committer: batch_begin, apply, position, commit; tick }
 * -> catalog_close.
 * Threads: one committer (everything in catalog_batch.h, catalog_tick, catalog_flush); any number of readers at the same time
 * (everything else); open, close and wipe while nobody else is there. Readers see whole batches only.
 *
 * What a reader is given points into memory of the call: it is good until the visitor returns. */
#ifndef LEAT_INDEX_CATALOG_H
#define LEAT_INDEX_CATALOG_H

#include "engine/base/checksum.h"
#include "engine/base/fault.h"
#include "engine/base/slice.h"
#include "engine/store/record.h" /* struct record, struct place */
#include "index/row_counts.h"   /* struct catalog_counts */
#include "index/values.h"

#define CATALOG_KEY_BYTES 12
#define CATALOG_LOGS_MAX 16

struct catalog;

struct catalog_options {
    uint8_t secret[DIGEST_SECRET_BYTES]; /* the archive's: keys are digests under it, so rows of two archives never look alike */
    uint64_t memory_bytes;               /* block cache and write buffers; 0 = 64 MiB. Filters come on top unless: */
    bool filters_in_cache;               /* they share the cache: bounded, but a duplicate check may cost reads (README.md) */
    bool direct_io;                      /* flush and compaction past the page cache */
    bool read_only;                      /* another process may have it open; nothing is created */
    uint32_t flush_records;              /* a flush is begun after so many records (0 = 250,000) */
    uint32_t flush_interval_ms;          /* and after so long when anything changed (0 = 10,000) */
    uint32_t test_key_bits;              /* tests only: hash keys have so many bits (0 = all), so that collisions happen */
};

/* Opens (and creates, unless read_only) the catalog in folder `dir`. NULL on failure: FAULT_NEWER_FORMAT, FAULT_MISSING
 * (read_only and nothing there), FAULT_CORRUPT, FAULT_IO, FAULT_NO_SPACE, FAULT_LOCKED. The options are copied. */
struct catalog *catalog_open(const char *dir, const struct catalog_options *options, struct fault *fault);

/* Flushes what is in memory and closes. NULL is allowed. */
void catalog_close(struct catalog *catalog);

/* Closes without a flush: what a crash leaves behind. For tests. */
void catalog_abandon(struct catalog *catalog);

/* Removes every row of a closed catalog, for `leat rebuild`; the folder stays. True also where there was none. */
bool catalog_wipe(const char *dir, struct fault *fault);

/* ---- point reads, any thread ---- */
enum catalog_found {
    CATALOG_NONE,      /* no such instance */
    CATALOG_FOUND,     /* *hit is its current version */
    CATALOG_COLLISION, /* another UID has this key (a chance of 2^-90 in an archive): it can't be filed; log it as a problem */
    CATALOG_ERROR,     /* the read failed: *fault */
};

struct catalog_hit {
    struct place place;
    uint8_t digest[DIGEST_BYTES];
    uint64_t payload_length;
    uint64_t sequence;
    bool quarantined; /* its series is */
};

/* The instance (Study, Series, SOP Instance UID), compared whole; UIDs without padding (uid_trim). */
enum catalog_found catalog_lookup(struct catalog *catalog, struct slice study_uid, struct slice series_uid, struct slice sop_uid,
                                  struct catalog_hit *hit, struct fault *fault);

/* ---- checkpoint ---- */
/* All records of `log` before (segment, offset), in that log's order, are in the rows. */
struct catalog_position {
    uint32_t log;
    uint32_t segment;
    uint64_t offset;
};

/* The positions that a crash would leave (RocksDB's persisted tier), or with `persisted` false those of the last batch. Returns
 * how many (<= CATALOG_LOGS_MAX), or -1. Any thread. */
int catalog_positions(struct catalog *catalog, bool persisted, struct catalog_position out[CATALOG_LOGS_MAX],
                      struct fault *fault);

/* Writes everything to stable storage, waiting for it. Committer's thread. */
bool catalog_flush(struct catalog *catalog, struct fault *fault);

/* Begins a flush where flush_interval_ms says so; tries to resume after an error of the disk. Committer's thread, about once a
 * second. False while the catalog can't take batches (*fault says why; it recovers by itself when there is space again). */
bool catalog_tick(struct catalog *catalog, uint64_t now_ms, struct fault *fault);

/* Whether a background error stands: batches fail until it is gone. Any thread. */
bool catalog_healthy(struct catalog *catalog, struct fault *fault);

/* ---- counts ---- */
struct catalog_totals {
    uint64_t patients, studies, series, instances; /* visible: those with at least one instance that is not quarantined */
    uint64_t bytes;                                /* data sets of the current versions of those instances */
    uint64_t superseded, superseded_bytes;         /* earlier versions that are kept */
    uint64_t quarantined_series, quarantined, quarantined_bytes; /* series that another study owns, their instances, bytes */
    uint64_t unfiled;                              /* records that a collision of hashes kept out of the tree */
    uint64_t records;                              /* object records known: instances + superseded + quarantined + unfiled */
};

bool catalog_totals(struct catalog *catalog, struct catalog_totals *totals, struct fault *fault);

/* The highest sequence of any record that was applied (0: none). Any thread. */
uint64_t catalog_highest_sequence(struct catalog *catalog);

/* Bytes of the catalog's files; bytes of memory that RocksDB counts (buffers, cache, filters). Any thread. */
uint64_t catalog_disk_bytes(struct catalog *catalog);
uint64_t catalog_memory_bytes(struct catalog *catalog);

/* ---- rows ---- */
struct catalog_key {
    uint8_t bytes[CATALOG_KEY_BYTES];
};

struct catalog_patient {
    struct catalog_key key;
    struct slice id, issuer;  /* UTF-8, trimmed; an empty id: a patient of its own for one study */
    uint64_t sequence;        /* of `values`, the last record that spoke of this patient */
    struct slice values;      /* values.h, changes by the operator already in */
    struct catalog_counts counts;
};

struct catalog_study {
    struct catalog_key key, patient;
    struct slice uid;
    uint64_t sequence;
    uint64_t first_sequence;  /* lowest of any record of this study; its time is when the study began to arrive */
    struct slice values;
    struct slice modalities;  /* 0008,0061: of its visible series, sorted, separated by backslashes */
    bool patient_conflict;    /* records of it claim several patients; it stands under the one claimed last */
    struct catalog_counts counts; /* of its visible series */
};

struct catalog_series {
    struct catalog_key study;
    struct slice study_uid, uid;
    uint64_t sequence, first_sequence;
    struct slice values;
    bool quarantined;
    struct catalog_counts counts;
};

struct catalog_instance {
    struct slice study_uid, series_uid, uid, sop_class_uid, transfer_syntax_uid;
    struct place place;
    uint8_t digest[DIGEST_BYTES];
    uint64_t payload_length;
    uint64_t sequence;
    bool quarantined;
    bool superseded; /* an earlier version (catalog_each_version) */
    uint32_t remarks;
    struct slice values;
};

/* Visitors return false to end the walk (which then still returns true). */
typedef bool catalog_patient_visitor(void *context, const struct catalog_patient *patient);
typedef bool catalog_study_visitor(void *context, const struct catalog_study *study);
typedef bool catalog_series_visitor(void *context, const struct catalog_series *series);
typedef bool catalog_instance_visitor(void *context, const struct catalog_instance *instance);

/* One row, if it is there and visible; *found says so (the visitor is called once, or not). Any thread. */
bool catalog_get_patient(struct catalog *catalog, const struct catalog_key *key, catalog_patient_visitor *visit, void *context,
                         bool *found, struct fault *fault);
bool catalog_get_study(struct catalog *catalog, struct slice study_uid, catalog_study_visitor *visit, void *context, bool *found,
                       struct fault *fault);

/* Walks, in key order, over a snapshot taken at the call; visible rows only. An empty UID (NULL key) means all. Any thread. */
bool catalog_each_patient(struct catalog *catalog, catalog_patient_visitor *visit, void *context, struct fault *fault);
bool catalog_each_study(struct catalog *catalog, const struct catalog_key *patient, catalog_study_visitor *visit, void *context,
                        struct fault *fault);
bool catalog_each_series(struct catalog *catalog, struct slice study_uid, catalog_series_visitor *visit, void *context,
                         struct fault *fault);
bool catalog_each_instance(struct catalog *catalog, struct slice study_uid, struct slice series_uid,
                           catalog_instance_visitor *visit, void *context, struct fault *fault);

/* What stands aside: series whose UID an earlier study owns, and their instances; superseded versions; records kept out by a
 * collision. */
bool catalog_each_quarantined_series(struct catalog *catalog, catalog_series_visitor *visit, void *context, struct fault *fault);
bool catalog_each_quarantined(struct catalog *catalog, catalog_instance_visitor *visit, void *context, struct fault *fault);
bool catalog_each_version(struct catalog *catalog, struct slice study_uid, struct slice series_uid,
                          catalog_instance_visitor *visit, void *context, struct fault *fault);

/* Records that could not be filed: where they are, and why. */
bool catalog_each_unfiled(struct catalog *catalog,
                          bool (*visit)(void *context, uint64_t sequence, struct place place, struct slice why), void *context,
                          struct fault *fault);

/* All instances, in whatever study and series, quarantined ones too, that have this SOP Instance UID. */
bool catalog_find_sop(struct catalog *catalog, struct slice sop_uid, catalog_instance_visitor *visit, void *context,
                      struct fault *fault);
/* The series with this UID (all claims of it). */
bool catalog_find_series(struct catalog *catalog, struct slice series_uid, catalog_series_visitor *visit, void *context,
                         struct fault *fault);

/* Candidates by a lookup: every study or patient whose folded text (fold.h) begins with the folded `prefix`, or that lies in a
 * range of days (yyyymmdd, inclusive; 0 = open). The caller compares the row's own value: folding is coarser than any matching of
 * PS3.4. */
bool catalog_find_name(struct catalog *catalog, struct slice prefix, catalog_patient_visitor *visit, void *context,
                       struct fault *fault);
bool catalog_find_patient_id(struct catalog *catalog, struct slice prefix, catalog_patient_visitor *visit, void *context,
                             struct fault *fault);
bool catalog_find_accession(struct catalog *catalog, struct slice prefix, catalog_study_visitor *visit, void *context,
                            struct fault *fault);
bool catalog_find_date(struct catalog *catalog, uint32_t first_day, uint32_t last_day, catalog_study_visitor *visit,
                       void *context, struct fault *fault);
bool catalog_find_modality(struct catalog *catalog, struct slice modality, uint32_t first_day, uint32_t last_day,
                           catalog_study_visitor *visit, void *context, struct fault *fault);

/* ---- problems and counters ---- */
struct catalog_problem {
    uint64_t sequence;
    uint64_t time_us;
    uint32_t kind; /* as in the NOTE record */
    struct slice study_uid, series_uid, sop_uid, calling_aet, text;
};

typedef bool catalog_problem_visitor(void *context, const struct catalog_problem *problem);
typedef bool catalog_counter_visitor(void *context, struct slice name, uint64_t total);

/* Problems of NOTE records in the order of their sequence, from `first_sequence` on. */
bool catalog_each_problem(struct catalog *catalog, uint64_t first_sequence, catalog_problem_visitor *visit, void *context,
                          struct fault *fault);
/* Studies that records of several patients claim: one call a claim. */
bool catalog_each_patient_conflict(struct catalog *catalog,
                                   bool (*visit)(void *context, struct slice study_uid, struct slice patient_id,
                                                 struct slice issuer, uint64_t first_sequence),
                                   void *context, struct fault *fault);
/* Counters of NOTE records, summed over all runs, by name. */
bool catalog_each_counter(struct catalog *catalog, catalog_counter_visitor *visit, void *context, struct fault *fault);
bool catalog_counter(struct catalog *catalog, struct slice name, uint64_t *total, struct fault *fault);

#endif
