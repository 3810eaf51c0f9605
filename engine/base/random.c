/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "engine/base/check.h"

void random_bytes(void *out, size_t length) {
    unsigned char *at = out;
    while (length) {
        ssize_t got = getrandom(at, length, 0);
        if (got < 0 && errno == EINTR) continue;
        invariant(got > 0);
        at += got;
        length -= (size_t)got;
    }
}

uint64_t random_u64(void) {
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}
