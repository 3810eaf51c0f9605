/* SPDX-License-Identifier: Apache-2.0 */
/* keys: every key of the index, written and taken apart here only. The first byte is the table; numbers are big endian, so that
 * bytes sort as they do. Long names are shortened by a digest under the archive's secret: 12 bytes for a study, a patient and a
 * series on its own, 8 for a series inside its study and an instance inside its series. A row holds the whole text, and whoever
 * reads it compares. Pure; any thread.
 *
 * P patient12                                a patient                 row_patient.h
 * S study12                                  a study                   row_study.h
 * E study12 series8                          a series                  row_series.h
 * I study12 series8 sop8                     an instance               row_instance.h
 * V study12 series8 sop8 sequence8           a superseded version      row_instance.h
 * e series12                                 the claim that owns a Series UID: study12, first sequence
 * e series12 study12                         any other claim of it: first sequence
 * k study12 patient12                        claims of a study that several patients claim: first sequence
 * o sop8 series8                             where a SOP Instance UID is
 * q study12 series8                          a quarantined series
 * n text 0 patient12                         patient by folded name, a row for each component group
 * i text 0 patient12                         patient by Patient ID
 * p patient12 study12                        the studies of a patient
 * a text 0 study12                           study by accession number
 * d day4 study12                             study by date, yyyymmdd
 * m text 0 day4 study12                      study by modality of a visible series, and date (0: none)
 * x sequence8 digest8                        a problem
 * c text 0 run8                              a counter of one run
 * u sequence8                                a record that could not be filed
 * t                                          totals
 * l                                          positions of the logs
 * f                                          version of this format
 * Kept free for what comes: w (patients merged into another: w target12 source12), g (studies by last access), h (deleted and
 * hidden). */
#ifndef LEAT_INDEX_KEYS_H
#define LEAT_INDEX_KEYS_H

#include "engine/base/checksum.h"
#include "engine/base/cursor.h"

enum keys_table {
    KEYS_PATIENT = 'P',
    KEYS_STUDY = 'S',
    KEYS_SERIES = 'E',
    KEYS_INSTANCE = 'I',
    KEYS_VERSION = 'V',
    KEYS_CLAIM = 'e',
    KEYS_CONFLICT = 'k',
    KEYS_SOP = 'o',
    KEYS_QUARANTINE = 'q',
    KEYS_NAME = 'n',
    KEYS_PATIENT_ID = 'i',
    KEYS_PATIENT_STUDY = 'p',
    KEYS_ACCESSION = 'a',
    KEYS_DATE = 'd',
    KEYS_MODALITY = 'm',
    KEYS_PROBLEM = 'x',
    KEYS_COUNTER = 'c',
    KEYS_UNFILED = 'u',
    KEYS_TOTALS = 't',
    KEYS_POSITIONS = 'l',
    KEYS_FORMAT = 'f',
};

#define KEYS_LONG_BYTES 12
#define KEYS_SHORT_BYTES 8
#define KEYS_TEXT_BYTES 64 /* of a folded text; what is longer is cut, and the row compared */
#define KEYS_BYTES_MAX 96

struct key {
    uint8_t length;
    uint8_t bytes[KEYS_BYTES_MAX];
};

/* A digest of a name; the first KEYS_SHORT_BYTES stand for it where its parent stands before it. */
struct short_name {
    uint8_t bytes[KEYS_LONG_BYTES];
};

/* How names are shortened: borrowed secret; bits 0 = all of them (fewer: tests of collisions). */
struct keys {
    const uint8_t *secret;
    uint32_t bits;
};

/* The three names of an instance. */
struct identity {
    struct short_name study, series, sop;
};

struct short_name keys_shorten(const struct keys *keys, struct slice name);
struct identity keys_identity(const struct keys *keys, struct slice study_uid, struct slice series_uid, struct slice sop_uid);
bool keys_same(const struct short_name *a, const struct short_name *b);

static inline struct slice keys_slice(const struct key *key) { return slice_of(key->bytes, key->length); }

/* A key is begun with its table and then lengthened. Text is cut at KEYS_TEXT_BYTES (at a whole UTF-8 character); `end` adds the
 * 0 byte. */
struct key keys_begin(enum keys_table table);
void keys_add(struct key *key, const void *bytes, size_t length);
void keys_add_long(struct key *key, const struct short_name *name);
void keys_add_short(struct key *key, const struct short_name *name);
void keys_add_u32(struct key *key, uint32_t number);
void keys_add_u64(struct key *key, uint64_t number);
void keys_add_text(struct key *key, struct slice text, bool end);

struct key keys_patient(const struct short_name *patient);
struct key keys_study(const struct short_name *study);
struct key keys_series(const struct short_name *study, const struct short_name *series);
struct key keys_instance(const struct identity *identity);
struct key keys_version(const struct identity *identity, uint64_t sequence);
struct key keys_sop(const struct identity *identity);

/* The first key after all those that begin with `key` (length 0: there is none). */
struct key keys_after(const struct key *key);

/* Takes a key apart: *at is its first byte after the table; false when it is too short. */
bool keys_read_long(struct slice key, size_t at, struct short_name *name);
bool keys_read_short(struct slice key, size_t at, struct short_name *name); /* the rest of the name becomes 0 */

#endif
