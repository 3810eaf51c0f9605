/* SPDX-License-Identifier: Apache-2.0 */
/* command_stats: how much there is, on which disks, and what was counted since the archive began. */
#include <inttypes.h>
#include <stdlib.h>

#include "engine/base/size.h"
#include "engine/serve/commands.h"
#include "engine/serve/listing.h"

struct stats {
    struct catalog_totals totals;
    struct store_statistics store;
    uint64_t disk_bytes;                /* segments, streamed files, pool, index */
    uint64_t index_bytes;
    uint64_t counters[COUNTER_COUNT];
    uint64_t refused;
    bool read_only;
};

/* One row of what is shown: its name in JSON, its words. */
struct row {
    const char *name, *words;
    uint64_t value;
    bool is_bytes;
};

static void print_json(struct output *output, const struct stats *stats, const struct row *rows, size_t count) {
    output_print(output, "{");
    for (size_t i = 0; i < count; i++) output_print(output, "%s\"%s\": %" PRIu64, i ? ", " : "", rows[i].name, rows[i].value);
    output_print(output, ", \"read_only\": %s, \"counters\": {", stats->read_only ? "true" : "false");
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        output_print(output, "%s\"%s\": %" PRIu64, i ? ", " : "", counters_row((enum counter)i)->name, stats->counters[i]);
    output_print(output, "}, \"volumes\": [");
    for (uint32_t i = 0; i < stats->store.volume_count; i++) {
        const struct store_volume *volume = &stats->store.volumes[i];
        output_print(output, "%s{\"path\": ", i ? ", " : "");
        output_json_string(output, slice_text(volume->path));
        output_print(output,
                     ", \"free_bytes\": %" PRIu64 ", \"total_bytes\": %" PRIu64 ", \"segments\": %u, \"segment_bytes\": %" PRIu64
                     ", \"disk_bytes\": %" PRIu64 ", \"low\": %s}",
                     volume->free_bytes, volume->total_bytes, volume->segments, volume->segment_bytes, volume->disk_bytes,
                     volume->low ? "true" : "false");
    }
    output_print(output, "]}\n");
}

static void print_rows(struct output *output, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char number[SIZE_TEXT_BYTES], size[SIZE_TEXT_BYTES];
        output_print(output, "%-20s %20s", rows[i].words, size_format_count(rows[i].value, number));
        if (rows[i].is_bytes) output_print(output, "  %s", size_format_bytes(rows[i].value, size));
        output_print(output, "\n");
    }
}

static void print_volumes(struct output *output, const struct stats *stats) {
    static const struct listing_column columns[] = {
        {"VOLUME", NULL, OUTPUT_LEFT}, {"SEGMENTS", NULL, OUTPUT_RIGHT}, {"ON DISK", NULL, OUTPUT_RIGHT},
        {"FREE", NULL, OUTPUT_RIGHT},  {"STATE", NULL, OUTPUT_LEFT},     {NULL, NULL, OUTPUT_LEFT},
    };
    struct listing listing;
    output_print(output, "\n");
    if (!listing_init(&listing, output, false, columns)) return;
    for (uint32_t i = 0; i < stats->store.volume_count; i++) {
        const struct store_volume *volume = &stats->store.volumes[i];
        char size[SIZE_TEXT_BYTES];
        listing_text(&listing, slice_text(volume->path));
        listing_number(&listing, volume->segments);
        listing_text(&listing, slice_text(size_format_bytes(volume->disk_bytes, size)));
        listing_text(&listing, slice_text(size_format_bytes(volume->free_bytes, size)));
        listing_text(&listing, slice_text(volume->low ? "below its watermark" : "good"));
        listing_row_end(&listing);
    }
    listing_release(&listing);
}

static void print_counters(struct output *output, const struct stats *stats) {
    output_print(output, "\nSince the archive began:\n");
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        char number[SIZE_TEXT_BYTES];
        const struct counters_row *row = counters_row((enum counter)i);
        if (stats->counters[i])
            output_print(output, "%-20s %20s  %s\n", row->name, size_format_count(stats->counters[i], number), row->meaning);
    }
}

static bool gather(struct archive *archive, struct stats *stats, struct fault *fault) {
    if (!catalog_totals(archive->catalog, &stats->totals, fault)) return false;
    store_get_statistics(archive->store, &stats->store);
    stats->index_bytes = catalog_disk_bytes(archive->catalog);
    stats->disk_bytes = stats->store.disk_bytes + stats->index_bytes;
    stats->read_only = store_is_read_only(archive->store);
    for (unsigned i = 0; i < COUNTER_COUNT; i++) stats->counters[i] = archive_counter(archive, (enum counter)i);
    stats->refused = counters_group_sum(stats->counters, "refused");
    return true;
}

static void print(struct output *output, bool json, const struct stats *stats) {
    const struct catalog_totals *totals = &stats->totals;
    const struct row rows[] = {
        {"patients", "patients", totals->patients, false},
        {"studies", "studies", totals->studies, false},
        {"series", "series", totals->series, false},
        {"instances", "instances", totals->instances, false},
        {"bytes", "bytes of data sets", totals->bytes, true},
        {"disk_bytes", "bytes on disk", stats->disk_bytes, true},
        {"index_bytes", "of them, index", stats->index_bytes, true},
        {"duplicates", "duplicates", stats->counters[COUNTER_DUPLICATES], false},
        {"refused", "refused", stats->refused, false},
        {"quarantined", "quarantined", totals->quarantined, false},
        {"quarantined_bytes", "quarantined bytes", totals->quarantined_bytes, true},
        {"superseded", "superseded versions", totals->superseded, false},
        {"superseded_bytes", "superseded bytes", totals->superseded_bytes, true},
        {"unfiled", "unfiled", totals->unfiled, false},
        {"segments", "segments", stats->store.segments, false},
        {"missing_segments", "missing segments", stats->store.missing_segments, false},
    };
    if (json) {
        print_json(output, stats, rows, sizeof rows / sizeof rows[0]);
        return;
    }
    print_rows(output, rows, sizeof rows / sizeof rows[0]);
    print_volumes(output, stats);
    print_counters(output, stats);
    if (stats->read_only) output_print(output, "\nThe archive is read-only: a disk failed; see `leat problems`.\n");
}

int command_stats_run(struct archive *archive, const struct command_arguments *arguments, struct output *output) {
    struct fault fault = {0};
    struct stats *stats = calloc(1, sizeof *stats);
    bool good = stats ? gather(archive, stats, &fault) : fault_set(&fault, FAULT_MEMORY, 0, "no memory");
    if (good)
        print(output, arguments->json, stats);
    else
        output_message(output, "leat: %s", fault.text);
    free(stats);
    return good ? 0 : 1;
}
