/* SPDX-License-Identifier: Apache-2.0 */
/* Random data sets, well-formed: written in the four encodings and with both kinds of length they give the same attributes,
 * those that the generator says, without a remark; in random pieces too. Then the same data sets damaged at random: any
 * outcome is good but one that depends on the pieces. The seed of a failure is printed; `test_scan_property SEED` runs that
 * one alone. */
#include "codec/dicom/vr.h"
#include "made_data_set.h"
#include "scanned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEEDS 40

static unsigned long only_seed; /* from the command line, before the tests run */

/* ---- random numbers: splitmix64 ---- */

static uint64_t random64(uint64_t *seed) {
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
static uint32_t below(uint64_t *seed, uint32_t n) { return (uint32_t)(random64(seed) % n); }

/* ---- the generator ---- */

/* A value that follows its VR, little endian; n bytes of it. */
static size_t random_value(uint64_t *seed, const struct vr *vr, uint8_t *value) {
    size_t n = 0;
    if (memcmp(vr->name, "UI", 2) == 0) {
        n = (size_t)sprintf((char *)value, "1.2.%u.%u", below(seed, 100000), below(seed, 100000));
        if (n & 1) value[n++] = 0;
    } else if (vr->characters_max) {
        n = 2 * below(seed, vr->characters_max / 2u + 1);
        for (size_t i = 0; i < n; i++) value[i] = (uint8_t)('0' + below(seed, 10));
    } else {
        n = vr->unit * (size_t)below(seed, 5);
        if (n & 1) n++;
        for (size_t i = 0; i < n; i++) value[i] = (uint8_t)random64(seed);
    }
    return n;
}

/* Numbers go in as the encoding has them. */
static void put_value(struct made *m, uint32_t tag, const struct vr *vr, const uint8_t *value, size_t n) {
    char name[3] = {vr->name[0], vr->name[1], 0};
    made_header(m, tag, name, (uint32_t)n);
    bool turn = m->encoding == SCAN_EXPLICIT_BE;
    for (size_t i = 0; i < n; i++) made_raw(m, &value[turn ? i - i % vr->unit + vr->unit - 1 - i % vr->unit : i], 1);
}

static const struct vr *random_vr(uint64_t *seed) {
    static const char names[] = "AEASATCSDADSDTFDFLISLOLTOBODOFOLOVOWPNSHSLSSSTSVTMUCUIULUNURUSUTUV";
    return vr_find(names + 2 * below(seed, (sizeof names - 1) / 2));
}

static void put_elements(struct made *m, uint64_t *seed, uint32_t first, uint32_t last, int depth);

static void put_sequence(struct made *m, uint64_t *seed, uint32_t tag, int depth) {
    made_begin_sequence(m, tag);
    for (uint32_t items = below(seed, 4); items; items--) {
        made_begin_item(m);
        put_elements(m, seed, 0x00080001, 0x7FE00000, depth - 1);
        made_end_item(m);
    }
    made_end_sequence(m);
}

/* Elements that nobody captures, between the two tags; in items indexed ones, too. */
static void put_elements(struct made *m, uint64_t *seed, uint32_t first, uint32_t last, int depth) {
    static uint8_t value[16384];
    uint32_t tag = first;
    for (uint32_t count = below(seed, 5); count; count--) {
        if (last - tag < 1000) return;
        tag += 1 + below(seed, (last - tag) / 4);
        if ((tag & 0xFFFF) == 0) tag++;
        if (tag >= last) return;
        if (indexed_find(tag) && depth == 8) continue;
        if (depth && below(seed, 3) == 0) {
            put_sequence(m, seed, tag, depth);
        } else {
            const struct vr *vr = random_vr(seed);
            put_value(m, tag, vr, value, random_value(seed, vr, value));
        }
    }
}

static void put_pixels(struct made *m, uint64_t *seed) {
    if (below(seed, 2)) {
        uint32_t n = 2 * below(seed, 5000);
        made_header(m, 0x7FE00010, "OW", n);
        made_fill(m, 0x80, n);
        return;
    }
    made_begin_fragments(m, 0x7FE00010, 4 * below(seed, 3));
    for (uint32_t i = 1 + below(seed, 4); i; i--) made_fragment(m, 2 * below(seed, 500), 0xFE);
    made_end_fragments(m);
}

/* The same seed gives the same elements in every encoding. *expected takes what has to be captured. */
static void make_random(struct made *m, uint64_t seed, enum scan_encoding encoding, bool undefined, struct attributes *expected) {
    static uint8_t value[16384];
    size_t count;
    const struct indexed_attribute *table = indexed_table(&count);
    uint32_t last = 0x00080000;
    made_init(m, encoding, undefined);
    made_text(m, 0x00080001, "UL", "1234");
    for (size_t i = 0; i < count; i++) {
        if (below(&seed, 2)) put_elements(m, &seed, last, table[i].tag, 8);
        last = table[i].tag;
        const struct vr *vr = vr_find(table[i].vr);
        if (below(&seed, 4) == 0 || last == 0x00080005 || last == 0x00280008) continue;
        if (vr->kind == VR_SEQUENCE) {
            size_t before = m->length, empty = encoding == SCAN_IMPLICIT_LE ? 8 : 12;
            put_sequence(m, &seed, last, 2);
            attributes_add(expected, last, table[i].vr, m->length - before > empty ? ATTRIBUTE_CUT : 0, slice_of(NULL, 0));
            continue;
        }
        size_t n = random_value(&seed, vr, value), kept = n < table[i].value_bytes_max ? n : table[i].value_bytes_max;
        put_value(m, last, vr, value, n);
        attributes_add(expected, last, table[i].vr, kept < n ? ATTRIBUTE_CUT : 0, slice_of(value, kept));
    }
    if (below(&seed, 4)) put_pixels(m, &seed);
    if (encoding == SCAN_DEFLATED) made_deflate(m, false);
}

/* ---- the properties ---- */

/* Only presence is kept of a sequence, and an empty one of undefined length can't be told from one with items. */
static void forget_cut_of_sequences(uint8_t *block, uint32_t length) {
    struct reader r = reader_over(slice_of(block, length));
    struct attribute a;
    uint8_t *entry = block;
    while (attributes_next(&r, &a)) {
        if (memcmp(a.vr, "SQ", 2) == 0) store_le16(entry + 6, 0);
        entry += ATTRIBUTE_HEADER_BYTES + a.value.length;
    }
}

static void check_encoding(uint64_t seed, enum scan_encoding encoding, bool undefined) {
    static uint8_t buffer[INDEXED_BLOCK_BYTES_MAX];
    static struct scanned whole, other;
    struct attributes expected;
    struct made m;
    attributes_init(&expected, buffer, sizeof buffer);
    make_random(&m, seed, encoding, undefined, &expected);
    scanned_in_steps(&whole, encoding, m.bytes, m.length, 0);
    if (whole.status != SCAN_DONE) fail_msg("seed %lu, encoding %d: %s", (unsigned long)seed, encoding, whole.fault.text);
    uint32_t odd = whole.remarks & ~(uint32_t)SCAN_REMARK_VALUE_CUT;
    if (odd) fail_msg("seed %lu, encoding %d: %s", (unsigned long)seed, encoding, scan_remark_text(odd));
    uint64_t split = seed;
    for (int i = 0; i < 20; i++) {
        if (i < 10) scanned_in_steps(&other, encoding, m.bytes, m.length, i + 1u);
        else scanned_in_two(&other, encoding, m.bytes, m.length, below(&split, (uint32_t)m.length));
        const char *difference = scanned_difference(&whole, &other);
        if (difference) fail_msg("seed %lu, encoding %d, pieces %d: %s", (unsigned long)seed, encoding, i, difference);
    }
    forget_cut_of_sequences(whole.block, whole.length);
    forget_cut_of_sequences(buffer, expected.length);
    if (whole.length != expected.length || memcmp(whole.block, buffer, expected.length) != 0) {
        fail_msg("seed %lu, encoding %d: other attributes than written", (unsigned long)seed, encoding);
    }
    made_release(&m);
}

static void for_each_seed(void (*check)(uint64_t seed)) {
    if (only_seed) {
        check(only_seed);
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) check(seed);
}

static void check_all_encodings(uint64_t seed) {
    for (int encoding = 0; encoding <= SCAN_DEFLATED; encoding++) {
        check_encoding(seed, (enum scan_encoding)encoding, false);
        check_encoding(seed, (enum scan_encoding)encoding, true);
    }
}

static void check_damaged(uint64_t seed) {
    static uint8_t buffer[INDEXED_BLOCK_BYTES_MAX];
    static struct scanned whole, other;
    for (int round = 0; round < 20; round++) {
        struct attributes ignored;
        struct made m;
        uint64_t numbers = seed * 1000 + (uint64_t)round;
        enum scan_encoding encoding = (enum scan_encoding)(round % 3);
        attributes_init(&ignored, buffer, sizeof buffer);
        make_random(&m, seed, encoding, round & 1, &ignored);
        for (uint32_t i = 1 + below(&numbers, 8); i; i--) {
            m.bytes[below(&numbers, (uint32_t)m.length)] = (uint8_t)random64(&numbers);
        }
        size_t n = below(&numbers, 2) ? m.length : below(&numbers, (uint32_t)m.length);
        scanned_in_steps(&whole, encoding, m.bytes, n, 0);
        for (int i = 0; i < 5; i++) {
            if (i < 3) scanned_in_steps(&other, encoding, m.bytes, n, (size_t)i * 3 + 1);
            else scanned_in_two(&other, encoding, m.bytes, n, n ? below(&numbers, (uint32_t)n) : 0);
            const char *difference = scanned_difference(&whole, &other);
            if (difference) fail_msg("seed %lu, damage %d, pieces %d: %s", (unsigned long)seed, round, i, difference);
        }
        made_release(&m);
    }
}

static void encodings_agree(void **state) { for_each_seed(check_all_encodings); }
static void damage_gives_one_outcome(void **state) { for_each_seed(check_damaged); }

int main(int argc, char **argv) {
    if (argc > 1) only_seed = strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_agree),
        cmocka_unit_test(damage_gives_one_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
