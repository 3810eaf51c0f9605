/* SPDX-License-Identifier: Apache-2.0 */
/* bench_catalog: how fast one thread puts instances into the catalog, and what they cost on disk. Not a test: run by hand.
 *
 *     bench_catalog DIR [instances] [instances a series] [batch] [memory in MiB]
 *
 * Synthetic CT (positions, times, frames of reference, as a real one has them): three series a study, two studies a patient,
 * series arriving interleaved from 16 senders, each instance looked up before it is applied, as the decider does. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/dicom/attributes.h"
#include "engine/base/clock.h"
#include "index/catalog_batch.h"
#include "index/catalog_state.h"

#define SENDERS 16u

struct bench {
    struct catalog *catalog;
    uint64_t instances, per_series, batch;
    uint64_t making_cpu_ns;
    uint8_t buffer[8192];
    char study[96], series[96], sop[96];
};

static void add(struct attributes *a, uint32_t tag, const char *vr, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void add(struct attributes *a, uint32_t tag, const char *vr, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    size_t length = strlen(text);
    if (length & 1) text[length++] = ' ';
    attributes_add(a, tag, vr, 0, slice_of(text, length));
}

static void add_number(struct attributes *a, uint32_t tag, uint16_t number) {
    uint8_t bytes[2];
    store_le16(bytes, number);
    attributes_add(a, tag, "US", 0, slice_of(bytes, 2));
}

static uint32_t mix(uint64_t n) { return (uint32_t)(n * 0x9E3779B97F4A7C15u >> 33); }

static void add_study(struct attributes *a, uint64_t series, uint64_t n) {
    uint64_t study = series / 3, patient = study / 2;
    add(a, 0x00080020, "DA", "20%02u%02u%02u", 5 + mix(study) % 19, 1 + mix(study + 1) % 12, 1 + mix(study + 2) % 28);
    add(a, 0x00080030, "TM", "%02u%02u%02u.%03u", mix(study) % 24, mix(study + 3) % 60, mix(study + 4) % 60, mix(study) % 1000);
    add(a, 0x00080050, "SH", "A%09u", mix(study * 3));
    add(a, 0x00080060, "CS", series % 3 == 2 ? "SR" : "CT");
    add(a, 0x00080070, "LO", "GE MEDICAL SYSTEMS");
    add(a, 0x00080080, "LO", "University Hospital %u", mix(patient) % 40);
    add(a, 0x00080090, "PN", "DOCTOR%u^REFERRING", mix(study) % 900);
    add(a, 0x00081010, "SH", "ct%02u", mix(study) % 12);
    add(a, 0x00081030, "LO", "CT THORAX/ABDOMEN WITH CONTRAST %u", mix(study) % 30);
    add(a, 0x0008103E, "LO", "AXIAL %umm STANDARD", 1 + mix(series) % 5);
    add(a, 0x00100010, "PN", "LASTNAME%u^FIRSTNAME%u", mix(patient) % 90000, mix(patient + 7) % 4000);
    add(a, 0x00100020, "LO", "%08u", mix(patient * 5));
    add(a, 0x00100030, "DA", "19%02u%02u%02u", 20 + mix(patient) % 79, 1 + mix(patient + 1) % 12, 1 + mix(patient + 2) % 28);
    add(a, 0x00100040, "CS", mix(patient) & 1 ? "M" : "F");
}

static void add_instance(struct attributes *a, struct bench *b, uint64_t series, uint64_t n) {
    double z = -600.0 + 1.25 * (double)n;
    add(a, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL");
    add(a, 0x00080022, "DA", "20240%u%02u", 1 + mix(series) % 9, 1 + mix(series) % 28);
    add(a, 0x00080023, "DA", "20240%u%02u", 1 + mix(series) % 9, 1 + mix(series) % 28);
    add(a, 0x00080032, "TM", "1015%02u.%06u", (uint32_t)(n / 9 % 60), mix(series * 1000 + n) % 1000000);
    add(a, 0x00080033, "TM", "1015%02u.%06u", (uint32_t)(n / 7 % 60), mix(series * 1000 + n + 5) % 1000000);
    add(a, 0x00200011, "IS", "%u", (uint32_t)(series % 3 + 1));
    add(a, 0x00200012, "IS", "1");
    add(a, 0x00200013, "IS", "%llu", (unsigned long long)n + 1);
    add(a, 0x00200032, "DS", "-166.00000\\-%u.00000\\%.5f", 150 + mix(series) % 40, z);
    add(a, 0x00200037, "DS", "1.000000\\0.000000\\0.000000\\0.000000\\1.000000\\0.000000");
    add(a, 0x00200052, "UI", "1.2.840.113619.2.55.3.604688119.868.1.%u.%u", mix(series / 3), mix(series));
    add(a, 0x00201041, "DS", "%.6f", z);
    add_number(a, 0x00280002, 1);
    add(a, 0x00280004, "CS", "MONOCHROME2");
    add_number(a, 0x00280010, 512);
    add_number(a, 0x00280011, 512);
    add(a, 0x00280030, "DS", "0.7%05u\\0.7%05u", mix(series) % 100000, mix(series) % 100000);
    add_number(a, 0x00280100, 16);
    add_number(a, 0x00280101, 16);
    add_number(a, 0x00280103, 1);
}

/* Instance i of the run: 16 series at a time, one object from each in turn. */
static void make(struct bench *b, uint64_t i, struct record *record, struct place *place) {
    uint64_t group = i / (SENDERS * b->per_series), inside = i % (SENDERS * b->per_series);
    uint64_t series = group * SENDERS + inside % SENDERS, n = inside / SENDERS;
    struct attributes a;
    attributes_init(&a, b->buffer, sizeof b->buffer);
    add_study(&a, series, n);
    add_instance(&a, b, series, n);
    snprintf(b->study, sizeof b->study, "1.2.840.113619.2.55.3.604688119.868.%u.%u", mix(series / 3), mix(series / 3 + 99));
    snprintf(b->series, sizeof b->series, "1.2.840.113619.2.55.3.604688119.868.%u.%u", mix(series / 3), mix(series * 7 + 5));
    snprintf(b->sop, sizeof b->sop, "1.2.840.113619.2.55.3.604688119.868.%u.%u.%llu", mix(series / 3), mix(series * 7 + 6),
             (unsigned long long)n + 1);
    memset(record, 0, sizeof *record);
    record->type = RECORD_OBJECT;
    record->sequence = 0x0006100000000000u + i * 4096 + mix(i) % 4096;
    record->study_uid = slice_text(b->study);
    record->series_uid = slice_text(b->series);
    record->sop_uid = slice_text(b->sop);
    record->sop_class_uid = slice_text("1.2.840.10008.5.1.4.1.1.2");
    record->transfer_syntax_uid = slice_text("1.2.840.10008.1.2.1");
    record->payload_length = 525000 + mix(i) % 2000;
    record->attributes = slice_of(b->buffer, a.length);
    for (size_t k = 0; k < sizeof record->digest; k += 4) store_le32(record->digest + k, mix(i * 31 + k));
    *place = (struct place){.segment = (uint32_t)(i / 2000), .header_bytes = 4096, .offset = i % 2000 * 528384,
                            .payload_bytes = record->payload_length};
}

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool run_batch(struct bench *b, uint64_t from, uint64_t to, uint64_t *making_ns) {
    struct fault fault = {0};
    struct record record;
    struct place place;
    struct catalog_hit hit;
    struct catalog_batch *batch = catalog_batch_begin(b->catalog);
    for (uint64_t i = from; i < to; i++) {
        uint64_t start = clock_monotonic_ns(), cpu = cpu_ns();
        make(b, i, &record, &place);
        *making_ns += clock_monotonic_ns() - start;
        b->making_cpu_ns += cpu_ns() - cpu;
        if (catalog_lookup(b->catalog, record.study_uid, record.series_uid, record.sop_uid, &hit, &fault) != CATALOG_NONE)
            return false;
        if (catalog_batch_apply(batch, &record, place, &fault) != CATALOG_APPLIED) return false;
        catalog_batch_position(batch, 1, place.segment, place.offset);
    }
    if (catalog_batch_commit(batch, &fault)) return true;
    fprintf(stderr, "%s\n", fault.text);
    return false;
}

static bool count_instance(void *context, const struct catalog_instance *instance) {
    ++*(uint64_t *)context;
    return true;
}

static bool count_study(void *context, const struct catalog_study *study) {
    ++*(uint64_t *)context;
    return true;
}

static void scan(struct bench *b) {
    struct fault fault;
    uint64_t instances = 0, studies = 0, start = cpu_ns();
    catalog_each_instance(b->catalog, slice_of("", 0), slice_of("", 0), count_instance, &instances, &fault);
    uint64_t middle = cpu_ns();
    catalog_each_study(b->catalog, NULL, count_study, &studies, &fault);
    printf("walks: %.0f instances/s, %.0f studies/s\n", (double)instances * 1e9 / (double)(middle - start),
           (double)studies * 1e9 / (double)(cpu_ns() - middle));
}

static void report(struct bench *b) {
    struct fault fault;
    struct catalog_totals totals;
    uint64_t start = clock_monotonic_ns();
    catalog_flush(b->catalog, &fault);
    database_compact(b->catalog->database, &fault);
    catalog_totals(b->catalog, &totals, &fault);
    uint64_t bytes = catalog_disk_bytes(b->catalog);
    printf("compacted in %.1f s: %llu bytes for %llu instances of %llu series, %llu studies, %llu patients: %.1f bytes an "
           "instance\n",
           (double)(clock_monotonic_ns() - start) / 1e9, (unsigned long long)bytes, (unsigned long long)totals.instances,
           (unsigned long long)totals.series, (unsigned long long)totals.studies, (unsigned long long)totals.patients,
           (double)bytes / (double)totals.instances);
    printf("RocksDB counts %.1f MiB of memory: %.1f bytes an instance beside the cache's budget\n",
           (double)catalog_memory_bytes(b->catalog) / (1 << 20),
           (double)catalog_memory_bytes(b->catalog) / (double)totals.instances);
}

int main(int argc, char **argv) {
    static struct bench b;
    struct fault fault = {0};
    if (argc < 2) return 2;
    b.instances = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    b.per_series = argc > 3 ? strtoull(argv[3], NULL, 10) : 200;
    b.batch = argc > 4 ? strtoull(argv[4], NULL, 10) : 64;
    struct catalog_options options = {.memory_bytes = (argc > 5 ? strtoull(argv[5], NULL, 10) : 64) << 20, .direct_io = true};
    memset(options.secret, 0xA7, sizeof options.secret);
    for (size_t i = 0; i < sizeof options.secret; i++) options.secret[i] = (uint8_t)mix(i);
    if (!catalog_wipe(argv[1], &fault) || !(b.catalog = catalog_open(argv[1], &options, &fault))) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    uint64_t making = 0, start = clock_monotonic_ns(), step = b.instances / 10 ? b.instances / 10 : 1, last = start,
             making_last = 0;
    for (uint64_t i = 0; i < b.instances; i += b.batch) {
        uint64_t to = i + b.batch < b.instances ? i + b.batch : b.instances;
        if (!run_batch(&b, i, to, &making)) return 1;
        if (i / step == to / step) continue;
        uint64_t now = clock_monotonic_ns();
        printf("%9llu instances: %8.0f/s\n", (unsigned long long)to,
               (double)step * 1e9 / (double)(now - last - (making - making_last)));
        last = now;
        making_last = making;
    }
    uint64_t took = clock_monotonic_ns() - start - making;
    double cpu = (double)(cpu_ns() - b.making_cpu_ns);
    printf("%.0f instances/s by the CPU time of this thread (%.2f us each), in 16 associations' order\n",
           (double)b.instances * 1e9 / cpu, cpu / 1e3 / (double)b.instances);
    printf("%.0f instances/s in batches of %llu (making them took %.1f s beside)\n", (double)b.instances * 1e9 / (double)took,
           (unsigned long long)b.batch, (double)making / 1e9);
    report(&b);
    scan(&b);
    catalog_close(b.catalog);
    return 0;
}
