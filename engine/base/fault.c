/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct fault *fault, enum fault_code code, int os_error, uint64_t offset, const char *format, va_list args) {
    fault->code = code;
    fault->os_error = os_error;
    fault->offset = offset;
    vsnprintf(fault->text, sizeof fault->text, format, args);
}

bool fault_set(struct fault *fault, enum fault_code code, uint64_t offset, const char *format, ...) {
    if (!fault) return false;
    va_list args;
    va_start(args, format);
    fill(fault, code, 0, offset, format, args);
    va_end(args);
    return false;
}

bool fault_set_os(struct fault *fault, int os_error, const char *format, ...) {
    if (!fault) return false;
    enum fault_code code = os_error == ENOSPC || os_error == EDQUOT ? FAULT_NO_SPACE : FAULT_IO;
    va_list args;
    va_start(args, format);
    fill(fault, code, os_error, 0, format, args);
    va_end(args);
    size_t used = strlen(fault->text);
    snprintf(fault->text + used, sizeof fault->text - used, ": %s", strerror(os_error));
    return false;
}

const char *fault_word(enum fault_code code) {
    static const char *const words[] = {
        [FAULT_NONE] = "none",           [FAULT_MALFORMED] = "malformed", [FAULT_LIMIT] = "limit",
        [FAULT_UNSUPPORTED] = "unsupported", [FAULT_IO] = "io",           [FAULT_NO_SPACE] = "no-space",
        [FAULT_CORRUPT] = "corrupt",     [FAULT_NEWER_FORMAT] = "newer-format", [FAULT_MISSING] = "missing",
        [FAULT_LOCKED] = "locked",       [FAULT_CONFIG] = "configuration", [FAULT_MEMORY] = "memory",
        [FAULT_CANCELLED] = "cancelled",
    };
    return code < sizeof words / sizeof words[0] && words[code] ? words[code] : "unknown";
}
