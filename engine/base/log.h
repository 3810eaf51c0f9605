/* SPDX-License-Identifier: Apache-2.0 */
/* log: lines for an operator, on standard error: time (UTC, milliseconds), level, text. One write(2) a line, so that lines of
 * several threads never mix. No patient data: callers pass UIDs, AE titles and reasons only. Any thread may call. */
#ifndef LEAT_BASE_LOG_H
#define LEAT_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level); /* any thread; default LOG_INFO */
enum log_level log_get_level(void);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) (log_get_level() <= LOG_DEBUG ? log_line(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

#endif
