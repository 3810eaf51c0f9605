/* SPDX-License-Identifier: Apache-2.0 */
/* disk: everything that the store asks of a file system, behind one table of calls, so that the real one (disk_real.h) has a
 * simulated, seeded twin (disk_sim.h) which loses, tears, reorders and refuses.
 *
 * Three kinds of calls:
 *   - synchronous ones: any thread, may block; results are >= 0 or -errno;
 *   - operations (disk_writev, disk_sync): begun on a loop, done called on that loop. A loop is a struct reactor * for the real
 *     disk (its owner alone begins operations on it); the simulated one ignores it;
 *   - jobs: a function that may block, run on the disk's one background thread, then `done` on a loop.
 * A struct disk_file may be read from any thread. */
#ifndef LEAT_STORE_DISK_H
#define LEAT_STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define DISK_BLOCK_BYTES 4096u /* what DISK_DIRECT wants offsets, lengths and buffers to be multiples of */

struct disk;

enum disk_open_flags {
    DISK_READ = 0,
    DISK_WRITE = 1,  /* read and write */
    DISK_CREATE = 2, /* must not exist yet */
    DISK_DIRECT = 4, /* past the page cache; where the file system can't, the file is opened without, and works all the same */
};

/* The head of every implementation's file. */
struct disk_file {
    struct disk *disk;
};

/* An operation, embedded in its user, who keeps it, its iovecs and its buffers until done was called (once). */
struct disk_op {
    void (*done)(struct disk_op *op, int64_t result); /* bytes written (may be short), 0 for a sync, or -errno */
    struct disk_op *next;                             /* this and the rest: the disk's while the operation runs */
    _Alignas(16) unsigned char room[96];
};

/* A piece of blocking work, embedded in its user, who keeps it until done (or, without done, work) returns. It may be started
 * again from its own done, or, when it has none, as the last thing that its work does; a work without a done may also free it
 * there. */
struct disk_job {
    void (*work)(struct disk_job *job); /* on the background thread */
    void (*done)(struct disk_job *job); /* on the loop; NULL: nothing is to be done there */
    struct disk_job *next;              /* this and the rest: the disk's */
    void *loop;
    uint64_t due_ms;
    _Alignas(16) unsigned char room[32];
};

struct disk_space {
    uint64_t free_bytes, total_bytes;
};

typedef void disk_visitor(void *context, const char *name, bool is_dir, uint64_t bytes);

struct disk_calls {
    int (*open)(struct disk *disk, const char *path, unsigned flags, struct disk_file **file);
    void (*close)(struct disk_file *file);
    int64_t (*pread)(struct disk_file *file, void *buffer, size_t bytes, uint64_t offset);
    int64_t (*pwrite)(struct disk_file *file, const void *buffer, size_t bytes, uint64_t offset);
    int (*fdatasync)(struct disk_file *file);
    int64_t (*size)(struct disk_file *file);
    int (*allocate)(struct disk_file *file, uint64_t bytes);
    int (*truncate)(struct disk_file *file, uint64_t bytes);
    int (*rename)(struct disk *disk, const char *from, const char *to);
    int (*unlink)(struct disk *disk, const char *path);
    int (*mkdir)(struct disk *disk, const char *path);
    int (*sync_dir)(struct disk *disk, const char *path);
    int (*list)(struct disk *disk, const char *path, disk_visitor *visit, void *context);
    int (*space)(struct disk *disk, const char *path, struct disk_space *space);
    int64_t (*filesystem)(struct disk *disk, const char *path);
    int (*lock)(struct disk *disk, const char *path, bool exclusive, struct disk_file **lock, int64_t *owner_pid);
    void (*start_writev)(struct disk_file *file, void *loop, struct disk_op *op, const struct iovec *parts, uint32_t count,
                         uint64_t offset);
    void (*start_sync)(struct disk_file *file, void *loop, struct disk_op *op);
    void (*start_job)(struct disk *disk, void *loop, struct disk_job *job, uint32_t delay_ms);
    void (*settle)(struct disk *disk);
    void (*destroy)(struct disk *disk);
};

struct disk {
    const struct disk_calls *calls;
};

/* ---- synchronous: any thread ---- */
static inline int disk_open(struct disk *d, const char *path, unsigned flags, struct disk_file **file) {
    return d->calls->open(d, path, flags, file);
}
static inline void disk_close(struct disk_file *f) { f->disk->calls->close(f); }
/* Fewer bytes than asked for: the end of the file, or by bad luck; disk_read_full and disk_write_full go on. */
static inline int64_t disk_pread(struct disk_file *f, void *buffer, size_t n, uint64_t offset) {
    return f->disk->calls->pread(f, buffer, n, offset);
}
static inline int64_t disk_pwrite(struct disk_file *f, const void *buffer, size_t n, uint64_t offset) {
    return f->disk->calls->pwrite(f, buffer, n, offset);
}
static inline int disk_fdatasync(struct disk_file *f) { return f->disk->calls->fdatasync(f); }
static inline int64_t disk_size(struct disk_file *f) { return f->disk->calls->size(f); }
/* Reserves blocks (not written) so that the file is at least `bytes` long. */
static inline int disk_allocate(struct disk_file *f, uint64_t bytes) { return f->disk->calls->allocate(f, bytes); }
static inline int disk_truncate(struct disk_file *f, uint64_t bytes) { return f->disk->calls->truncate(f, bytes); }
static inline int disk_rename(struct disk *d, const char *from, const char *to) { return d->calls->rename(d, from, to); }
static inline int disk_unlink(struct disk *d, const char *path) { return d->calls->unlink(d, path); }
static inline int disk_mkdir(struct disk *d, const char *path) { return d->calls->mkdir(d, path); } /* -EEXIST when it is there */
/* Makes the names in a folder durable: created, renamed and removed ones. */
static inline int disk_sync_dir(struct disk *d, const char *path) { return d->calls->sync_dir(d, path); }
/* Every name but . and .., with its size; -ENOENT when there is no such folder. */
static inline int disk_list(struct disk *d, const char *path, disk_visitor *visit, void *context) {
    return d->calls->list(d, path, visit, context);
}
static inline int disk_get_space(struct disk *d, const char *path, struct disk_space *space) {
    return d->calls->space(d, path, space);
}
/* A number that is the same for two paths on one file system, or -errno. */
static inline int64_t disk_filesystem(struct disk *d, const char *path) { return d->calls->filesystem(d, path); }
/* Creates the lock file if needed, locks it and (exclusive) writes our process id into it. -EWOULDBLOCK: *owner_pid is who has it
 * (0 = not known). Held until disk_close. -EROFS or -EACCES for a shared lock that can't be created is the caller's to judge. */
static inline int disk_lock(struct disk *d, const char *path, bool exclusive, struct disk_file **lock, int64_t *owner_pid) {
    return d->calls->lock(d, path, exclusive, lock, owner_pid);
}
/* Short only at the end of the file. */
int64_t disk_read_full(struct disk_file *file, void *buffer, size_t bytes, uint64_t offset);
int disk_write_full(struct disk_file *file, const void *buffer, size_t bytes, uint64_t offset);

/* ---- operations: the loop's owner ---- */
static inline void disk_writev(struct disk_file *f, void *loop, struct disk_op *op, const struct iovec *parts, uint32_t count,
                               uint64_t offset) {
    f->disk->calls->start_writev(f, loop, op, parts, count, offset);
}
/* fdatasync: covers what was written (done called) before this call. */
static inline void disk_sync(struct disk_file *f, void *loop, struct disk_op *op) { f->disk->calls->start_sync(f, loop, op); }

/* ---- jobs: any thread starts them ---- */
/* delay_ms: not before that time has passed. loop: where done is called; NULL with a done: on the background thread. Jobs without
 * delay run in the order in which they were started. */
static inline void disk_start_job(struct disk *d, void *loop, struct disk_job *job, uint32_t delay_ms) {
    d->calls->start_job(d, loop, job, delay_ms);
}
/* Returns when no job waits or runs (those with a delay are run at once). Not from a job. */
static inline void disk_settle(struct disk *d) { d->calls->settle(d); }

static inline void disk_destroy(struct disk *d) {
    if (d) d->calls->destroy(d);
}

#endif
