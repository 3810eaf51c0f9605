/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/checksum.h"

#include <isa-l/crc.h>
#include <stdbool.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h> /* the library's AVX2 and AVX-512 variants, chosen by the processor: 2 to 3 times the baseline's rate */
#endif

#include "engine/base/check.h"

_Static_assert(sizeof(XXH3_state_t) <= sizeof(struct digest), "the opaque digest holds the library's state");
_Static_assert(_Alignof(struct digest) >= 64, "XXH3 wants its state on a cache line");
_Static_assert(DIGEST_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "the secret is long enough");

uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t length) { return crc32_gzip_refl(crc, bytes, length); }

static XXH3_state_t *state_of(struct digest *digest) { return (XXH3_state_t *)(void *)digest->state; }

static struct digest_value canonical(XXH128_hash_t hash) {
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, hash);
    struct digest_value value;
    memcpy(value.bytes, c.digest, sizeof value.bytes);
    return value;
}

void digest_init(struct digest *digest, const uint8_t *secret) {
    XXH3_INITSTATE(state_of(digest));
    XXH_errorcode e = XXH3_128bits_reset_withSecret(state_of(digest), secret, DIGEST_SECRET_BYTES);
    invariant(e == XXH_OK);
}

void digest_update(struct digest *digest, const void *bytes, size_t length) {
    XXH_errorcode e = XXH3_128bits_update(state_of(digest), bytes, length);
    invariant(e == XXH_OK);
}

struct digest_value digest_finish(const struct digest *digest) {
    return canonical(XXH3_128bits_digest((const XXH3_state_t *)(const void *)digest->state));
}

struct digest_value digest_of(const uint8_t *secret, const void *bytes, size_t length) {
    return canonical(XXH3_128bits_withSecret(bytes, length, secret, DIGEST_SECRET_BYTES));
}
