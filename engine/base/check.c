/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *expression, const char *file, int line, const char *function) {
    fprintf(stderr, "leat: broken invariant: %s (%s:%d, %s). This is a fault of leat; the archive on disk is kept as it is.\n",
            expression, file, line, function);
    abort();
}
