/* SPDX-License-Identifier: Apache-2.0 */
/* fault: what a peer, a disk or a user did wrong, as a value: a code to act on, a text to show, an offset or an errno to find
 * it by. Functions that can fail return bool (true: done) or an enum, and fill the caller's struct fault. Plain data, no
 * ownership. */
#ifndef LEAT_BASE_FAULT_H
#define LEAT_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_code {
    FAULT_NONE = 0,
    FAULT_MALFORMED,    /* bytes that do not follow their format */
    FAULT_LIMIT,        /* well-formed, but beyond a limit of ours */
    FAULT_UNSUPPORTED,  /* well-formed, not served here */
    FAULT_IO,           /* a system call failed: see os_error */
    FAULT_NO_SPACE,     /* ENOSPC, EDQUOT, or below the watermark */
    FAULT_CORRUPT,      /* a checksum says that stored bytes changed */
    FAULT_NEWER_FORMAT, /* written by a later leat */
    FAULT_MISSING,      /* a file or row that must be there is not */
    FAULT_LOCKED,       /* another process owns it */
    FAULT_CONFIG,       /* the user's configuration or usage */
    FAULT_MEMORY,       /* an allocation at start-up failed */
    FAULT_CANCELLED,    /* asked to stop */
};

struct fault {
    enum fault_code code;
    int os_error;      /* errno, or 0 */
    uint64_t offset;   /* where in the stream, file or line it was seen; 0 when that says nothing */
    char text[256];    /* one sentence, ends without a full stop */
};

/* Fills *fault (which may be NULL) and returns false, so that `return fault_set(...)` reads well. */
bool fault_set(struct fault *fault, enum fault_code code, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a failed system call: the text gets ": strerror(os_error)" appended; ENOSPC and EDQUOT become FAULT_NO_SPACE. */
bool fault_set_os(struct fault *fault, int os_error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A word for the code, static. */
const char *fault_word(enum fault_code code);

#endif
