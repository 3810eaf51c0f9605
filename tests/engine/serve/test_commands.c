/* SPDX-License-Identifier: Apache-2.0 */
/* test_commands: the commands on an archive that was written through the store and the index alone: what they say, what a filter
 * leaves, how names of files are made; what verify finds when index and log disagree; and that a rebuild, also one that was cut
 * short, extracts the attributes again and gives an index that verify finds whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/dicom/part10.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/runtime/reactor.h"
#include "engine/serve/commands.h"
#include "engine/store/log_writer.h"
#include "index/catalog_batch.h"

/* ---- output ---- */

struct heard {
    char text[2][65536]; /* result, messages */
    size_t used[2];
    atomic_bool cancel;
};

static bool hear(void *context, enum output_stream stream, const void *bytes, size_t length) {
    struct heard *heard = context;
    int i = stream == OUTPUT_MESSAGE;
    if (stream == OUTPUT_PROGRESS) return true;
    assert_true(heard->used[i] + length < sizeof heard->text[i]);
    memcpy(heard->text[i] + heard->used[i], bytes, length);
    heard->used[i] += length;
    heard->text[i][heard->used[i]] = 0;
    return true;
}

/* ---- a world: an archive in a folder of its own ---- */

#define OBJECTS_MOST 16

struct object {
    struct append append;
    struct iovec payload;
    uint8_t bytes[1024], crc[4];
    size_t length;
    char study[80], series[80], sop[80];
};

struct world {
    char dir[64];
    struct archive archive;
    struct heard *heard;
    struct object *objects;
    size_t count;
    uint64_t sequence;
    uint32_t undone;
};

static bool reopen(struct world *world, bool create, bool rebuild, struct fault *fault) {
    struct output *output = malloc(sizeof *output);
    output_init(output, hear, world->heard);
    const struct archive_options options = {
        .store = {.dir = world->dir, .small_segment_bytes = 16 << 20, .bulk_segment_bytes = 64 << 20},
        .create = create,
        .rebuild = rebuild,
        .output = output,
    };
    bool good = archive_open(&world->archive, &options, fault);
    free(output);
    return good;
}

static int setup(void **state) {
    struct fault fault = {0};
    struct world *world = calloc(1, sizeof *world);
    world->heard = calloc(1, sizeof *world->heard);
    world->objects = calloc(OBJECTS_MOST, sizeof *world->objects);
    strcpy(world->dir, "/tmp/test_commands.XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    log_set_level(LOG_ERROR);
    if (!reopen(world, true, false, &fault)) fail_msg("%s", fault.text);
    *state = world;
    return 0;
}

static void remove_tree(const char *path) {
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char name[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR) remove_tree(name);
        else unlink(name);
    }
    if (dir) closedir(dir);
    rmdir(path);
}

static int teardown(void **state) {
    struct world *world = *state;
    if (world->archive.store) archive_close(&world->archive);
    remove_tree(world->dir);
    free(world->objects);
    free(world->heard);
    free(world);
    return 0;
}

/* ---- objects ---- */

static void put(struct writer *w, uint16_t group, uint16_t element, const char *vr, const char *text) {
    size_t n = strlen(text), padded = n + (n & 1);
    writer_le16(w, group);
    writer_le16(w, element);
    writer_bytes(w, vr, 2);
    writer_le16(w, (uint16_t)padded);
    writer_bytes(w, text, n);
    writer_zeros(w, padded - n);
}

/* No attributes in its record: only an extraction finds the patient. */
static void make_object(struct world *world, const char *patient, const char *study, const char *series, const char *sop,
                        int variant) {
    struct object *object = &world->objects[world->count++];
    struct writer w = writer_over(object->bytes, sizeof object->bytes);
    char text[64];
    assert_true(world->count <= OBJECTS_MOST);
    put(&w, 0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.7");
    put(&w, 0x0008, 0x0018, "UI", sop);
    put(&w, 0x0008, 0x0060, "CS", "OT");
    snprintf(text, sizeof text, "Name^Of %s", patient);
    put(&w, 0x0010, 0x0010, "PN", text);
    put(&w, 0x0010, 0x0020, "LO", patient);
    put(&w, 0x0020, 0x000D, "UI", study);
    put(&w, 0x0020, 0x000E, "UI", series);
    snprintf(text, sizeof text, "%d", variant);
    put(&w, 0x0020, 0x0013, "IS", text);
    assert_false(w.failed);
    object->length = writer_length(&w);
    object->payload = (struct iovec){object->bytes, object->length};
    store_le32(object->crc, checksum_crc32(0, object->bytes, object->length));
    snprintf(object->study, sizeof object->study, "%s", study);
    snprintf(object->series, sizeof object->series, "%s", series);
    snprintf(object->sop, sizeof object->sop, "%s", sop);
    struct append *append = &object->append;
    append->record = (struct record){.type = RECORD_OBJECT,
                                     .sequence = ++world->sequence << 8,
                                     .received_us = world->sequence,
                                     .study_uid = slice_text(object->study),
                                     .series_uid = slice_text(object->series),
                                     .sop_uid = slice_text(object->sop),
                                     .sop_class_uid = slice_text("1.2.840.10008.5.1.4.1.1.7"),
                                     .transfer_syntax_uid = slice_text("1.2.840.10008.1.2.1"),
                                     .calling_aet = slice_text("SENDER"),
                                     .called_aet = slice_text("LEAT"),
                                     .payload_length = object->length,
                                     .block_crcs = slice_of(object->crc, 4)};
    struct digest_value digest = digest_of(store_secret(world->archive.store), object->bytes, object->length);
    memcpy(append->record.digest, digest.bytes, sizeof digest.bytes);
    append->payload = &object->payload;
    append->payload_count = 1;
    append->payload_bytes = object->length;
}

static struct world *waiting; /* of appended: a test has one thread and one world */

static void appended(struct append *append) {
    assert_int_equal(append->result, APPEND_DURABLE);
    waiting->undone--;
}

static void mark_stopped(void *context) { *(bool *)context = true; }

/* All objects made so far, into one small log. */
static void write_objects(struct world *world) {
    struct fault fault = {0};
    const struct reactor_options reactor_options = {.name = "test", .cpu = -1};
    struct reactor *reactor = reactor_create(&reactor_options, &fault);
    if (!reactor) fail_msg("%s", fault.text);
    reactor_turn(reactor, 0);
    const struct log_writer_options options = {.log = 1, .kind = STORE_SMALL, .volume = STORE_ANY_VOLUME, .loop = reactor};
    struct log_writer *writer = log_writer_create(world->archive.store, &options, &fault);
    if (!writer) fail_msg("%s", fault.text);
    waiting = world;
    for (size_t i = 0; i < world->count; i++) {
        world->objects[i].append.done = appended;
        world->undone++;
        log_writer_append(writer, &world->objects[i].append);
    }
    log_writer_kick(writer);
    while (world->undone) reactor_turn(reactor, 100);
    bool stopped = false;
    log_writer_stop(writer, false, mark_stopped, &stopped);
    while (!stopped) reactor_turn(reactor, 100);
    log_writer_destroy(writer);
    reactor_stop(reactor);
    reactor_run(reactor);
    reactor_destroy(reactor);
}

/* As the committer does, but for the one left out (SIZE_MAX: none). */
static void index_objects(struct world *world, size_t left_out) {
    struct fault fault = {0};
    struct catalog_batch *batch = catalog_batch_begin(world->archive.catalog);
    for (size_t i = 0; i < world->count; i++) {
        struct append *append = &world->objects[i].append;
        if (i != left_out) assert_int_equal(catalog_batch_apply(batch, &append->record, append->place, &fault), CATALOG_APPLIED);
        catalog_batch_position(batch, 1, append->place.segment, append->next_offset);
    }
    if (!catalog_batch_commit(batch, &fault)) fail_msg("%s", fault.text);
}

static void fill(struct world *world) {
    make_object(world, "P1", "1.1", "1.1.1", "1.1.1.1", 1);
    make_object(world, "P1", "1.1", "1.1.1", "1.1.1.2", 2);
    make_object(world, "P1", "1.1", "1.1.2", "1.1.1.1", 3); /* the same SOP Instance UID in another series */
    make_object(world, "P2", "1.2", "1.2.1", "1.2/../1", 4); /* no UID, and a dangerous name */
    make_object(world, "P2", "1.2", "1.2.1", "1.2.1.2", 5);
    make_object(world, "P2", "1.2", "1.2.1", "1.2.1.2", 6); /* a new version */
    write_objects(world);
    index_objects(world, SIZE_MAX);
}

/* ---- asking ---- */

static int run(struct world *world, int directory, char **arguments) {
    int count = 0;
    while (arguments[count]) count++;
    struct output *output = malloc(sizeof *output);
    output_init(output, hear, world->heard);
    output->cancel = &world->heard->cancel;
    memset(world->heard->used, 0, sizeof world->heard->used);
    world->heard->text[0][0] = world->heard->text[1][0] = 0;
    const struct control_request request = {.argument_count = count, .arguments = arguments, .directory = directory};
    int status = commands_run(&world->archive, &request, output);
    free(output);
    return status;
}

#define RUN(world, ...) run(world, -1, (char *[]){__VA_ARGS__, NULL})

static bool said(const struct world *world, const char *text) {
    return strstr(world->heard->text[0], text) || strstr(world->heard->text[1], text);
}

static size_t rows(const struct world *world) {
    size_t n = 0;
    for (const char *at = world->heard->text[0]; (at = strstr(at, "\n{")); at++) n++;
    return n;
}

/* Closed and opened again, with an index made anew. */
static void rebuild(struct world *world) {
    struct fault fault = {0};
    archive_close(&world->archive);
    if (!reopen(world, false, true, &fault)) fail_msg("%s", fault.text);
}

/* ---- tests ---- */

static void test_stats_and_ls(void **state) {
    struct world *world = *state;
    fill(world);
    rebuild(world);
    assert_int_equal(RUN(world, "stats", "json=1"), 0);
    assert_true(said(world, "{\"patients\": 2, \"studies\": 2, \"series\": 3, \"instances\": 5, \"bytes\": "));
    assert_true(said(world, "\"superseded\": 1"));
    assert_int_equal(RUN(world, "stats"), 0);
    assert_true(said(world, "superseded versions"));
    static const struct {
        char *level, *filter;
        size_t rows;
    } asked[] = {
        {"level=patients", NULL, 2},          {"level=studies", NULL, 2},          {"level=series", NULL, 3},
        {"level=instances", NULL, 5},         {"level=patients", "patient=P1", 1}, {"level=studies", "patient=P1", 1},
        {"level=series", "patient=P1", 2},    {"level=instances", "patient=P1", 3}, {"level=instances", "patient=P", 0},
        {"level=studies", "study=1.2", 1},    {"level=series", "study=1.1", 2},    {"level=instances", "study=1.2", 2},
        {"level=instances", "series=1.1.2", 1}, {"level=series", "series=1.1.2", 1}, {"level=instances", "study=9", 0},
    };
    for (size_t i = 0; i < array_count(asked); i++) {
        assert_int_equal(run(world, -1, (char *[]){"ls", "json=1", asked[i].level, asked[i].filter, NULL}), 0);
        if (rows(world) != asked[i].rows) fail_msg("%s %s: %s", asked[i].level, asked[i].filter, world->heard->text[0]);
    }
    assert_int_equal(RUN(world, "ls", "level=patients"), 0);
    assert_true(said(world, "Name^Of P1"));
    assert_int_equal(RUN(world, "problems", "json=1"), 0);
    assert_string_equal(world->heard->text[0], "[]\n");
}

static void test_arguments(void **state) {
    struct world *world = *state;
    assert_int_equal(RUN(world, "ls", "level=worlds"), 2);
    assert_int_equal(RUN(world, "ls", "colour=red"), 2);
    assert_int_equal(RUN(world, "ls", "json"), 2);
    assert_int_equal(RUN(world, "rebuild"), 2);
    assert_int_equal(RUN(world, "export"), 2);
    fill(world);
    world->heard->cancel = true;
    assert_int_equal(RUN(world, "ls"), 1);
    assert_int_equal(RUN(world, "verify"), 1);
}

static void test_verify(void **state) {
    struct world *world = *state;
    assert_int_equal(RUN(world, "verify"), 0); /* an empty archive is whole */
    fill(world);
    assert_int_equal(RUN(world, "verify", "json=1"), 0);
    assert_true(said(world, "\"objects\": 6") && said(world, "\"wrong\": 0, \"finished\": true"));
}

/* A record that the index was told to have passed, and has not. */
static void test_verify_finds_what_the_index_lacks(void **state) {
    struct world *world = *state;
    make_object(world, "P1", "1.1", "1.1.1", "1.1.1.1", 1);
    make_object(world, "P1", "1.1", "1.1.1", "1.1.1.2", 2);
    write_objects(world);
    index_objects(world, 1);
    assert_int_equal(RUN(world, "verify"), 1);
    assert_true(said(world, "1.1.1.2") && said(world, "is not in the index") && !said(world, "1.1.1.1"));
    rebuild(world);
    assert_int_equal(RUN(world, "verify"), 0);
}

/* A row whose record is nowhere, and one that names the place of another. */
static void test_verify_finds_what_the_log_lacks(void **state) {
    struct world *world = *state;
    struct fault fault = {0};
    fill(world);
    struct record ghost = world->objects[0].append.record;
    ghost.sop_uid = slice_text("9.9.9");
    ghost.sequence = 900 << 8;
    struct place nowhere = world->objects[0].append.place;
    nowhere.offset += 8;
    struct catalog_batch *batch = catalog_batch_begin(world->archive.catalog);
    assert_int_equal(catalog_batch_apply(batch, &ghost, nowhere, &fault), CATALOG_APPLIED);
    ghost.sop_uid = slice_text("9.9.10");
    ghost.sequence = 901 << 8;
    assert_int_equal(catalog_batch_apply(batch, &ghost, world->objects[1].append.place, &fault), CATALOG_APPLIED);
    assert_true(catalog_batch_commit(batch, &fault));
    assert_int_equal(RUN(world, "verify"), 1);
    assert_true(said(world, "instance 9.9.9 ") && said(world, "holds no record"));
    assert_true(said(world, "instance 9.9.10 ") && said(world, "holds another record"));
    rebuild(world);
    assert_int_equal(RUN(world, "verify"), 0);
    assert_int_equal(RUN(world, "ls", "json=1", "level=instances"), 0);
    assert_int_equal(rows(world), 5);
}

/* Killed in the middle of a rebuild: whoever opens the archive next does it whole, attributes too. */
static void test_unfinished_rebuild(void **state) {
    struct world *world = *state;
    struct fault fault = {0};
    char marker[128];
    fill(world);
    assert_int_equal(RUN(world, "ls", "json=1", "patient=P1"), 0);
    assert_int_equal(rows(world), 0); /* the records know no patient */
    archive_close(&world->archive);
    snprintf(marker, sizeof marker, "%s/rebuilding", world->dir);
    close(open(marker, O_CREAT | O_WRONLY, 0600));
    assert_true(reopen(world, false, false, &fault));
    assert_int_equal(access(marker, F_OK), -1);
    assert_int_equal(RUN(world, "ls", "json=1", "patient=P1"), 0);
    assert_int_equal(rows(world), 1);
    /* Cut short by its reader: the marker stays, and nothing is lost. */
    archive_close(&world->archive);
    struct output *output = malloc(sizeof *output);
    atomic_bool cancel = true;
    output_init(output, hear, world->heard);
    output->cancel = &cancel;
    const struct archive_options options = {.store.dir = world->dir, .rebuild = true, .output = output};
    assert_false(archive_open(&world->archive, &options, &fault));
    assert_int_equal(fault.code, FAULT_CANCELLED);
    assert_int_equal(access(marker, F_OK), 0);
    free(output);
    assert_true(reopen(world, false, false, &fault));
    assert_int_equal(RUN(world, "verify"), 0);
    assert_int_equal(RUN(world, "ls", "json=1", "level=instances"), 0);
    assert_int_equal(rows(world), 5);
}

static void check_file(const struct world *world, const char *folder, const char *name, size_t index) {
    char path[256];
    static uint8_t bytes[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0) fail_msg("no %s", path);
    ssize_t n = read(fd, bytes, sizeof bytes);
    close(fd);
    struct part10 head;
    struct fault fault;
    assert_true(part10_parse(slice_of(bytes, (size_t)n), &head, &fault));
    const struct object *object = &world->objects[index];
    assert_int_equal((size_t)n - head.data_set_offset, object->length);
    assert_memory_equal(bytes + head.data_set_offset, object->bytes, object->length);
    assert_true(slice_equal(head.sop_instance, slice_text(object->sop)));
    assert_true(slice_equal(head.receiving_aet, slice_text("LEAT")));
}

static size_t count_files(const char *folder) {
    size_t n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));) n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return n;
}

static bool holds(const struct world *world, const char *folder, const char *name, size_t index) {
    char path[256];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (stat(path, &status) != 0) return false;
    static uint8_t bytes[8192];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof bytes);
    close(fd);
    const struct object *object = &world->objects[index];
    return n > (ssize_t)object->length && memcmp(bytes + n - object->length, object->bytes, object->length) == 0;
}

static void test_export(void **state) {
    struct world *world = *state;
    char folder[128];
    fill(world);
    snprintf(folder, sizeof folder, "%s/out", world->dir);
    mkdir(folder, 0700);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    close(openat(fd, "1.1.1.2.dcm", O_CREAT | O_WRONLY, 0600)); /* somebody else's file */
    assert_int_equal(run(world, fd, (char *[]){"export", NULL}), 0);
    assert_int_equal(count_files(folder), 6);
    struct stat status;
    assert_int_equal(fstatat(fd, "1.1.1.2.dcm", &status, 0), 0);
    assert_int_equal(status.st_size, 0);
    check_file(world, folder, "1.1.1.2-2.dcm", 1);
    check_file(world, folder, "1.2_.._1.dcm", 3);
    check_file(world, folder, "1.2.1.2.dcm", 5); /* the current version */
    bool first = holds(world, folder, "1.1.1.1.dcm", 0);
    check_file(world, folder, "1.1.1.1.dcm", first ? 0 : 2);
    check_file(world, folder, "1.1.1.1-2.dcm", first ? 2 : 0);
    assert_int_equal(run(world, fd, (char *[]){"export", NULL}), 0); /* again: nothing new */
    assert_int_equal(count_files(folder), 6);
    assert_int_equal(run(world, fd, (char *[]){"export", "all=1", NULL}), 0);
    assert_int_equal(count_files(folder), 7);
    check_file(world, folder, "1.2.1.2-2.dcm", 4); /* the superseded one */
    close(fd);
    snprintf(folder, sizeof folder, "%s/study", world->dir);
    mkdir(folder, 0700);
    fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(run(world, fd, (char *[]){"export", "study=1.2", NULL}), 0);
    assert_int_equal(count_files(folder), 2);
    close(fd);
}

/* A flipped bit: named, and the others are written. */
static void test_flipped_bit(void **state) {
    struct world *world = *state;
    char folder[128], path[512] = "";
    struct fault fault = {0};
    fill(world);
    struct place place = world->objects[1].append.place;
    archive_close(&world->archive);
    snprintf(folder, sizeof folder, "%s/segments", world->dir);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    closedir(dir);
    int segment = open(path, O_RDWR);
    assert_true(segment >= 0);
    uint8_t byte;
    off_t at = (off_t)(place.offset + place.header_bytes + 40);
    assert_int_equal(pread(segment, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(segment, &byte, 1, at), 1);
    close(segment);
    assert_true(reopen(world, false, false, &fault));
    assert_int_equal(RUN(world, "verify"), 1);
    assert_true(said(world, "instance 1.1.1.2 of study 1.1 "));
    snprintf(folder, sizeof folder, "%s/out", world->dir);
    mkdir(folder, 0700);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(run(world, fd, (char *[]){"export", NULL}), 1);
    assert_true(said(world, "instance 1.1.1.2 (study 1.1) is not exported"));
    assert_int_equal(count_files(folder), 4);
    close(fd);
    rebuild(world); /* its record's attributes stand */
    assert_int_equal(RUN(world, "ls", "json=1", "level=instances"), 0);
    assert_int_equal(rows(world), 5);
}

static void test_folders(void **state) {
    struct world *world = *state;
    struct fault fault = {0};
    struct archive other;
    char path[128], target[256];
    const struct archive_options locked = {.store.dir = world->dir};
    assert_false(archive_open(&other, &locked, &fault));
    assert_int_equal(fault.code, FAULT_LOCKED);
    assert_int_equal(archive_exit_status(&fault), 2);
    snprintf(path, sizeof path, "%s/nothing", world->dir);
    const struct archive_options absent = {.store.dir = path};
    assert_false(archive_open(&other, &absent, &fault));
    assert_int_equal(fault.code, FAULT_MISSING);
    assert_int_equal(access(path, F_OK), -1);
    /* An index elsewhere is found without its configuration. */
    fill(world);
    archive_close(&world->archive);
    snprintf(path, sizeof path, "%s/disk/index", world->dir);
    char link[128];
    snprintf(link, sizeof link, "%s/index", world->dir);
    remove_tree(link);
    const struct archive_options moved = {.store.dir = world->dir, .index_dir = path};
    if (!archive_open(&world->archive, &moved, &fault)) fail_msg("%s", fault.text);
    archive_close(&world->archive);
    assert_true(readlink(link, target, sizeof target) > 0);
    assert_true(reopen(world, false, false, &fault));
    assert_int_equal(RUN(world, "verify"), 0);
    assert_int_equal(RUN(world, "ls", "json=1", "level=instances"), 0);
    assert_int_equal(rows(world), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_stats_and_ls),
        TEST(test_arguments),
        TEST(test_verify),
        TEST(test_verify_finds_what_the_index_lacks),
        TEST(test_verify_finds_what_the_log_lacks),
        TEST(test_unfinished_rebuild),
        TEST(test_export),
        TEST(test_flipped_bit),
        TEST(test_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
