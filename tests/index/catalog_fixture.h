/* SPDX-License-Identifier: Apache-2.0 */
/* catalog_fixture: what the tests of the index share: a catalog in a folder of its own, records made from a few numbers, and all
 * rows as bytes. */
#ifndef LEAT_TESTS_INDEX_CATALOG_FIXTURE_H
#define LEAT_TESTS_INDEX_CATALOG_FIXTURE_H

#include "index/catalog_batch.h"
#include "index/catalog_check.h"
#include "index/catalog_state.h"

struct fixture {
    char dir[64];
    struct catalog_options options;
    struct catalog *catalog;
};

/* A new folder under TMPDIR and a catalog in it. */
void fixture_init(struct fixture *fixture);
void fixture_release(struct fixture *fixture);
/* Closes (flush) or abandons, and opens again. */
void fixture_reopen(struct fixture *fixture, bool flush);
/* Removes every row, as if it were new. */
void fixture_clear(struct fixture *fixture);

/* A record as a few small numbers: enough for conflicts of every kind. */
struct spec {
    enum record_type type;
    uint64_t sequence;
    uint32_t study, series, sop; /* numbers of UIDs; series and SOP UIDs don't depend on the study, so that claims collide */
    uint32_t patient;            /* 0: no Patient ID */
    uint32_t look;               /* varies name, modality, date, accession number, description, SOP class */
    uint32_t length;             /* of the payload */
    uint32_t place;              /* offset */
    uint32_t change_kind;        /* of a CHANGE; `look` is what it changes to, 0 = withdrawn */
    uint64_t run;                /* of a NOTE; `length` is the counter's total */
};

/* A record made from a spec, with the memory that it points to. */
struct made {
    struct record record;
    struct place place;
    char study[72], series[72], sop[72];
    uint8_t attributes[4096], change[1024], counters[256], problems[512];
};
void fixture_make(const struct spec *spec, struct made *made);

/* One batch with these records in this order; asserts that each is taken. */
void fixture_apply(struct fixture *fixture, const struct spec *const *specs, size_t count);

/* All rows but the positions, as one text: key, value, in hexadecimal, a line each. The caller frees it. */
char *fixture_dump(struct fixture *fixture);

/* catalog_check finds nothing wrong. */
void fixture_check(struct fixture *fixture);

/* A small random generator: the same numbers from the same seed everywhere. */
uint64_t fixture_random(uint64_t *state);

#endif
