/* SPDX-License-Identifier: Apache-2.0 */
/* keys: see keys.h. */
#include "index/keys.h"

#include "engine/base/check.h"

/* Tests leave only the low `bits` bits of the first bytes, so that names collide; the rest is 0. */
static void narrow(struct short_name *name, uint32_t bits) {
    for (uint32_t i = 0; i < KEYS_LONG_BYTES; i++) {
        uint32_t left = bits > i * 8 ? bits - i * 8 : 0;
        if (left < 8) name->bytes[i] &= (uint8_t)((1u << left) - 1);
    }
}

struct short_name keys_shorten(const struct keys *keys, struct slice name) {
    struct digest_value digest = digest_of(keys->secret, name.bytes, name.length);
    struct short_name out;
    memcpy(out.bytes, digest.bytes, sizeof out.bytes);
    if (keys->bits) narrow(&out, keys->bits);
    return out;
}

struct identity keys_identity(const struct keys *keys, struct slice study_uid, struct slice series_uid, struct slice sop_uid) {
    return (struct identity){
        .study = keys_shorten(keys, study_uid),
        .series = keys_shorten(keys, series_uid),
        .sop = keys_shorten(keys, sop_uid),
    };
}

bool keys_same(const struct short_name *a, const struct short_name *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct key keys_begin(enum keys_table table) {
    struct key key;
    key.length = 1;
    key.bytes[0] = (uint8_t)table;
    return key;
}

void keys_add(struct key *key, const void *bytes, size_t length) {
    invariant(key->length + length <= KEYS_BYTES_MAX);
    if (length) memcpy(key->bytes + key->length, bytes, length);
    key->length = (uint8_t)(key->length + length);
}

void keys_add_long(struct key *key, const struct short_name *name) { keys_add(key, name->bytes, KEYS_LONG_BYTES); }
void keys_add_short(struct key *key, const struct short_name *name) { keys_add(key, name->bytes, KEYS_SHORT_BYTES); }

void keys_add_u32(struct key *key, uint32_t number) {
    uint8_t bytes[4];
    store_be32(bytes, number);
    keys_add(key, bytes, sizeof bytes);
}

void keys_add_u64(struct key *key, uint64_t number) {
    uint8_t bytes[8];
    store_be64(bytes, number);
    keys_add(key, bytes, sizeof bytes);
}

void keys_add_text(struct key *key, struct slice text, bool end) {
    size_t length = text.length;
    if (length > KEYS_TEXT_BYTES) {
        length = KEYS_TEXT_BYTES;
        while (length && (text.bytes[length] & 0xC0) == 0x80) length--;
    }
    keys_add(key, text.bytes, length);
    if (end) keys_add(key, "", 1);
}

struct key keys_patient(const struct short_name *patient) {
    struct key key = keys_begin(KEYS_PATIENT);
    keys_add_long(&key, patient);
    return key;
}

struct key keys_study(const struct short_name *study) {
    struct key key = keys_begin(KEYS_STUDY);
    keys_add_long(&key, study);
    return key;
}

struct key keys_series(const struct short_name *study, const struct short_name *series) {
    struct key key = keys_begin(KEYS_SERIES);
    keys_add_long(&key, study);
    keys_add_short(&key, series);
    return key;
}

static struct key inside_series(enum keys_table table, const struct identity *identity) {
    struct key key = keys_begin(table);
    keys_add_long(&key, &identity->study);
    keys_add_short(&key, &identity->series);
    keys_add_short(&key, &identity->sop);
    return key;
}

struct key keys_instance(const struct identity *identity) { return inside_series(KEYS_INSTANCE, identity); }

struct key keys_version(const struct identity *identity, uint64_t sequence) {
    struct key key = inside_series(KEYS_VERSION, identity);
    keys_add_u64(&key, sequence);
    return key;
}

struct key keys_sop(const struct identity *identity) {
    struct key key = keys_begin(KEYS_SOP);
    keys_add_short(&key, &identity->sop);
    keys_add_short(&key, &identity->series);
    return key;
}

struct key keys_after(const struct key *key) {
    struct key after = *key;
    while (after.length && after.bytes[after.length - 1] == 0xFF) after.length--;
    if (after.length) after.bytes[after.length - 1]++;
    return after;
}

bool keys_read_long(struct slice key, size_t at, struct short_name *name) {
    if (key.length < at + KEYS_LONG_BYTES) return false;
    memcpy(name->bytes, key.bytes + at, KEYS_LONG_BYTES);
    return true;
}

bool keys_read_short(struct slice key, size_t at, struct short_name *name) {
    if (key.length < at + KEYS_SHORT_BYTES) return false;
    memset(name->bytes, 0, sizeof name->bytes);
    memcpy(name->bytes, key.bytes + at, KEYS_SHORT_BYTES);
    return true;
}
