/* SPDX-License-Identifier: Apache-2.0 */
/* disk_real: system calls, operations on a reactor's ring, and the background thread that runs jobs (the steward). */
#include "engine/store/disk_real.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/runtime/io.h"
#include "engine/runtime/reactor.h"

struct real {
    struct disk disk;
    pthread_mutex_t mutex; /* over everything below */
    pthread_cond_t changed;
    pthread_t thread;
    bool started, stopping, hurried; /* hurried: delays are over (disk_settle) */
    struct disk_job *first, *last;   /* in the order in which they were started */
    bool running;
};

struct real_file {
    struct disk_file head;
    int fd;
};

static struct real *real_of(struct disk *disk) { return container_of(disk, struct real, disk); }
static int fd_of(struct disk_file *file) { return container_of(file, struct real_file, head)->fd; }

/* ---- files ---- */

static int real_open(struct disk *disk, const char *path, unsigned flags, struct disk_file **file) {
    int how = (flags & DISK_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC;
    if (flags & DISK_CREATE) how |= O_CREAT | O_EXCL;
    int fd = open(path, how | (flags & DISK_DIRECT ? O_DIRECT : 0), 0640);
    if (fd < 0 && (flags & DISK_DIRECT) && errno == EINVAL) {
        /* The file system has no O_DIRECT; an O_CREAT that failed so may have left the file. */
        fd = open(path, how & ~O_EXCL, 0640);
    }
    if (fd < 0) return -errno;
    struct real_file *out = malloc(sizeof *out);
    if (!out) {
        close(fd);
        return -ENOMEM;
    }
    *out = (struct real_file){.head = {disk}, .fd = fd};
    *file = &out->head;
    return 0;
}

static void real_close(struct disk_file *file) {
    close(fd_of(file));
    free(container_of(file, struct real_file, head));
}

static int64_t real_pread(struct disk_file *file, void *buffer, size_t bytes, uint64_t offset) {
    ssize_t n = pread(fd_of(file), buffer, bytes, (off_t)offset);
    return n < 0 ? -errno : n;
}

static int64_t real_pwrite(struct disk_file *file, const void *buffer, size_t bytes, uint64_t offset) {
    ssize_t n = pwrite(fd_of(file), buffer, bytes, (off_t)offset);
    return n < 0 ? -errno : n;
}

static int real_fdatasync(struct disk_file *file) { return fdatasync(fd_of(file)) ? -errno : 0; }

static int64_t real_size(struct disk_file *file) {
    struct stat stat;
    return fstat(fd_of(file), &stat) ? -errno : stat.st_size;
}

/* Where the file system can't reserve (some network and FUSE ones), the size alone is set. */
static int real_allocate(struct disk_file *file, uint64_t bytes) {
    if (fallocate(fd_of(file), 0, 0, (off_t)bytes) == 0) return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS) return -errno;
    struct stat stat;
    if (fstat(fd_of(file), &stat)) return -errno;
    return (uint64_t)stat.st_size >= bytes || ftruncate(fd_of(file), (off_t)bytes) == 0 ? 0 : -errno;
}

static int real_truncate(struct disk_file *file, uint64_t bytes) { return ftruncate(fd_of(file), (off_t)bytes) ? -errno : 0; }

/* ---- names ---- */

static int real_rename(struct disk *disk, const char *from, const char *to) { return rename(from, to) ? -errno : 0; }
static int real_unlink(struct disk *disk, const char *path) { return unlink(path) ? -errno : 0; }
static int real_mkdir(struct disk *disk, const char *path) { return mkdir(path, 0750) ? -errno : 0; }

static int real_sync_dir(struct disk *disk, const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int error = fsync(fd) ? -errno : 0;
    close(fd);
    return error;
}

static int real_list(struct disk *disk, const char *path, disk_visitor *visit, void *context) {
    DIR *folder = opendir(path);
    if (!folder) return -errno;
    struct dirent *entry;
    while (errno = 0, (entry = readdir(folder)) != NULL) {
        struct stat stat;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (fstatat(dirfd(folder), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW)) continue; /* gone meanwhile */
        visit(context, entry->d_name, S_ISDIR(stat.st_mode), (uint64_t)stat.st_size);
    }
    int error = -errno;
    closedir(folder);
    return error;
}

static int real_space(struct disk *disk, const char *path, struct disk_space *space) {
    struct statvfs vfs;
    if (statvfs(path, &vfs)) return -errno;
    space->free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    space->total_bytes = (uint64_t)vfs.f_blocks * vfs.f_frsize;
    return 0;
}

static int64_t real_filesystem(struct disk *disk, const char *path) {
    struct stat info;
    return stat(path, &info) ? -errno : (int64_t)(info.st_dev & INT64_MAX);
}

static int64_t read_pid(int fd) {
    char text[32] = {0};
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    int64_t pid = n > 0 ? strtoll(text, NULL, 10) : 0;
    /* Readers share the lock without a word: the text may be that of an owner who has left. */
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH ? 0 : pid;
}

static int real_lock(struct disk *disk, const char *path, bool exclusive, struct disk_file **lock, int64_t *owner_pid) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 && !exclusive && (errno == EACCES || errno == EROFS)) fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct real_file *out = malloc(sizeof *out);
    int error = out ? 0 : -ENOMEM;
    if (!error && flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB)) error = -errno;
    if (error == -EWOULDBLOCK) *owner_pid = read_pid(fd);
    if (!error && exclusive) {
        char text[32];
        int length = snprintf(text, sizeof text, "%lld\n", (long long)getpid());
        if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)length, 0) != length)
            log_warn("%s: the process id can't be written", path);
    }
    if (error) {
        free(out);
        close(fd);
        return error;
    }
    *out = (struct real_file){.head = {disk}, .fd = fd};
    *lock = &out->head;
    return 0;
}

/* ---- operations ---- */

/* What a disk_op's room holds while it runs. */
struct running {
    struct op op;
    struct disk_op *owner;
};
_Static_assert(sizeof(struct running) <= sizeof((struct disk_op){0}.room), "an operation has room for its ring's part");

static void op_done(struct op *op, int32_t result, uint32_t flags) {
    struct running *running = container_of(op, struct running, op);
    running->owner->done(running->owner, result);
}

static struct op *begin_op(struct disk_op *op) {
    struct running *running = (struct running *)(void *)op->room;
    *running = (struct running){.op = {op_done}, .owner = op};
    return &running->op;
}

static void real_start_writev(struct disk_file *file, void *loop, struct disk_op *op, const struct iovec *parts, uint32_t count,
                              uint64_t offset) {
    io_writev(loop, begin_op(op), fd_of(file), parts, count, offset);
}

static void real_start_sync(struct disk_file *file, void *loop, struct disk_op *op) {
    io_fdatasync(loop, begin_op(op), fd_of(file));
}

/* ---- jobs ---- */

struct returning {
    struct reactor_call call;
    struct disk_job *owner;
};
_Static_assert(sizeof(struct returning) <= sizeof((struct disk_job){0}.room), "a job has room for its way back");

static void job_returned(struct reactor_call *call) {
    struct disk_job *job = container_of(call, struct returning, call)->owner;
    job->done(job);
}

static void send_back(struct disk_job *job) {
    if (!job->loop) {
        job->done(job);
        return;
    }
    struct returning *returning = (struct returning *)(void *)job->room;
    *returning = (struct returning){.call = {job_returned}, .owner = job};
    while (!reactor_post(job->loop, &returning->call)) usleep(1000); /* its inbox is full for the moment */
}

/* The first job that may run; with `due` how long until one may. */
static struct disk_job *take_job(struct real *real, uint64_t now, uint64_t *due) {
    struct disk_job *previous = NULL;
    *due = UINT64_MAX;
    for (struct disk_job *job = real->first; job; previous = job, job = job->next) {
        if (job->due_ms > now && !real->hurried) {
            if (job->due_ms < *due) *due = job->due_ms;
            continue;
        }
        if (previous)
            previous->next = job->next;
        else
            real->first = job->next;
        if (real->last == job) real->last = previous;
        return job;
    }
    return NULL;
}

static void wait_until(struct real *real, uint64_t due_ms) {
    if (due_ms == UINT64_MAX) {
        pthread_cond_wait(&real->changed, &real->mutex);
        return;
    }
    struct timespec at = {.tv_sec = (time_t)(due_ms / 1000), .tv_nsec = (long)(due_ms % 1000) * 1000000};
    pthread_cond_timedwait(&real->changed, &real->mutex, &at);
}

static void *steward(void *context) {
    struct real *real = context;
    pthread_setname_np(pthread_self(), "leat-steward");
    pthread_mutex_lock(&real->mutex);
    for (;;) {
        uint64_t due;
        struct disk_job *job = take_job(real, clock_monotonic_ms(), &due);
        if (!job && real->stopping) break;
        if (!job) {
            wait_until(real, due);
            continue;
        }
        bool has_done = job->done;
        real->running = true;
        pthread_mutex_unlock(&real->mutex);
        job->work(job);
        if (has_done) send_back(job);
        pthread_mutex_lock(&real->mutex);
        real->running = false;
        pthread_cond_broadcast(&real->changed);
    }
    pthread_mutex_unlock(&real->mutex);
    return NULL;
}

static void real_start_job(struct disk *disk, void *loop, struct disk_job *job, uint32_t delay_ms) {
    struct real *real = real_of(disk);
    job->loop = loop;
    job->next = NULL;
    job->due_ms = delay_ms ? clock_monotonic_ms() + delay_ms : 0;
    pthread_mutex_lock(&real->mutex);
    if (!real->started) {
        real->started = pthread_create(&real->thread, NULL, steward, real) == 0;
        invariant(real->started);
    }
    if (real->last)
        real->last->next = job;
    else
        real->first = job;
    real->last = job;
    pthread_cond_broadcast(&real->changed);
    pthread_mutex_unlock(&real->mutex);
}

static void real_settle(struct disk *disk) {
    struct real *real = real_of(disk);
    pthread_mutex_lock(&real->mutex);
    real->hurried = true;
    pthread_cond_broadcast(&real->changed);
    while (real->first || real->running) pthread_cond_wait(&real->changed, &real->mutex);
    real->hurried = false;
    pthread_mutex_unlock(&real->mutex);
}

/* ---- life ---- */

static void real_destroy(struct disk *disk) {
    struct real *real = real_of(disk);
    pthread_mutex_lock(&real->mutex);
    invariant(!real->first);
    real->stopping = true;
    pthread_cond_broadcast(&real->changed);
    pthread_mutex_unlock(&real->mutex);
    if (real->started) pthread_join(real->thread, NULL);
    pthread_cond_destroy(&real->changed);
    pthread_mutex_destroy(&real->mutex);
    free(real);
}

static const struct disk_calls calls = {
    .open = real_open,
    .close = real_close,
    .pread = real_pread,
    .pwrite = real_pwrite,
    .fdatasync = real_fdatasync,
    .size = real_size,
    .allocate = real_allocate,
    .truncate = real_truncate,
    .rename = real_rename,
    .unlink = real_unlink,
    .mkdir = real_mkdir,
    .sync_dir = real_sync_dir,
    .list = real_list,
    .space = real_space,
    .filesystem = real_filesystem,
    .lock = real_lock,
    .start_writev = real_start_writev,
    .start_sync = real_start_sync,
    .start_job = real_start_job,
    .settle = real_settle,
    .destroy = real_destroy,
};

struct disk *disk_real_create(struct fault *fault) {
    struct real *real = calloc(1, sizeof *real);
    pthread_condattr_t attributes;
    if (!real) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for the disk");
        return NULL;
    }
    real->disk.calls = &calls;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&real->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&real->mutex, NULL);
    return &real->disk;
}
