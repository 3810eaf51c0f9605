/* SPDX-License-Identifier: Apache-2.0 */
/* command_export: one Part 10 file an instance, the data set byte for byte as it was received. A file appears under its name when
 * it is whole; one that is there already with the same bytes counts as exported, so an export that was cut short can be run
 * again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/dicom/part10.h"
#include "engine/base/progress.h"
#include "engine/serve/commands.h"

#define NAME_CHARACTERS 200u
#define SUFFIX_MOST 100000u
#define COMPARE_BYTES (1u << 20)

struct export {
    struct archive *archive;
    const struct command_arguments *arguments;
    struct output *output;
    struct progress progress;
    uint64_t failed;
    bool stop;                  /* the folder takes no more: nothing else is tried */
    char partial[64];           /* the name of a file until it is whole */
    uint8_t header[4096];
    uint8_t *compare;           /* COMPARE_BYTES */
};

/* ---- names ---- */

/* The UID; what is not safe in a file's name becomes '_'. */
static void base_name(struct slice uid, char out[NAME_CHARACTERS + 1]) {
    size_t n = 0;
    for (size_t i = 0; i < uid.length && n < NAME_CHARACTERS; i++) {
        uint8_t c = uid.bytes[i];
        bool safe = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || (c == '.' && n > 0);
        out[n++] = safe ? (char)c : '_';
    }
    if (n == 0) out[n++] = '_';
    out[n] = 0;
}

/* Whether `name` holds the same bytes as the partial file. */
static bool same_bytes(struct export *export, const char *name) {
    int directory = export->arguments->directory;
    int fds[2] = {openat(directory, export->partial, O_RDONLY | O_CLOEXEC),
                  openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    struct stat status[2];
    bool same = fds[0] >= 0 && fds[1] >= 0 && fstat(fds[0], &status[0]) == 0 && fstat(fds[1], &status[1]) == 0 &&
                S_ISREG(status[1].st_mode) && status[0].st_size == status[1].st_size;
    for (off_t at = 0; same && at < status[0].st_size;) {
        ssize_t ours = pread(fds[0], export->compare, COMPARE_BYTES / 2, at);
        ssize_t theirs = pread(fds[1], export->compare + COMPARE_BYTES / 2, COMPARE_BYTES / 2, at);
        same = ours > 0 && ours == theirs && memcmp(export->compare, export->compare + COMPARE_BYTES / 2, (size_t)ours) == 0;
        at += ours;
    }
    if (fds[0] >= 0) close(fds[0]);
    if (fds[1] >= 0) close(fds[1]);
    return same;
}

/* Gives the partial file its name, never over another file. Where renameat2 is not known (some network file systems), a link does
 * it. */
static int rename_to(int directory, const char *from, const char *to) {
    if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    if (linkat(directory, from, directory, to, 0) != 0) return errno;
    return unlinkat(directory, from, 0) == 0 ? 0 : errno;
}

/* UID.dcm; UID-2.dcm and so on for others with this SOP Instance UID. */
static bool name_file(struct export *export, struct slice uid, struct fault *fault) {
    char base[NAME_CHARACTERS + 1], name[NAME_CHARACTERS + 32];
    int directory = export->arguments->directory;
    base_name(uid, base);
    for (unsigned i = 1; i < SUFFIX_MOST; i++) {
        if (i == 1) snprintf(name, sizeof name, "%s.dcm", base);
        else snprintf(name, sizeof name, "%s-%u.dcm", base, i);
        int error = rename_to(directory, export->partial, name);
        if (error == 0) return true;
        if (error != EEXIST) return fault_set_os(fault, error, "%s can't be created", name);
        if (same_bytes(export, name)) {
            unlinkat(directory, export->partial, 0);
            return true;
        }
    }
    return fault_set(fault, FAULT_LIMIT, 0, "too many files named %s", base);
}

/* ---- bytes ---- */

static bool write_all(int fd, const uint8_t *bytes, size_t length, struct fault *fault) {
    while (length) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fault_set_os(fault, errno, "the file can't be written");
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

static bool write_header(struct export *export, int fd, const struct record *record, struct fault *fault) {
    const struct part10_meta meta = {
        .sop_class = record->sop_class_uid,
        .sop_instance = record->sop_uid,
        .transfer_syntax = record->transfer_syntax_uid,
        .source_aet = record->calling_aet,
        .sending_aet = record->calling_aet,
        .receiving_aet = record->called_aet,
    };
    size_t length = part10_write_header(export->header, sizeof export->header, &meta);
    if (!length) return fault_set(fault, FAULT_LIMIT, 0, "its UIDs or AE titles are too long for a file's head");
    return write_all(fd, export->header, length, fault);
}

static bool write_data_set(struct export *export, int fd, struct store_payload *payload, struct fault *fault) {
    for (;;) {
        struct slice block;
        if (!store_payload_next(payload, &block, fault)) return false;
        if (block.length == 0) return true;
        if (output_stopped(export->output)) return fault_set(fault, FAULT_CANCELLED, 0, "stopped");
        if (!write_all(fd, block.bytes, block.length, fault)) return false;
        progress_add(&export->progress, 0, block.length);
    }
}

static bool write_file(struct export *export, const struct catalog_instance *instance, struct store_payload *payload,
                       struct fault *fault) {
    const struct record *record = store_payload_record(payload);
    if (record->sequence != instance->sequence || !slice_equal(record->sop_uid, instance->uid))
        return fault_set(fault, FAULT_CORRUPT, instance->place.offset, "another record stands at its place (segment %u)",
                         instance->place.segment);
    int directory = export->arguments->directory;
    int fd = openat(directory, export->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        export->stop = true;
        return fault_set_os(fault, errno, "no file can be created in the folder");
    }
    bool good = write_header(export, fd, record, fault) && write_data_set(export, fd, payload, fault);
    if (close(fd) != 0 && good) good = fault_set_os(fault, errno, "the file can't be written");
    good = good && name_file(export, instance->uid, fault);
    if (!good) unlinkat(directory, export->partial, 0);
    export->stop |= !good && fault->code == FAULT_NO_SPACE;
    return good;
}

static bool export_instance(void *context, const struct catalog_instance *instance) {
    struct export *export = context;
    struct fault fault = {0};
    struct store_payload *payload = store_payload_open(export->archive->store, instance->place, &fault);
    bool good = payload && write_file(export, instance, payload, &fault);
    store_payload_close(payload);
    if (good) {
        progress_add(&export->progress, 1, 0);
    } else if (!output_stopped(export->output)) {
        export->failed++;
        output_message(export->output, "leat: instance %.*s (study %.*s) is not exported: %s", SLICE_ARGS(instance->uid),
                       SLICE_ARGS(instance->study_uid), fault.text);
    }
    return !export->stop && !output_stopped(export->output);
}

static bool export_if_of_study(void *context, const struct catalog_instance *instance) {
    struct export *export = context;
    struct slice study = export->arguments->study;
    if (study.length && !slice_equal(study, instance->study_uid)) return !output_stopped(export->output);
    return export_instance(context, instance);
}

/* ---- the command ---- */

static bool walk(struct export *export, struct fault *fault) {
    struct catalog *catalog = export->archive->catalog;
    struct slice all = slice_of("", 0);
    if (!catalog_each_instance(catalog, export->arguments->study, all, export_instance, export, fault)) return false;
    if (!export->arguments->all || export->stop || output_stopped(export->output)) return true;
    return catalog_each_quarantined(catalog, export_if_of_study, export, fault) &&
           catalog_each_version(catalog, export->arguments->study, all, export_instance, export, fault);
}

int command_export_run(struct archive *archive, const struct command_arguments *arguments, struct output *output) {
    struct fault fault = {0};
    struct catalog_totals totals = {0};
    struct export *export = calloc(1, sizeof *export);
    uint8_t *compare = malloc(COMPARE_BYTES);
    int status = 1;
    if (!export || !compare) {
        output_message(output, "leat: no memory");
    } else if (arguments->directory < 0) {
        output_message(output, "leat: export needs a folder to write into");
        status = 2;
    } else {
        *export = (struct export){.archive = archive, .arguments = arguments, .output = output, .compare = compare};
        snprintf(export->partial, sizeof export->partial, ".leat-export-%ld-%d.part", (long)getpid(), arguments->directory);
        unlinkat(arguments->directory, export->partial, 0); /* of an export that was killed */
        if (!arguments->study.length && !catalog_totals(archive->catalog, &totals, NULL)) totals.bytes = 0;
        progress_init(&export->progress, output, "exported", totals.bytes);
        bool good = walk(export, &fault);
        if (!good) output_message(output, "leat: the index can't be read: %s", fault.text);
        if (good && syncfs(arguments->directory) != 0)
            good = false, output_message(output, "leat: files may not be on disk: %s", strerror(errno));
        progress_finish(&export->progress);
        if (export->failed) output_message(output, "leat: %" PRIu64 " instances were not exported", export->failed);
        status = good && !export->failed && !output_stopped(output) ? 0 : 1;
    }
    free(compare);
    free(export);
    return status;
}
