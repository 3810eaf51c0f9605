/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/store/disk_real.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/runtime/io.h"

struct disk_real {
    struct disk disk;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct disk_job *jobs; /* by due_ms, equal ones in the order of their start */
    bool running, hurry, stop, has_thread;
    pthread_t thread;
};

struct real_file {
    struct disk_file file;
    int fd;
};

static struct disk_real *real_of(struct disk *disk) { return container_of(disk, struct disk_real, disk); }
static int fd_of(struct disk_file *file) { return container_of(file, struct real_file, file)->fd; }
static int64_t result_of(int64_t result) { return result < 0 ? -errno : result; }

/* ---- files ---- */

static int open_fd(const char *path, unsigned flags) {
    int mode = O_CLOEXEC | (flags & DISK_WRITE ? O_RDWR : O_RDONLY) | (flags & DISK_CREATE ? O_CREAT | O_EXCL : 0);
    int fd = open(path, mode | (flags & DISK_DIRECT ? O_DIRECT : 0), 0640);
    if (fd >= 0 || errno != EINVAL || !(flags & DISK_DIRECT)) return fd;
    return open(path, mode & ~(flags & DISK_CREATE ? O_EXCL : 0), 0640); /* no O_DIRECT here; the failed open may have created it */
}

static int real_open(struct disk *disk, const char *path, unsigned flags, struct disk_file **out) {
    struct real_file *file = malloc(sizeof *file);
    if (!file) return -ENOMEM;
    *file = (struct real_file){.file = {.disk = disk}, .fd = open_fd(path, flags)};
    if (file->fd < 0) {
        int error = errno;
        free(file);
        return -error;
    }
    *out = &file->file;
    return 0;
}

static void real_close(struct disk_file *file) {
    close(fd_of(file));
    free(container_of(file, struct real_file, file));
}

static int64_t real_pread(struct disk_file *file, void *buffer, size_t bytes, uint64_t offset) {
    return result_of(pread(fd_of(file), buffer, bytes, (off_t)offset));
}

static int64_t real_pwrite(struct disk_file *file, const void *buffer, size_t bytes, uint64_t offset) {
    return result_of(pwrite(fd_of(file), buffer, bytes, (off_t)offset));
}

static int real_fdatasync(struct disk_file *file) { return (int)result_of(fdatasync(fd_of(file))); }

static int64_t real_size(struct disk_file *file) {
    struct stat status;
    return fstat(fd_of(file), &status) == 0 ? (int64_t)status.st_size : -errno;
}

static int real_allocate(struct disk_file *file, uint64_t bytes) {
    if (fallocate(fd_of(file), 0, 0, (off_t)bytes) == 0) return 0;
    if (errno != EOPNOTSUPP) return -errno;
    int64_t size = real_size(file); /* a file system without fallocate: at least the size is there */
    return size >= (int64_t)bytes ? 0 : (int)result_of(ftruncate(fd_of(file), (off_t)bytes));
}

static int real_truncate(struct disk_file *file, uint64_t bytes) { return (int)result_of(ftruncate(fd_of(file), (off_t)bytes)); }

/* ---- names ---- */

static int real_rename(struct disk *disk, const char *from, const char *to) {
    (void)disk;
    return (int)result_of(rename(from, to));
}
static int real_unlink(struct disk *disk, const char *path) {
    (void)disk;
    return (int)result_of(unlink(path));
}
static int real_mkdir(struct disk *disk, const char *path) {
    (void)disk;
    return (int)result_of(mkdir(path, 0750));
}

static int real_sync_dir(struct disk *disk, const char *path) {
    (void)disk;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int result = (int)result_of(fsync(fd));
    close(fd);
    return result;
}

static void visit_entry(int dir, const char *name, disk_visitor *visit, void *context) {
    struct stat status;
    if (fstatat(dir, name, &status, 0) != 0) return; /* gone meanwhile, or a link to nowhere: nothing of ours */
    visit(context, name, S_ISDIR(status.st_mode), (uint64_t)status.st_size);
}

static int real_list(struct disk *disk, const char *path, disk_visitor *visit, void *context) {
    (void)disk;
    DIR *dir = opendir(path);
    if (!dir) return -errno;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL; errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit_entry(dirfd(dir), entry->d_name, visit, context);
    int error = errno;
    closedir(dir);
    return -error;
}

static int real_space(struct disk *disk, const char *path, struct disk_space *space) {
    (void)disk;
    struct statvfs status;
    if (statvfs(path, &status) != 0) return -errno;
    space->free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    space->total_bytes = (uint64_t)status.f_blocks * status.f_frsize;
    return 0;
}

static int64_t real_filesystem(struct disk *disk, const char *path) {
    (void)disk;
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)(status.st_dev & INT64_MAX) : -errno;
}

/* ---- the lock ---- */

static int64_t read_pid(int fd) {
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? atoll(text) : 0;
}

static void write_pid(int fd) {
    char text[32];
    int n = snprintf(text, sizeof text, "%lld\n", (long long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n) return;
    /* who has it can't be told then; that it is locked still holds */
}

static int real_lock(struct disk *disk, const char *path, bool exclusive, struct disk_file **lock, int64_t *owner_pid) {
    struct real_file *file = malloc(sizeof *file);
    if (!file) return -ENOMEM;
    *file = (struct real_file){.file = {.disk = disk}, .fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
    if (file->fd < 0 && !exclusive) file->fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = file->fd < 0 ? errno : flock(file->fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 ? errno : 0;
    if (error) {
        *owner_pid = file->fd >= 0 ? read_pid(file->fd) : 0;
        if (file->fd >= 0) close(file->fd);
        free(file);
        return -error;
    }
    if (exclusive) write_pid(file->fd);
    *lock = &file->file;
    return 0;
}

/* ---- operations ---- */

struct real_op {
    struct op op;
    struct disk_op *disk_op;
};
_Static_assert(sizeof(struct real_op) <= sizeof(((struct disk_op *)0)->room), "a disk_op has room for the reactor's op");

static void op_done(struct op *op, int32_t result, uint32_t flags) {
    (void)flags;
    struct disk_op *disk_op = container_of(op, struct real_op, op)->disk_op;
    disk_op->done(disk_op, result);
}

static struct op *ready_op(struct disk_op *disk_op) {
    struct real_op *real = (struct real_op *)(void *)disk_op->room;
    *real = (struct real_op){.op = {.done = op_done}, .disk_op = disk_op};
    return &real->op;
}

static void real_start_writev(struct disk_file *file, void *loop, struct disk_op *op, const struct iovec *parts, uint32_t count,
                              uint64_t offset) {
    io_writev(loop, ready_op(op), fd_of(file), parts, count, offset);
}

static void real_start_sync(struct disk_file *file, void *loop, struct disk_op *op) { io_fdatasync(loop, ready_op(op), fd_of(file)); }

/* ---- jobs ---- */

struct real_call {
    struct reactor_call call;
    struct disk_job *job;
};
_Static_assert(sizeof(struct real_call) <= sizeof(((struct disk_job *)0)->room), "a disk_job has room for the reactor's call");

static void job_done(struct reactor_call *call) {
    struct disk_job *job = container_of(call, struct real_call, call)->job;
    job->done(job);
}

static void finish_job(struct disk_job *job) {
    if (!job->done) return;
    if (!job->loop) {
        job->done(job);
        return;
    }
    struct real_call *call = (struct real_call *)(void *)job->room;
    *call = (struct real_call){.call = {.run = job_done}, .job = job};
    while (!reactor_post(job->loop, &call->call)) usleep(1000); /* its calls are drained every turn */
}

/* The next job that is due, or NULL after waiting for a change. Under the mutex. */
static struct disk_job *next_job(struct disk_real *real) {
    struct disk_job *job = real->jobs;
    if (!job) {
        pthread_cond_wait(&real->changed, &real->mutex);
        return NULL;
    }
    uint64_t now_ms = clock_monotonic_ms();
    if (job->due_ms > now_ms && !real->hurry) {
        uint64_t due_ms = job->due_ms;
        struct timespec until = {.tv_sec = (time_t)(due_ms / 1000), .tv_nsec = (long)(due_ms % 1000) * 1000000};
        pthread_cond_timedwait(&real->changed, &real->mutex, &until);
        return NULL;
    }
    real->jobs = job->next;
    return job;
}

static void *run_jobs(void *context) {
    struct disk_real *real = context;
    pthread_setname_np(pthread_self(), "disk-jobs");
    pthread_mutex_lock(&real->mutex);
    while (!real->stop) {
        struct disk_job *job = next_job(real);
        if (!job) continue;
        real->running = true;
        pthread_mutex_unlock(&real->mutex);
        void (*done)(struct disk_job *) = job->done;
        job->work(job);
        if (done) finish_job(job);
        pthread_mutex_lock(&real->mutex);
        real->running = false;
        pthread_cond_broadcast(&real->changed);
    }
    pthread_mutex_unlock(&real->mutex);
    return NULL;
}

static void real_start_job(struct disk *disk, void *loop, struct disk_job *job, uint32_t delay_ms) {
    struct disk_real *real = real_of(disk);
    pthread_mutex_lock(&real->mutex);
    job->loop = loop;
    job->due_ms = delay_ms ? clock_monotonic_ms() + delay_ms : 0;
    struct disk_job **link = &real->jobs;
    while (*link && (*link)->due_ms <= job->due_ms) link = &(*link)->next;
    job->next = *link;
    *link = job;
    if (!real->has_thread) {
        int error = pthread_create(&real->thread, NULL, run_jobs, real);
        invariant(error == 0); /* one thread, at the start of the program */
        real->has_thread = true;
    }
    pthread_cond_broadcast(&real->changed);
    pthread_mutex_unlock(&real->mutex);
}

static void real_settle(struct disk *disk) {
    struct disk_real *real = real_of(disk);
    pthread_mutex_lock(&real->mutex);
    real->hurry = true;
    pthread_cond_broadcast(&real->changed);
    while (real->jobs || real->running) pthread_cond_wait(&real->changed, &real->mutex);
    real->hurry = false;
    pthread_mutex_unlock(&real->mutex);
}

/* ---- life ---- */

static void real_destroy(struct disk *disk) {
    struct disk_real *real = real_of(disk);
    if (real->has_thread) {
        pthread_mutex_lock(&real->mutex);
        invariant(real->jobs == NULL);
        real->stop = true;
        pthread_cond_broadcast(&real->changed);
        pthread_mutex_unlock(&real->mutex);
        pthread_join(real->thread, NULL);
    }
    pthread_cond_destroy(&real->changed);
    pthread_mutex_destroy(&real->mutex);
    free(real);
}

static const struct disk_calls real_calls = {
    .open = real_open,           .close = real_close,     .pread = real_pread,       .pwrite = real_pwrite,
    .fdatasync = real_fdatasync, .size = real_size,       .allocate = real_allocate, .truncate = real_truncate,
    .rename = real_rename,       .unlink = real_unlink,   .mkdir = real_mkdir,       .sync_dir = real_sync_dir,
    .list = real_list,           .space = real_space,     .filesystem = real_filesystem,
    .lock = real_lock,           .start_writev = real_start_writev, .start_sync = real_start_sync,
    .start_job = real_start_job, .settle = real_settle,   .destroy = real_destroy,
};

struct disk *disk_real_create(struct fault *fault) {
    struct disk_real *real = calloc(1, sizeof *real);
    if (!real) {
        fault_set(fault, FAULT_MEMORY, 0, "no memory for the disk");
        return NULL;
    }
    real->disk.calls = &real_calls;
    pthread_mutex_init(&real->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&real->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return &real->disk;
}
