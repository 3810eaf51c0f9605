/* SPDX-License-Identifier: Apache-2.0 */
/* lookups: see lookups.h. */
#include "index/lookups.h"

#include <stdlib.h>

#include "index/contribution.h"
#include "index/database.h"
#include "index/fold.h"
#include "index/tally.h"
#include "index/values.h"

#define STUDY_DATE 0x00080020u
#define ACCESSION_NUMBER 0x00080050u
#define PATIENT_NAME 0x00100010u

static struct key folded(enum keys_table table, struct slice text, bool name, bool end) {
    char out[KEYS_TEXT_BYTES];
    size_t length = name ? fold_name(text, out, sizeof out) : fold_text(text, out, sizeof out);
    struct key key = keys_begin(table);
    keys_add_text(&key, slice_of(out, length), end && length);
    return key;
}

struct key lookups_name_prefix(struct slice name) { return folded(KEYS_NAME, name, true, false); }
struct key lookups_patient_id_prefix(struct slice id) { return folded(KEYS_PATIENT_ID, id, false, false); }
struct key lookups_accession_prefix(struct slice accession) { return folded(KEYS_ACCESSION, accession, false, false); }
struct key lookups_modality_prefix(struct slice modality) { return folded(KEYS_MODALITY, modality, false, true); }

static void add(struct lookups *list, const struct key *key, struct row_arena *arena) {
    list->keys[list->count++] = row_arena_copy(arena, keys_slice(key));
}

/* Unless its text is empty. */
static void add_text(struct lookups *list, enum keys_table table, struct slice text, bool name, const struct short_name *owner,
                     struct row_arena *arena) {
    struct key key = folded(table, text, name, true);
    if (key.length == 1) return;
    keys_add_long(&key, owner);
    add(list, &key, arena);
}

static int compare(const void *left, const void *right) {
    const struct slice *a = left, *b = right;
    int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static void sort(struct lookups *list) {
    if (list->count < 2) return;
    qsort(list->keys, list->count, sizeof *list->keys, compare);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < list->count; i++)
        if (!slice_equal(list->keys[i], list->keys[kept - 1])) list->keys[kept++] = list->keys[i];
    list->count = kept;
}

struct lookups lookups_of_patient(const struct short_name *name, const struct row_patient *row, struct row_arena *arena) {
    struct lookups list = {0};
    if (!contribution_patient_is_visible(row)) return list;
    struct slice text, rest;
    list.keys = row_arena_take(arena, 4 * sizeof *list.keys);
    add_text(&list, KEYS_PATIENT_ID, row->id, false, name, arena);
    values_find_effective(row->values, row->changes, PATIENT_NAME, &rest);
    for (uint32_t group = 0; group < 3 && rest.length; group++) { /* alphabetic=ideographic=phonetic, PS3.5 6.2.1 */
        const uint8_t *equals = memchr(rest.bytes, '=', rest.length);
        text = slice_of(rest.bytes, equals ? (size_t)(equals - rest.bytes) : rest.length);
        rest = equals ? slice_of(equals + 1, rest.length - text.length - 1) : slice_of("", 0);
        add_text(&list, KEYS_NAME, text, true, name, arena);
    }
    sort(&list);
    return list;
}

static void add_modalities(struct lookups *list, struct slice tally, uint32_t day, const struct short_name *name,
                           struct row_arena *arena) {
    struct reader r = reader_over(tally);
    struct slice text;
    uint64_t count;
    while (tally_next(&r, &text, &count)) {
        struct key key = folded(KEYS_MODALITY, text, false, true);
        if (key.length == 1) continue;
        keys_add_u32(&key, day);
        keys_add_long(&key, name);
        add(list, &key, arena);
    }
}

static uint32_t count_texts(struct slice tally) {
    struct reader r = reader_over(tally);
    struct slice text;
    uint64_t count;
    uint32_t n = 0;
    while (tally_next(&r, &text, &count)) n++;
    return n;
}

struct lookups lookups_of_study(const struct short_name *name, const struct row_study *row, struct row_arena *arena) {
    struct lookups list = {0};
    if (!contribution_study_is_visible(row)) return list;
    struct slice text;
    list.keys = row_arena_take(arena, (3 + count_texts(row->modalities)) * sizeof *list.keys);
    values_find_effective(row->values, row->changes, ACCESSION_NUMBER, &text);
    add_text(&list, KEYS_ACCESSION, text, false, name, arena);
    values_find_effective(row->values, row->changes, STUDY_DATE, &text);
    uint32_t day = fold_day(text);
    struct key key = keys_begin(KEYS_PATIENT_STUDY);
    keys_add_long(&key, &row->patient);
    keys_add_long(&key, name);
    add(&list, &key, arena);
    if (day) {
        key = keys_begin(KEYS_DATE);
        keys_add_u32(&key, day);
        keys_add_long(&key, name);
        add(&list, &key, arena);
    }
    add_modalities(&list, row->modalities, day, name, arena);
    sort(&list);
    return list;
}

void lookups_write(const struct lookups *before, const struct lookups *after, struct database_batch *batch) {
    uint32_t b = 0, a = 0;
    while (b < before->count || a < after->count) {
        int order = b == before->count ? 1 : a == after->count ? -1 : compare(&before->keys[b], &after->keys[a]);
        if (order < 0) database_batch_remove(batch, before->keys[b++]);
        else if (order > 0) database_batch_put(batch, after->keys[a++], slice_of("", 0));
        else a++, b++;
    }
}
