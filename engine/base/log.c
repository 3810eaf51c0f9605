/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Relaxed: pairs with nothing; a line more or less around a change is of no account. */
static _Atomic int lowest = LOG_INFO;

void log_set_level(enum log_level level) { atomic_store_explicit(&lowest, (int)level, memory_order_relaxed); }
enum log_level log_get_level(void) { return (enum log_level)atomic_load_explicit(&lowest, memory_order_relaxed); }

/* A peer chooses AE titles and UIDs: what it sends must not forge lines or drive a terminal. */
static void blank_controls(char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) text[i] = '?';
}

void log_line(enum log_level level, const char *format, ...) {
    static const char *const words[] = {"debug", "info ", "warn ", "error"};
    if (level < log_get_level()) return;
    char line[2048];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm tm;
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(line, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %s ", now.tv_nsec / 1000000, words[level]);
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(line + n, sizeof line - n - 1, format, args);
    va_end(args);
    size_t text = wanted < 0 ? 0 : (size_t)wanted < sizeof line - n - 1 ? (size_t)wanted : sizeof line - n - 2;
    blank_controls(line + n, text);
    n += text;
    line[n++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, n);
    (void)ignored;
}
