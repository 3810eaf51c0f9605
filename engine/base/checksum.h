/* SPDX-License-Identifier: Apache-2.0 */
/* checksum: CRC-32 (the polynomial of zlib, so that any language can check it) against what disks do, and a keyed 128-bit digest
 * (XXH3-128 with a secret of the archive) that says whether two data sets are the same. Any thread; a struct digest has one
 * owner. */
#ifndef LEAT_BASE_CHECKSUM_H
#define LEAT_BASE_CHECKSUM_H

#include "engine/base/slice.h"

/* crc32(0, bytes) of zlib; pass the former result to go on. */
uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t length);

#define DIGEST_BYTES 16
#define DIGEST_SECRET_BYTES 192 /* >= XXH3_SECRET_SIZE_MIN (136) */

struct digest_value {
    uint8_t bytes[DIGEST_BYTES]; /* XXH128 canonical form: big endian */
};

/* A streaming digest, in place: 64-byte aligned, opaque. */
struct digest {
    _Alignas(64) uint8_t state[640];
};

/* secret: DIGEST_SECRET_BYTES bytes of good entropy, which must stay where they are until digest_value. */
void digest_init(struct digest *digest, const uint8_t *secret);
void digest_update(struct digest *digest, const void *bytes, size_t length);
struct digest_value digest_finish(const struct digest *digest);

/* All in one. */
struct digest_value digest_of(const uint8_t *secret, const void *bytes, size_t length);

#endif
