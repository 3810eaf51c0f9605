/* SPDX-License-Identifier: Apache-2.0 */
/* disk_sim: the calls of disk.h over files (disk_sim_file.c) and names (disk_sim_names.c) in memory, with a seeded choice at
 * every turn. */
#include "engine/store/disk_sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/store/disk_sim_names.h"

enum kind { KIND_WRITE, KIND_SYNC, KIND_WORK, KIND_DONE };

/* Something that waits for disk_sim_step. */
struct waiting {
    enum kind kind;
    struct disk_op *op;
    struct disk_job *job;
    struct disk_file *file;
    const struct iovec *parts;
    uint32_t count;
    uint64_t offset;
    uint64_t serial; /* of a sync: covers what was written before it began */
    bool delayed;
};

struct sim {
    struct disk disk;
    struct sim_random random;
    struct disk_sim_faults faults;
    struct sim_names names;
    uint64_t capacity, used; /* pages */
    uint64_t serial, calls;
    bool armed, cut;
    uint32_t calls_left;
    struct waiting *waiting;
    uint32_t waiting_count, waiting_capacity;
    uint32_t open_files;
    struct sim_inode *locked;
    uint32_t lock_count;
    bool lock_exclusive;
};

struct sim_file {
    struct disk_file head;
    struct sim_inode *inode;
    bool writable, direct, holds_lock;
};

static struct sim *sim_of(struct disk *disk) { return (struct sim *)(void *)disk; }
static const struct sim *sim_of_const(const struct disk *disk) { return (const struct sim *)(const void *)disk; }
static struct sim_file *file_of(struct disk_file *file) { return (struct sim_file *)(void *)file; }

/* ---- chance ---- */

static bool happens(struct sim *sim, uint32_t chance) { return chance && sim_below(&sim->random, 1000000) < chance; }

/* Every call comes by here; false: there is no power. */
static bool tick(struct sim *sim) {
    if (sim->cut) return false;
    sim->calls++;
    if (sim->armed && sim->calls_left-- == 0) sim->cut = true;
    return !sim->cut;
}

static void take_back(struct sim *sim) {
    sim->used -= sim->names.freed;
    sim->names.freed = 0;
}

static int name_call(struct sim *sim) {
    if (!tick(sim)) return -EIO;
    return happens(sim, sim->faults.name_error) ? -EIO : 0;
}

/* ---- names ---- */

static int sim_open(struct disk *disk, const char *path, unsigned flags, struct disk_file **file) {
    struct sim *sim = sim_of(disk);
    int error = name_call(sim);
    if (error) return error;
    struct sim_inode *inode = sim_names_find(&sim->names, path);
    if (inode && inode->is_dir) return -EISDIR;
    if (inode && (flags & DISK_CREATE)) return -EEXIST;
    if (!inode && !(flags & DISK_CREATE)) return -ENOENT;
    if (!inode) {
        if (!sim_names_has_parent(&sim->names, path)) return -ENOENT;
        inode = sim_inode_create(false);
        inode->filesystem = disk->calls->filesystem(disk, path);
        sim_names_bind(&sim->names, path, inode);
    }
    struct sim_file *out = calloc(1, sizeof *out);
    invariant(out);
    *out = (struct sim_file){.head = {disk}, .inode = inode, .writable = flags & DISK_WRITE, .direct = flags & DISK_DIRECT};
    sim_inode_ref(inode);
    sim->open_files++;
    *file = &out->head;
    return 0;
}

static void sim_close(struct disk_file *file) {
    struct sim *sim = sim_of(file->disk);
    struct sim_file *f = file_of(file);
    if (f->holds_lock && sim->lock_count && --sim->lock_count == 0) sim->locked = NULL;
    sim->used -= sim_inode_unref(f->inode);
    invariant(sim->open_files > 0);
    sim->open_files--;
    free(f);
}

static int sim_rename(struct disk *disk, const char *from, const char *to) {
    struct sim *sim = sim_of(disk);
    int error = name_call(sim);
    if (error) return error;
    if (!sim_names_find(&sim->names, from) || !sim_names_has_parent(&sim->names, to)) return -ENOENT;
    sim_names_rename(&sim->names, from, to);
    take_back(sim);
    return 0;
}

static int sim_unlink(struct disk *disk, const char *path) {
    struct sim *sim = sim_of(disk);
    int error = name_call(sim);
    if (error) return error;
    if (!sim_names_find(&sim->names, path)) return -ENOENT;
    sim_names_unbind(&sim->names, path);
    take_back(sim);
    return 0;
}

static int sim_mkdir(struct disk *disk, const char *path) {
    struct sim *sim = sim_of(disk);
    int error = name_call(sim);
    if (error) return error;
    if (sim_names_find(&sim->names, path)) return -EEXIST;
    if (!sim_names_has_parent(&sim->names, path)) return -ENOENT;
    struct sim_inode *inode = sim_inode_create(true);
    inode->filesystem = disk->calls->filesystem(disk, path);
    sim_names_bind(&sim->names, path, inode);
    return 0;
}

static int sim_sync_dir(struct disk *disk, const char *path) {
    struct sim *sim = sim_of(disk);
    int error = name_call(sim);
    if (error) return error;
    if (strcmp(path, "/") != 0 && !sim_names_find(&sim->names, path)) return -ENOENT;
    sim_names_sync(&sim->names, strcmp(path, "/") == 0 ? "" : path);
    take_back(sim);
    return 0;
}

static int sim_list(struct disk *disk, const char *path, disk_visitor *visit, void *context) {
    struct sim *sim = sim_of(disk);
    int error = name_call(sim);
    if (error) return error;
    const struct sim_inode *folder = sim_names_find(&sim->names, path);
    if (!folder || !folder->is_dir) return -ENOENT;
    size_t length = strlen(path);
    for (size_t i = 0; i < sim->names.now.count; i++) {
        const struct sim_name *name = &sim->names.now.items[i];
        if (strncmp(name->path, path, length) != 0 || name->path[length] != '/' || strchr(name->path + length + 1, '/')) continue;
        visit(context, name->path + length + 1, name->inode->is_dir, name->inode->size);
    }
    return 0;
}

/* The first part of a path is its file system. */
static int64_t sim_filesystem(struct disk *disk, const char *path) {
    int64_t id = 1;
    for (const char *at = path + 1; *at && *at != '/'; at++) id = id * 31 + *at;
    return id & 0x7fffffff;
}

static int sim_lock(struct disk *disk, const char *path, bool exclusive, struct disk_file **lock, int64_t *owner_pid) {
    struct sim *sim = sim_of(disk);
    if (!sim_names_find(&sim->names, path)) {
        int error = sim_open(disk, path, DISK_WRITE | DISK_CREATE, lock);
        if (error) return error;
    } else {
        int error = sim_open(disk, path, DISK_WRITE, lock);
        if (error) return error;
    }
    struct sim_file *f = file_of(*lock);
    if (sim->lock_count && sim->locked == f->inode && (exclusive || sim->lock_exclusive)) {
        sim_close(*lock);
        *owner_pid = 4711;
        return -EWOULDBLOCK;
    }
    sim->locked = f->inode;
    sim->lock_count++;
    sim->lock_exclusive = exclusive;
    f->holds_lock = true;
    return 0;
}

/* ---- bytes ---- */

static void check_direct(const struct sim_file *f, const void *buffer, size_t bytes, uint64_t offset) {
    if (f->direct)
        invariant((uintptr_t)buffer % DISK_BLOCK_BYTES == 0 && bytes % DISK_BLOCK_BYTES == 0 && offset % DISK_BLOCK_BYTES == 0);
}

static int64_t sim_pread(struct disk_file *file, void *buffer, size_t bytes, uint64_t offset) {
    struct sim *sim = sim_of(file->disk);
    struct sim_file *f = file_of(file);
    check_direct(f, buffer, bytes, offset);
    if (!tick(sim) || happens(sim, sim->faults.read_error)) return -EIO;
    if (offset >= f->inode->size) return 0;
    size_t n = f->inode->size - offset < bytes ? (size_t)(f->inode->size - offset) : bytes;
    if (n > SIM_PAGE_BYTES && happens(sim, sim->faults.read_short))
        n = SIM_PAGE_BYTES * (size_t)(1 + sim_below(&sim->random, n / SIM_PAGE_BYTES));
    sim_inode_read(f->inode, buffer, n, offset);
    return (int64_t)n;
}

static bool write_bytes(struct sim *sim, struct sim_inode *inode, const void *bytes, size_t count, uint64_t offset) {
    uint64_t room = sim->capacity - sim->used, before = room;
    if (sim->used > sim->capacity) room = before = 0;
    bool ok = sim_inode_write(inode, bytes, count, offset, ++sim->serial, &room);
    sim->used += before - room;
    return ok;
}

static int64_t sim_pwrite(struct disk_file *file, const void *buffer, size_t bytes, uint64_t offset) {
    struct sim *sim = sim_of(file->disk);
    struct sim_file *f = file_of(file);
    invariant(f->writable);
    check_direct(f, buffer, bytes, offset);
    if (!tick(sim)) {
        /* The power failed in this write: some of it may have gone. */
        if (sim->armed && sim->calls_left == UINT32_MAX && sim_below(&sim->random, 2))
            write_bytes(sim, f->inode, buffer, bytes, offset);
        return -EIO;
    }
    if (happens(sim, sim->faults.no_space)) return -ENOSPC;
    if (happens(sim, sim->faults.write_error)) {
        if (sim_below(&sim->random, 2)) write_bytes(sim, f->inode, buffer, bytes, offset);
        return -EIO;
    }
    size_t n = bytes;
    if (n > SIM_PAGE_BYTES && happens(sim, sim->faults.write_short))
        n = SIM_PAGE_BYTES * (size_t)(1 + sim_below(&sim->random, n / SIM_PAGE_BYTES));
    if (n > bytes) n = bytes;
    return write_bytes(sim, f->inode, buffer, n, offset) ? (int64_t)n : -ENOSPC;
}

static void sync_failed(struct sim *sim, int64_t filesystem) {
    for (size_t i = 0; i < sim->names.now.count; i++) {
        struct sim_inode *inode = sim->names.now.items[i].inode;
        if (inode->filesystem == filesystem && !inode->is_dir && sim_below(&sim->random, 2))
            sim_inode_sync_failed(inode, &sim->random);
    }
}

static int sync_inode(struct sim *sim, struct sim_inode *inode, uint64_t serial) {
    if (happens(sim, sim->faults.sync_error)) {
        sim_inode_sync_failed(inode, &sim->random);
        sync_failed(sim, inode->filesystem);
        return -EIO;
    }
    sim_inode_sync(inode, serial);
    return 0;
}

static int sim_fdatasync(struct disk_file *file) {
    struct sim *sim = sim_of(file->disk);
    if (!tick(sim)) return -EIO;
    return sync_inode(sim, file_of(file)->inode, sim->serial);
}

static int64_t sim_size(struct disk_file *file) { return (int64_t)file_of(file)->inode->size; }

static int sim_allocate(struct disk_file *file, uint64_t bytes) {
    struct sim *sim = sim_of(file->disk);
    if (!tick(sim)) return -EIO;
    if (happens(sim, sim->faults.no_space)) return -ENOSPC;
    uint64_t room = sim->used > sim->capacity ? 0 : sim->capacity - sim->used, before = room;
    bool ok = sim_inode_allocate(file_of(file)->inode, bytes, ++sim->serial, &room);
    sim->used += before - room;
    return ok ? 0 : -ENOSPC;
}

static int sim_truncate(struct disk_file *file, uint64_t bytes) {
    struct sim *sim = sim_of(file->disk);
    if (!tick(sim)) return -EIO;
    sim->used -= sim_inode_truncate(file_of(file)->inode, bytes, ++sim->serial);
    return 0;
}

static int sim_space(struct disk *disk, const char *path, struct disk_space *space) {
    struct sim *sim = sim_of(disk);
    if (!tick(sim)) return -EIO;
    space->total_bytes = sim->capacity * SIM_PAGE_BYTES;
    space->free_bytes = sim->used > sim->capacity ? 0 : (sim->capacity - sim->used) * SIM_PAGE_BYTES;
    return 0;
}

/* ---- what waits ---- */

static void wait_for(struct sim *sim, const struct waiting *one) {
    if (sim->waiting_count == sim->waiting_capacity) {
        sim->waiting_capacity = sim->waiting_capacity ? 2 * sim->waiting_capacity : 32;
        sim->waiting = realloc(sim->waiting, sim->waiting_capacity * sizeof *sim->waiting);
        invariant(sim->waiting);
    }
    sim->waiting[sim->waiting_count++] = *one;
}

static void sim_start_writev(struct disk_file *file, void *loop, struct disk_op *op, const struct iovec *parts, uint32_t count,
                             uint64_t offset) {
    uint64_t at = offset;
    for (uint32_t i = 0; i < count; i++) {
        check_direct(file_of(file), parts[i].iov_base, parts[i].iov_len, at);
        at += parts[i].iov_len;
    }
    invariant(file_of(file)->writable);
    wait_for(sim_of(file->disk),
             &(struct waiting){.kind = KIND_WRITE, .op = op, .file = file, .parts = parts, .count = count, .offset = offset});
}

static void sim_start_sync(struct disk_file *file, void *loop, struct disk_op *op) {
    struct sim *sim = sim_of(file->disk);
    wait_for(sim, &(struct waiting){.kind = KIND_SYNC, .op = op, .file = file, .serial = sim->serial});
}

static void sim_start_job(struct disk *disk, void *loop, struct disk_job *job, uint32_t delay_ms) {
    wait_for(sim_of(disk), &(struct waiting){.kind = KIND_WORK, .job = job, .delayed = delay_ms > 0});
}

/* The first `most` bytes of a vector. */
static bool write_vector(struct sim *sim, const struct waiting *one, uint64_t most) {
    uint64_t at = one->offset;
    for (uint32_t i = 0; i < one->count && most; i++) {
        size_t n = one->parts[i].iov_len < most ? one->parts[i].iov_len : (size_t)most;
        if (n && !write_bytes(sim, file_of(one->file)->inode, one->parts[i].iov_base, n, at)) return false;
        at += n;
        most -= n;
    }
    return true;
}

static uint64_t vector_bytes(const struct waiting *one) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < one->count; i++) bytes += one->parts[i].iov_len;
    return bytes;
}

static int64_t complete_write(struct sim *sim, const struct waiting *one) {
    uint64_t bytes = vector_bytes(one);
    if (happens(sim, sim->faults.no_space)) return -ENOSPC;
    if (happens(sim, sim->faults.write_error)) {
        write_vector(sim, one, sim_below(&sim->random, bytes / SIM_SECTOR_BYTES + 1) * SIM_SECTOR_BYTES);
        return -EIO;
    }
    if (happens(sim, sim->faults.write_short)) bytes = sim_below(&sim->random, bytes / SIM_SECTOR_BYTES) * SIM_SECTOR_BYTES;
    return write_vector(sim, one, bytes) ? (int64_t)bytes : -ENOSPC;
}

/* One background thread: of the jobs that want to run now, only the first may. */
static bool may_run(const struct sim *sim, uint32_t at) {
    if (sim->waiting[at].kind != KIND_WORK || sim->waiting[at].delayed) return true;
    for (uint32_t i = 0; i < at; i++)
        if (sim->waiting[i].kind == KIND_WORK && !sim->waiting[i].delayed) return false;
    return true;
}

static void run(struct sim *sim, uint32_t at) {
    struct waiting one = sim->waiting[at];
    memmove(sim->waiting + at, sim->waiting + at + 1, (--sim->waiting_count - at) * sizeof *sim->waiting);
    switch (one.kind) {
    case KIND_WRITE: one.op->done(one.op, complete_write(sim, &one)); break;
    case KIND_SYNC: one.op->done(one.op, sync_inode(sim, file_of(one.file)->inode, one.serial)); break;
    case KIND_WORK: {
        bool has_done = one.job->done;
        one.job->work(one.job);
        if (has_done) wait_for(sim, &(struct waiting){.kind = KIND_DONE, .job = one.job});
        break;
    }
    case KIND_DONE: one.job->done(one.job); break;
    }
}

/* A write that was under way when the power failed. */
static void write_partly(struct sim *sim, const struct waiting *one) {
    if (one->kind != KIND_WRITE) return;
    uint64_t bytes = vector_bytes(one);
    uint64_t choice = sim_below(&sim->random, 3);
    if (choice)
        write_vector(sim, one, choice == 1 ? bytes : sim_below(&sim->random, bytes / SIM_SECTOR_BYTES + 1) * SIM_SECTOR_BYTES);
}

bool disk_sim_step(struct disk *disk) {
    struct sim *sim = sim_of(disk);
    if (sim->waiting_count == 0 || !tick(sim)) return false;
    uint32_t at = (uint32_t)sim_below(&sim->random, sim->waiting_count);
    while (!may_run(sim, at)) at = (at + 1) % sim->waiting_count;
    run(sim, at);
    return true;
}

static void sim_settle(struct disk *disk) {
    struct sim *sim = sim_of(disk);
    for (uint32_t i = 0; i < sim->waiting_count && !sim->cut;) {
        if (sim->waiting[i].kind == KIND_WORK) {
            run(sim, i);
            i = 0;
        } else {
            i++;
        }
    }
}

/* ---- life ---- */

static void sim_destroy(struct disk *disk) {
    struct sim *sim = sim_of(disk);
    invariant(sim->open_files == 0);
    sim_names_release(&sim->names);
    free(sim->waiting);
    free(sim);
}

static const struct disk_calls calls = {
    .open = sim_open,
    .close = sim_close,
    .pread = sim_pread,
    .pwrite = sim_pwrite,
    .fdatasync = sim_fdatasync,
    .size = sim_size,
    .allocate = sim_allocate,
    .truncate = sim_truncate,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .mkdir = sim_mkdir,
    .sync_dir = sim_sync_dir,
    .list = sim_list,
    .space = sim_space,
    .filesystem = sim_filesystem,
    .lock = sim_lock,
    .start_writev = sim_start_writev,
    .start_sync = sim_start_sync,
    .start_job = sim_start_job,
    .settle = sim_settle,
    .destroy = sim_destroy,
};

struct disk *disk_sim_create(uint64_t seed) {
    struct sim *sim = calloc(1, sizeof *sim);
    invariant(sim);
    sim->disk.calls = &calls;
    sim->random.state = seed;
    sim->capacity = UINT64_MAX / 2;
    return &sim->disk;
}

void disk_sim_set_faults(struct disk *disk, const struct disk_sim_faults *faults) {
    sim_of(disk)->faults = faults ? *faults : (struct disk_sim_faults){0};
}

void disk_sim_set_capacity(struct disk *disk, uint64_t bytes) { sim_of(disk)->capacity = bytes / SIM_PAGE_BYTES; }
uint32_t disk_sim_waiting(const struct disk *disk) { return sim_of_const(disk)->waiting_count; }
bool disk_sim_is_cut(const struct disk *disk) { return sim_of_const(disk)->cut; }
uint64_t disk_sim_calls(const struct disk *disk) { return sim_of_const(disk)->calls; }
uint32_t disk_sim_open_files(const struct disk *disk) { return sim_of_const(disk)->open_files; }

/* Writes under way are resolved at the moment of the cut, while their buffers are still there. */
static void cut_now(struct sim *sim) {
    sim->cut = true;
    for (uint32_t i = 0; i < sim->waiting_count; i++) write_partly(sim, &sim->waiting[i]);
    sim->waiting_count = 0;
}

void disk_sim_cut_after(struct disk *disk, uint32_t after) {
    struct sim *sim = sim_of(disk);
    sim->armed = true;
    sim->calls_left = after;
    if (after == 0) cut_now(sim);
}

void disk_sim_forget(struct disk *disk) { cut_now(sim_of(disk)); }

void disk_sim_revive(struct disk *disk) {
    struct sim *sim = sim_of(disk);
    invariant(sim->open_files == 0);
    sim->waiting_count = 0;
    sim->cut = sim->armed = false;
    sim->locked = NULL;
    sim->lock_count = 0;
}

void disk_sim_restart(struct disk *disk) {
    struct sim *sim = sim_of(disk);
    disk_sim_revive(disk);
    sim_names_cut(&sim->names, &sim->random);
    take_back(sim);
    for (size_t i = 0; i < sim->names.now.count; i++) sim->used -= sim_inode_cut(sim->names.now.items[i].inode, &sim->random);
}

bool disk_sim_flip(struct disk *disk, const char *path, uint64_t offset, uint8_t mask) {
    struct sim *sim = sim_of(disk);
    struct sim_inode *inode = sim_names_find(&sim->names, path);
    if (!inode || offset >= inode->size) return false;
    uint8_t byte;
    sim_inode_read(inode, &byte, 1, offset);
    byte ^= mask;
    write_bytes(sim, inode, &byte, 1, offset);
    sim_inode_sync(inode, sim->serial);
    return true;
}
