/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/progress.h"

#include <inttypes.h>

#include "engine/base/clock.h"
#include "engine/base/size.h"

#define PROGRESS_INTERVAL_NS 200000000u

void progress_init(struct progress *progress, struct output *output, const char *verb, uint64_t total_bytes) {
    *progress = (struct progress){.output = output, .verb = verb, .total_bytes = total_bytes};
    progress->started_ns = progress->last_ns = clock_monotonic_ns();
}

/* "12,345 objects verified, 6.1 GiB, 812.3 MB/s, 1,547 objects/s, 2min 10s left" */
static void describe(const struct progress *progress, uint64_t now_ns, bool finished, char *out, size_t capacity) {
    char objects[SIZE_TEXT_BYTES], bytes[SIZE_TEXT_BYTES], rate[SIZE_TEXT_BYTES], left[SIZE_TEXT_BYTES];
    double seconds = (double)(now_ns - progress->started_ns) / 1e9;
    double bytes_per_s = seconds > 0 ? (double)progress->bytes / seconds : 0;
    uint64_t objects_per_s = seconds > 0 ? (uint64_t)((double)progress->objects / seconds) : 0;
    int used = snprintf(out, capacity, "%s objects %s, %s, %.1f MB/s, %s objects/s",
                        size_format_count(progress->objects, objects), progress->verb, size_format_bytes(progress->bytes, bytes),
                        bytes_per_s / 1e6, size_format_count(objects_per_s, rate));
    if (used < 0 || (size_t)used >= capacity) return;
    if (finished) {
        snprintf(out + used, capacity - (size_t)used, ", in %s", size_format_ms((uint64_t)(seconds * 1000), left));
    } else if (progress->total_bytes > progress->bytes && bytes_per_s > 0) {
        uint64_t ms = (uint64_t)((double)(progress->total_bytes - progress->bytes) / bytes_per_s * 1000) / 1000 * 1000;
        snprintf(out + used, capacity - (size_t)used, ", %s left", size_format_ms(ms, left));
    }
}

void progress_add(struct progress *progress, uint64_t objects, uint64_t bytes) {
    progress->objects += objects;
    progress->bytes += bytes;
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns - progress->last_ns < PROGRESS_INTERVAL_NS || progress->output->gone) return;
    progress->last_ns = now_ns;
    char line[256];
    describe(progress, now_ns, false, line, sizeof line);
    struct output *output = progress->output;
    output->gone = !output->write(output->context, OUTPUT_PROGRESS, line, strlen(line));
}

void progress_finish(struct progress *progress) {
    char line[256];
    describe(progress, clock_monotonic_ns(), true, line, sizeof line);
    output_message(progress->output, "%s", line);
}
