/* SPDX-License-Identifier: Apache-2.0 */
/* Every order and every repetition of a set of records gives the same rows, byte for byte; and those rows count what a naive
 * model counts of the same set. Sets come from small universes, so that versions, claims of series and of patients, and changes
 * meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "index/change.h"
#include "tests/index/catalog_fixture.h"

#define SETS_SMALL 40    /* every permutation of up to 5 records, 720 orders of some of 6 */
#define SETS_LARGE 60
#define LARGE_MAX 60

static uint64_t seed;

static uint32_t below(uint64_t *state, uint32_t n) { return (uint32_t)(fixture_random(state) % n); }

static void random_spec(uint64_t *state, struct spec *spec, uint64_t sequence) {
    static const enum change_kind kinds[] = {CHANGE_PATIENT_VALUES, CHANGE_STUDY_VALUES, CHANGE_SERIES_VALUES, CHANGE_DELETE};
    uint32_t dice = below(state, 12);
    *spec = (struct spec){
        .type = dice == 0 ? RECORD_NOTE : dice == 1 ? RECORD_CHANGE : RECORD_OBJECT,
        .sequence = sequence,
        .study = below(state, 3),
        .series = below(state, 3),
        .sop = below(state, 3),
        .patient = below(state, 3),
        .look = below(state, 7),
        .length = 100 + below(state, 1000),
        .place = 1 + below(state, 1000),
        .change_kind = kinds[below(state, 4)],
        .run = below(state, 2),
    };
}

/* Sequences are distinct, and not in the order of the array. */
static void random_set(uint64_t *state, struct spec *specs, size_t count) {
    uint64_t sequences[LARGE_MAX];
    for (size_t i = 0; i < count; i++) sequences[i] = 1000 + i;
    for (size_t i = count; i > 1; i--) {
        size_t j = below(state, (uint32_t)i);
        uint64_t swap = sequences[i - 1];
        sequences[i - 1] = sequences[j];
        sequences[j] = swap;
    }
    for (size_t i = 0; i < count; i++) random_spec(state, &specs[i], sequences[i]);
}

/* Applies an order in batches of random sizes. */
static char *rows_of(struct fixture *fixture, uint64_t *state, const struct spec *const *order, size_t count) {
    fixture_clear(fixture);
    for (size_t at = 0; at < count;) {
        size_t n = 1 + below(state, 4);
        if (n > count - at) n = count - at;
        fixture_apply(fixture, order + at, n);
        at += n;
        if (below(state, 4) == 0) overlay_reset(&fixture->catalog->batch.overlay); /* as a restart, or a full arena */
    }
    return fixture_dump(fixture);
}

static void assert_same(struct fixture *fixture, uint64_t *state, const struct spec *const *order, size_t count,
                        const char *expected) {
    char *rows = rows_of(fixture, state, order, count);
    if (strcmp(rows, expected) != 0) {
        print_error("seed %llu: order", (unsigned long long)seed);
        for (size_t i = 0; i < count; i++) print_error(" %llu", (unsigned long long)order[i]->sequence);
        print_error("\nexpected:\n%s\ngot:\n%s\n", expected, rows);
        fail();
    }
    free(rows);
}

/* Heap's algorithm, one permutation a step. */
static bool next_permutation(const struct spec **order, size_t count, size_t *counters) {
    for (size_t i = 1; i < count; i++) {
        if (counters[i] < i) {
            size_t j = i % 2 ? counters[i] : 0;
            const struct spec *swap = order[i];
            order[i] = order[j];
            order[j] = swap;
            counters[i]++;
            return true;
        }
        counters[i] = 0;
    }
    return false;
}

static void small_set(struct fixture *fixture, uint64_t *state, size_t count) {
    struct spec specs[6];
    const struct spec *order[6];
    size_t counters[6] = {0};
    random_set(state, specs, count);
    for (size_t i = 0; i < count; i++) order[i] = &specs[i];
    char *expected = rows_of(fixture, state, order, count);
    fixture_check(fixture);
    while (next_permutation(order, count, counters)) assert_same(fixture, state, order, count, expected);
    free(expected);
}

static void test_every_permutation(void **unused) {
    struct fixture fixture = {0};
    uint64_t state = seed;
    fixture_init(&fixture);
    for (uint32_t i = 0; i < SETS_SMALL; i++) {
        small_set(&fixture, &state, i % 20 == 19 ? 6 : 2 + i % 3);
        if (i % 8 == 7) fixture_release(&fixture), fixture_init(&fixture); /* so that removed rows don't pile up */
    }
    fixture_release(&fixture);
}

/* ---- the naive model ---- */

#define UIDS 3
struct model {
    uint64_t first[UIDS][UIDS]; /* study, series: lowest sequence; 0 = none */
    const struct spec *latest[UIDS][UIDS];
    struct catalog_totals totals;
    struct catalog_counts study[UIDS];
};

static bool owns(const struct model *m, uint32_t study, uint32_t series) {
    for (uint32_t other = 0; other < UIDS; other++)
        if (m->first[other][series] && m->first[other][series] < m->first[study][series]) return false;
    return true;
}

static void model_instance(struct model *m, const struct spec *specs, size_t count, uint32_t study, uint32_t series,
                           uint32_t sop) {
    const struct spec *current = NULL;
    uint64_t versions = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct spec *s = &specs[i];
        if (s->type != RECORD_OBJECT || s->study != study || s->series != series || s->sop != sop) continue;
        versions++;
        bytes += s->length;
        if (!current || s->sequence > current->sequence) current = s;
    }
    if (!current) return;
    m->totals.records += versions;
    if (!owns(m, study, series)) {
        m->totals.quarantined++;
        m->totals.quarantined_bytes += current->length;
        return;
    }
    m->study[study].instances++;
    m->study[study].bytes += current->length;
    m->study[study].superseded += versions - 1;
    m->study[study].superseded_bytes += bytes - current->length;
}

static void model_totals(struct model *m) {
    bool patients[UIDS + UIDS] = {false};
    for (uint32_t study = 0; study < UIDS; study++) {
        const struct spec *latest = NULL;
        for (uint32_t series = 0; series < UIDS; series++) {
            const struct spec *s = m->latest[study][series];
            if (!s) continue;
            if (!owns(m, study, series)) m->totals.quarantined_series++;
            else m->study[study].series++;
            if (owns(m, study, series) && (!latest || s->sequence > latest->sequence)) latest = s;
        }
        if (!m->study[study].series) continue;
        patients[latest->patient ? latest->patient : UIDS + study] = true;
        m->totals.studies++;
        m->totals.series += m->study[study].series;
        m->totals.instances += m->study[study].instances;
        m->totals.bytes += m->study[study].bytes;
        m->totals.superseded += m->study[study].superseded;
        m->totals.superseded_bytes += m->study[study].superseded_bytes;
    }
    for (size_t i = 0; i < sizeof patients; i++) m->totals.patients += patients[i];
}

static void model_of(struct model *m, const struct spec *specs, size_t count) {
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < count; i++) {
        const struct spec *s = &specs[i];
        if (s->type != RECORD_OBJECT) continue;
        uint64_t *first = &m->first[s->study][s->series];
        const struct spec **latest = &m->latest[s->study][s->series];
        if (!*first || s->sequence < *first) *first = s->sequence;
        if (!*latest || s->sequence > (*latest)->sequence) *latest = s;
    }
    for (uint32_t study = 0; study < UIDS; study++)
        for (uint32_t series = 0; series < UIDS; series++)
            for (uint32_t sop = 0; sop < UIDS; sop++) model_instance(m, specs, count, study, series, sop);
    model_totals(m);
}

static bool compare_study(void *context, const struct catalog_study *study) {
    struct model *m = context;
    uint32_t number = (uint32_t)strtoul((const char *)study->uid.bytes + study->uid.length - 3, NULL, 10) - 100;
    m->study[number].studies = 0;
    struct catalog_counts counts = study->counts;
    assert_memory_equal(&counts, &m->study[number], sizeof counts);
    m->study[number].series = 0; /* seen */
    return true;
}

static void test_counts_like_a_model(void **unused) {
    struct fixture fixture = {0};
    uint64_t state = seed + 1;
    fixture_init(&fixture);
    for (uint32_t i = 0; i < SETS_LARGE; i++) {
        struct spec specs[LARGE_MAX];
        const struct spec *order[2 * LARGE_MAX];
        struct model model;
        struct catalog_totals totals;
        size_t count = 1 + below(&state, LARGE_MAX);
        random_set(&state, specs, count);
        for (size_t k = 0; k < count; k++) order[k] = &specs[k];
        char *expected = rows_of(&fixture, &state, order, count);
        fixture_check(&fixture);
        model_of(&model, specs, count);
        assert_true(catalog_totals(fixture.catalog, &totals, NULL));
        assert_memory_equal(&totals, &model.totals, sizeof totals);
        assert_true(catalog_each_study(fixture.catalog, NULL, compare_study, &model, NULL));
        for (uint32_t study = 0; study < UIDS; study++) assert_int_equal(model.study[study].series, 0);
        for (size_t k = 0; k < count; k++) order[count + k] = &specs[below(&state, (uint32_t)count)]; /* repetitions */
        for (uint32_t shuffle = 0; shuffle < 4; shuffle++) {
            for (size_t k = 2 * count; k > 1; k--) {
                size_t j = below(&state, (uint32_t)k);
                const struct spec *swap = order[k - 1];
                order[k - 1] = order[j];
                order[j] = swap;
            }
            assert_same(&fixture, &state, order, 2 * count, expected);
        }
        free(expected);
        if (i % 20 == 19) fixture_release(&fixture), fixture_init(&fixture);
    }
    fixture_release(&fixture);
}

/* A record that compaction copied: the later place stands, whichever came first. */
static void test_moved_record(void **unused) {
    struct fixture fixture = {0};
    struct spec old = {.type = RECORD_OBJECT, .sequence = 5, .length = 10, .place = 1}, moved = old, newer = old;
    moved.place = 900;
    newer.sequence = 9;
    const struct spec *one[] = {&old, &moved, &newer}, *two[] = {&newer, &moved, &old};
    uint64_t state = 1;
    fixture_init(&fixture);
    char *a = rows_of(&fixture, &state, one, 3), *b = rows_of(&fixture, &state, two, 3);
    assert_string_equal(a, b);
    free(a);
    free(b);
    fixture_release(&fixture);
}

int main(void) {
    const char *given = getenv("LEAT_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("LEAT_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_permutation),
        cmocka_unit_test(test_counts_like_a_model),
        cmocka_unit_test(test_moved_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
