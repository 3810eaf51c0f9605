/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/serve/replay.h"
#include "engine/store/disk_real.h"

#define INDEX_NAME "index"
#define MARKER_NAME "rebuilding" /* stands while an index is made anew: what is there is not whole */
#define SETTLE_MS 3000u
#define SETTLE_POLL_MS 20

static char *path_join(const char *dir, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* ---- the marker of a rebuild ---- */

static bool marker_stands(const char *dir) {
    char *path = path_join(dir, MARKER_NAME);
    bool stands = path && access(path, F_OK) == 0;
    free(path);
    return stands;
}

static bool sync_folder(const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return good;
}

/* Durable when it returns. */
static bool marker_change(const char *dir, bool set, struct fault *fault) {
    char *path = path_join(dir, MARKER_NAME);
    if (!path) return fault_set(fault, FAULT_MEMORY, 0, "no memory");
    int fd = set ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    bool good = set ? fd >= 0 && fsync(fd) == 0 : unlink(path) == 0 || errno == ENOENT;
    good = good && sync_folder(dir);
    if (!good) fault_set_os(fault, errno, set ? "%s can't be created" : "%s can't be removed", path);
    if (fd >= 0) close(fd);
    free(path);
    return good;
}

/* ---- where the index is ---- */

/* A configured index has a link in the data folder, so that commands find it without the configuration. */
static void keep_link(const char *dir, const char *index_dir) {
    char *link = path_join(dir, INDEX_NAME), *target = realpath(index_dir, NULL), *former = link ? realpath(link, NULL) : NULL;
    struct stat status;
    bool is_there = link && lstat(link, &status) == 0;
    if (!link || !target || (former && strcmp(former, target) == 0)) {
        /* it is as it should be, or can't be known */
    } else if (is_there && !S_ISLNK(status.st_mode)) {
        log_warn("%s is an index that is no longer used: index_dir is %s", link, target);
    } else {
        if (is_there) unlink(link);
        if (symlink(target, link) != 0) log_warn("no link %s to %s: %s", link, target, strerror(errno));
    }
    free(link);
    free(target);
    free(former);
}

/* Folders of a path, made where they are missing; a dangling link is followed to what it names. */
static bool make_folders(const char *path, struct fault *fault) {
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return fault_set(fault, FAULT_CONFIG, 0, "too long a path: %s", path);
    for (char *slash = part + 1;; slash++) {
        slash = strchrnul(slash, '/');
        char kept = *slash;
        *slash = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST) return fault_set_os(fault, errno, "folder %s can't be made", part);
        *slash = kept;
        if (!kept) return true;
    }
}

static bool settle_index_dir(struct archive *archive, const char *configured, struct fault *fault) {
    archive->index_dir = configured ? strdup(configured) : path_join(archive->dir, INDEX_NAME);
    if (!archive->index_dir) return fault_set(fault, FAULT_MEMORY, 0, "no memory");
    if (!make_folders(archive->index_dir, fault)) return false;
    if (configured) keep_link(archive->dir, configured);
    store_watch_space(archive->store, archive->index_dir);
    return true;
}

/* ---- open ---- */

static bool open_store(struct archive *archive, const struct archive_options *options, struct fault *fault) {
    struct store_options store_options = options->store;
    store_options.read_only = store_options.accept_missing = false;
    archive->disk = disk_real_create(fault);
    if (!archive->disk) return false;
    if (store_look(archive->disk, archive->dir) == STORE_ABSENT) {
        if (!options->create) return fault_set(fault, FAULT_MISSING, 0, "there is no archive in %s", archive->dir);
        if (!make_folders(archive->dir, fault) || !store_create(archive->disk, &store_options, fault)) return false;
        log_info("new archive in %s", archive->dir);
    }
    archive->store = store_open(archive->disk, &store_options, fault);
    if (archive->store || fault->code != FAULT_MISSING || !options->accept_missing) return archive->store != NULL;
    log_warn("%s; going on without, as asked for", fault->text);
    /* From here on the index names what is gone, so the marker comes first. */
    store_options.accept_missing = true;
    archive->store = marker_change(archive->dir, true, fault) ? store_open(archive->disk, &store_options, fault) : NULL;
    return archive->store != NULL;
}

static bool open_catalog(struct archive *archive, const struct archive_options *options, struct fault *fault) {
    struct catalog_options catalog_options = {.memory_bytes = options->index_memory_bytes, .direct_io = true};
    memcpy(catalog_options.secret, store_secret(archive->store), DIGEST_SECRET_BYTES);
    archive->catalog = catalog_open(archive->index_dir, &catalog_options, fault);
    return archive->catalog != NULL;
}

/* The marker stands until the new index is whole and durable; whoever opens the archive before that begins again. */
static bool catch_up(struct archive *archive, const struct archive_options *options, struct fault *fault) {
    struct replay_report report;
    bool unfinished = marker_stands(archive->dir);
    bool anew = options->rebuild || unfinished;
    if (unfinished && !options->rebuild) log_warn("a rebuild of the index was cut short; it is done again");
    if (anew && (!marker_change(archive->dir, true, fault) || !catalog_wipe(archive->index_dir, fault))) return false;
    if (!open_catalog(archive, options, fault)) return false;
    uint64_t started_ms = clock_monotonic_ms();
    if (!replay_run(archive->store, archive->catalog, anew, options->output, &report, fault)) return false;
    if (!options->output && report.records)
        log_info("the index caught up with %" PRIu64 " records in %" PRIu64 " ms", report.records,
                 clock_monotonic_ms() - started_ms);
    return !anew || (catalog_flush(archive->catalog, fault) && marker_change(archive->dir, false, fault));
}

static bool take_counters(void *context, struct slice name, uint64_t total) {
    struct archive *archive = context;
    enum counter counter = counters_find((const char *)name.bytes, name.length);
    if (counter < COUNTER_COUNT) archive->counters_before[counter] = total;
    return true;
}

bool archive_open(struct archive *archive, const struct archive_options *options, struct fault *fault) {
    *archive = (struct archive){.dir = strdup(options->store.dir)};
    *fault = (struct fault){0};
    bool good = archive->dir ? open_store(archive, options, fault) && settle_index_dir(archive, options->index_dir, fault) &&
                                   catch_up(archive, options, fault) &&
                                   catalog_each_counter(archive->catalog, take_counters, archive, fault)
                             : fault_set(fault, FAULT_MEMORY, 0, "no memory");
    if (!good) archive_close(archive);
    return good;
}

void archive_close(struct archive *archive) {
    catalog_close(archive->catalog);
    store_close(archive->store);
    if (archive->disk) disk_destroy(archive->disk);
    free(archive->dir);
    free(archive->index_dir);
    *archive = (struct archive){0};
}

uint64_t archive_counter(const struct archive *archive, enum counter counter) {
    return archive->counters_before[counter] + (archive->counters ? counters_sum(archive->counters, counter) : 0);
}

struct noted {
    uint64_t wanted[COUNTER_COUNT], found[COUNTER_COUNT];
};

static bool take_found(void *context, struct slice name, uint64_t total) {
    struct noted *noted = context;
    enum counter counter = counters_find((const char *)name.bytes, name.length);
    if (counter < COUNTER_COUNT) noted->found[counter] = total;
    return true;
}

static bool all_found(struct archive *archive, struct noted *noted) {
    if (!catalog_each_counter(archive->catalog, take_found, noted, NULL)) return true; /* whoever reads the index will say so */
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        if (noted->found[i] < noted->wanted[i]) return false;
    return true;
}

void archive_settle(struct archive *archive, const struct output *output) {
    if (!archive->counters) return;
    struct noted noted = {0};
    for (unsigned i = 0; i < COUNTER_COUNT; i++) noted.wanted[i] = archive_counter(archive, (enum counter)i);
    uint64_t end_ms = clock_monotonic_ms() + SETTLE_MS;
    while (!all_found(archive, &noted) && clock_monotonic_ms() < end_ms && !output_stopped(output))
        nanosleep(&(struct timespec){.tv_nsec = SETTLE_POLL_MS * 1000000}, NULL);
}

int archive_exit_status(const struct fault *fault) {
    switch (fault->code) {
    case FAULT_MISSING:
    case FAULT_LOCKED:
    case FAULT_NEWER_FORMAT:
    case FAULT_CONFIG: return 2;
    default: return 1;
    }
}
