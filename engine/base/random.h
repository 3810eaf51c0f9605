/* SPDX-License-Identifier: Apache-2.0 */
/* random: bytes of the kernel's generator (getrandom): ids of segments, streamed files and archives. Any thread. */
#ifndef LEAT_BASE_RANDOM_H
#define LEAT_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Always fills: a kernel without getrandom is one that leat does not start on (invariant). */
void random_bytes(void *out, size_t length);
uint64_t random_u64(void);

#endif
