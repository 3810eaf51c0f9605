/* SPDX-License-Identifier: Apache-2.0 */
/* check: our own mistakes. An invariant stays on in release builds: a wrong archive is worse than a stopped one.
 * What a peer or a disk can cause is never an invariant; it is a fault (fault.h). */
#ifndef LEAT_BASE_CHECK_H
#define LEAT_BASE_CHECK_H

_Noreturn void check_failed(const char *expression, const char *file, int line, const char *function);

#define invariant(expression) \
    (__builtin_expect(!!(expression), 1) ? (void)0 : check_failed(#expression, __FILE__, __LINE__, __func__))

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))
#define array_count(array) (sizeof(array) / sizeof((array)[0]))

#endif
