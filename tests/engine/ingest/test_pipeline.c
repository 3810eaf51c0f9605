/* SPDX-License-Identifier: Apache-2.0 */
/* The whole pipeline without a network: two reactors send objects of a small universe of identities at once, so that twins meet
 * in a decider, versions supersede each other, and small, chained and streamed objects are mixed in a pool that is short of
 * memory. Afterwards the catalog must hold exactly what was acknowledged, and every data set must come back byte for byte; then
 * again after a start without a flush. The seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/config.h"
#include "engine/ingest/pipeline.h"
#include "engine/serve/archive.h"

#define DRIVERS 2
#define IDENTITIES 40
#define VARIANTS 3
#define OBJECTS_A_DRIVER 250
#define UNDER_WAY 24

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- data sets: a function of (identity, variant) ---- */

static void put(struct writer *w, uint16_t group, uint16_t element, const char *vr, const char *text) {
    size_t n = strlen(text), padded = n + (n & 1);
    writer_le16(w, group);
    writer_le16(w, element);
    writer_bytes(w, vr, 2);
    writer_le16(w, (uint16_t)padded);
    writer_bytes(w, text, n);
    writer_zeros(w, padded - n);
}

static uint32_t pixels_of(uint32_t identity, uint32_t variant) {
    static const uint32_t sizes[] = {200, 3000, 70000, 300000, 1100000};
    if (identity == 7) return 33u << 20; /* streamed */
    return sizes[(identity + variant) % 5] + identity * 2;
}

static uint8_t *make_data_set(uint32_t identity, uint32_t variant, size_t *length) {
    uint32_t pixels = pixels_of(identity, variant);
    char uid[80];
    uint8_t *bytes = malloc(pixels + 1024);
    struct writer w = writer_over(bytes, pixels + 1024);
    put(&w, 0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.7");
    snprintf(uid, sizeof uid, "1.2.3.%u", identity);
    put(&w, 0x0008, 0x0018, "UI", uid);
    snprintf(uid, sizeof uid, "P%u", identity % 4);
    put(&w, 0x0010, 0x0020, "LO", uid);
    snprintf(uid, sizeof uid, "1.2.1.%u", identity % 8);
    put(&w, 0x0020, 0x000D, "UI", uid);
    snprintf(uid, sizeof uid, "1.2.2.%u", identity % 16);
    put(&w, 0x0020, 0x000E, "UI", uid);
    writer_le16(&w, 0x7FE0);
    writer_le16(&w, 0x0010);
    writer_bytes(&w, "OB\0", 4);
    writer_le32(&w, pixels);
    uint8_t *p = writer_room(&w, pixels);
    assert_non_null(p);
    for (uint32_t i = 0; i < pixels; i++) p[i] = (uint8_t)(i * 31 + identity * 7 + variant * 101 + (i >> 8));
    *length = writer_length(&w);
    return bytes;
}

/* ---- a driver on a reactor ---- */

struct driver {
    struct reactor *reactor;
    struct intake *intake;
    struct reactor_call start;
    struct intake_waiter waiter;
    uint64_t seed;
    uint32_t begun, under_way;
    uint32_t verdicts[OBJECT_REFUSED + 1];
    bool sent[IDENTITIES][VARIANTS];
    struct object *object; /* RECEIVING */
    uint8_t *bytes;
    size_t length, at;
    _Atomic bool done;
};

static void go_on(struct driver *driver);

static void answered(struct object *object) {
    struct driver *driver = object->session;
    driver->verdicts[object->verdict]++;
    driver->under_way--;
    intake_recycle(object);
    go_on(driver);
}

static bool begin_object(struct driver *driver) {
    driver->object = intake_begin(driver->intake, SCAN_EXPLICIT_LE);
    if (!driver->object) return false;
    uint32_t identity = (uint32_t)(next_random(&driver->seed) % IDENTITIES),
             variant = (uint32_t)(next_random(&driver->seed) % VARIANTS);
    struct object *object = driver->object;
    object->session = driver;
    object->answered = answered;
    object->sop_instance_length = (uint8_t)snprintf(object->sop_instance, sizeof object->sop_instance, "1.2.3.%u", identity);
    object->transfer_syntax_length =
        (uint8_t)snprintf(object->transfer_syntax, sizeof object->transfer_syntax, "1.2.840.10008.1.2.1");
    driver->bytes = make_data_set(identity, variant, &driver->length);
    driver->at = 0;
    driver->sent[identity][variant] = true;
    driver->begun++;
    driver->under_way++;
    return true;
}

/* Hands over pieces of random length, half of them straight to their place. False: no memory now. */
static bool feed_object(struct driver *driver) {
    while (driver->at < driver->length) {
        size_t n = 1 + next_random(&driver->seed) % 300000;
        if (n > driver->length - driver->at) n = driver->length - driver->at;
        const uint8_t *from = driver->bytes + driver->at;
        if (next_random(&driver->seed) & 1) {
            struct iovec piece;
            if (!intake_room(driver->object, &piece, 1, n)) return false;
            memcpy(piece.iov_base, from, piece.iov_len);
            from = piece.iov_base;
            n = piece.iov_len;
        }
        size_t taken = intake_received(driver->object, from, n);
        driver->at += taken;
        if (taken < n) return false;
    }
    return true;
}

static void go_on(struct driver *driver) {
    while (driver->object || (driver->begun < OBJECTS_A_DRIVER && driver->under_way < UNDER_WAY)) {
        if (!(driver->object || begin_object(driver)) || !feed_object(driver)) {
            intake_wait(driver->intake, &driver->waiter);
            return;
        }
        struct object *whole = driver->object;
        driver->object = NULL;
        free(driver->bytes);
        if (next_random(&driver->seed) % 16 == 0) { /* the connection is lost just before the end */
            driver->under_way--;
            driver->verdicts[OBJECT_UNDECIDED]++;
            intake_abandon(whole);
        } else {
            intake_end(whole);
        }
    }
    if (driver->begun == OBJECTS_A_DRIVER && !driver->under_way) atomic_store_explicit(&driver->done, true, memory_order_release);
}

static void ready(struct intake_waiter *waiter) { go_on(container_of(waiter, struct driver, waiter)); }
static void started(struct reactor_call *call) { go_on(container_of(call, struct driver, start)); }

/* ---- the archive ---- */

static char folder[64];

static struct config *make_config(void) {
    const struct config_setting settings[] = {{"memory", "32MiB"}, {"workers", "2"}};
    char *errors = NULL;
    struct config *config = config_create(NULL, settings, 2, &errors);
    if (!config) print_error("%s", errors);
    assert_non_null(config);
    return config;
}

static void open_archive(struct archive *archive) {
    struct fault fault;
    const struct archive_options options = {
        .store = {.dir = folder, .bulk_segment_bytes = 16 << 20, .small_segment_bytes = 16 << 20}, .create = true};
    if (!archive_open(archive, &options, &fault)) fail_msg("%s", fault.text);
}

struct readback {
    struct archive *archive;
    uint32_t instances;
    bool (*sent)[VARIANTS];
    uint8_t *bytes;
    size_t length;
};

static bool append_block(void *context, struct slice block, uint64_t offset) {
    struct readback *r = context;
    assert_int_equal(offset, r->length);
    memcpy(r->bytes + r->length, block.bytes, block.length);
    r->length += block.length;
    return true;
}

static bool check_instance(void *context, const struct catalog_instance *instance) {
    struct readback *r = context;
    struct fault fault;
    char uid[32];
    snprintf(uid, sizeof uid, "%.*s", SLICE_ARGS(instance->uid));
    uint32_t identity = (uint32_t)atoi(uid + strlen("1.2.3.")), match = VARIANTS;
    r->length = 0;
    if (!store_read_payload(r->archive->store, instance->place, append_block, r, &fault)) fail_msg("%s", fault.text);
    for (uint32_t v = 0; v < VARIANTS && match == VARIANTS; v++) {
        size_t length;
        uint8_t *bytes = make_data_set(identity, v, &length);
        if (length == r->length && memcmp(bytes, r->bytes, length) == 0) match = v;
        free(bytes);
    }
    if (match == VARIANTS) fail_msg("%s: %zu bytes that nobody sent", uid, r->length);
    assert_true(r->sent[identity][match]);
    r->instances++;
    return true;
}

static void check_archive(struct archive *archive, bool sent[IDENTITIES][VARIANTS], uint64_t records) {
    struct fault fault;
    struct catalog_totals totals;
    struct readback r = {.archive = archive, .sent = sent, .bytes = malloc(40 << 20)};
    uint32_t identities = 0;
    for (uint32_t i = 0; i < IDENTITIES; i++) identities += sent[i][0] || sent[i][1] || sent[i][2];
    assert_true(catalog_totals(archive->catalog, &totals, &fault));
    assert_int_equal(totals.instances + totals.superseded, records);
    assert_true(totals.instances <= identities);
    assert_true(catalog_each_instance(archive->catalog, slice_text(""), slice_text(""), check_instance, &r, &fault));
    assert_int_equal(r.instances, totals.instances);
    free(r.bytes);
}

static void run_drivers(struct config *config, struct archive *archive, struct driver *drivers, uint64_t seed) {
    struct fault fault;
    struct reactor *reactors[DRIVERS];
    for (uint32_t i = 0; i < DRIVERS; i++) {
        const struct reactor_options options = {.name = "test", .index = i, .cpu = -1};
        reactors[i] = reactor_create(&options, &fault);
        if (!reactors[i]) fail_msg("%s", fault.text);
    }
    const struct pipeline_options options = {.config = config,
                                             .store = archive->store,
                                             .catalog = archive->catalog,
                                             .reactors = reactors,
                                             .reactor_count = DRIVERS,
                                             .credits = 64};
    struct pipeline *pipeline = pipeline_create(&options, &fault);
    if (!pipeline) fail_msg("%s", fault.text);
    assert_true(pipeline_start(pipeline, &fault));
    for (uint32_t i = 0; i < DRIVERS; i++) {
        drivers[i] = (struct driver){.reactor = reactors[i],
                                     .intake = pipeline_intake(pipeline, i),
                                     .start = {.run = started},
                                     .waiter = {.ready = ready},
                                     .seed = seed * 2 + i + 1};
        assert_true(reactor_post(reactors[i], &drivers[i].start));
        assert_true(reactor_start(reactors[i], &fault));
    }
    for (uint32_t i = 0; i < DRIVERS; i++)
        while (!atomic_load_explicit(&drivers[i].done, memory_order_acquire)) usleep(1000);
    pipeline_stop(pipeline);
    for (uint32_t i = 0; i < DRIVERS; i++) {
        reactor_stop(reactors[i]);
        reactor_join(reactors[i]);
    }
    assert_int_equal(chunk_pool_free(pipeline_chunks(pipeline)), chunk_pool_total(pipeline_chunks(pipeline)));
    pipeline_destroy(pipeline);
    for (uint32_t i = 0; i < DRIVERS; i++) reactor_destroy(reactors[i]);
}

static void what_was_acknowledged_is_there(void **state) {
    (void)state;
    const char *given = getenv("LEAT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("seed %llu (LEAT_SEED=%llu runs it again)\n", (unsigned long long)seed, (unsigned long long)seed);
    struct config *config = make_config();
    struct archive archive;
    struct driver drivers[DRIVERS];
    bool sent[IDENTITIES][VARIANTS] = {{false}};
    uint32_t records = 0, duplicates = 0;

    open_archive(&archive);
    run_drivers(config, &archive, drivers, seed);
    for (uint32_t d = 0; d < DRIVERS; d++) {
        assert_int_equal(drivers[d].verdicts[OBJECT_REFUSED], 0);
        records += drivers[d].verdicts[OBJECT_NEW] + drivers[d].verdicts[OBJECT_VERSION];
        duplicates += drivers[d].verdicts[OBJECT_DUPLICATE];
        assert_int_equal(drivers[d].begun, OBJECTS_A_DRIVER);
        for (uint32_t i = 0; i < IDENTITIES; i++)
            for (uint32_t v = 0; v < VARIANTS; v++) sent[i][v] |= drivers[d].sent[i][v];
    }
    assert_true(duplicates > 0);
    check_archive(&archive, sent, records);
    catalog_abandon(archive.catalog); /* as a crash would leave it: replay has to bring it back */
    archive.catalog = NULL;
    archive_close(&archive);

    open_archive(&archive);
    check_archive(&archive, sent, records);
    assert_int_equal(archive_counter(&archive, COUNTER_DUPLICATES), duplicates);
    archive_close(&archive);
    config_destroy(config);
}

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "pipeline-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_acknowledged_is_there, make_folder, remove_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
