/* SPDX-License-Identifier: Apache-2.0 */
/* size: sizes, durations and counts as people write them ("256MiB", "60s"), and back. Pure functions; any thread. */
#ifndef LEAT_BASE_SIZE_H
#define LEAT_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "65536", "64KiB", "1.5 GiB", "10MB" (decimal), "64K" (= KiB, as everybody means it). false: not a size, or beyond 64 bits. */
bool size_parse_bytes(const char *text, uint64_t *bytes);
/* "250ms", "60s" (also bare "60"), "5min" or "5m", "1h", "2d". false: not a duration. */
bool size_parse_ms(const char *text, uint64_t *ms);
/* Digits only. */
bool size_parse_count(const char *text, uint64_t *count);

#define SIZE_TEXT_BYTES 48
/* "256 MiB", "1.5 GiB", "817 bytes"; the text is in `out`. */
const char *size_format_bytes(uint64_t bytes, char out[SIZE_TEXT_BYTES]);
/* "1h 05min", "2min 10s", "45s", "250ms". */
const char *size_format_ms(uint64_t ms, char out[SIZE_TEXT_BYTES]);
/* "1,234,567" */
const char *size_format_count(uint64_t count, char out[SIZE_TEXT_BYTES]);

#endif
