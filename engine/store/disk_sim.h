/* SPDX-License-Identifier: Apache-2.0 */
/* disk_sim: a disk in memory that does the worst that a disk may do, by seed. What isn't synced is lost, kept or torn at a cut,
 * block by block and name by name; operations complete in random order, one at a time, when the test says so (disk_sim_step);
 * calls fail, come up short, or find the disk full. After a failed fdatasync un-synced blocks of the file system are dropped or
 * not, and a later fdatasync succeeds. The same seed and the same calls give the same run. One thread. For tests. */
#ifndef LEAT_STORE_DISK_SIM_H
#define LEAT_STORE_DISK_SIM_H

#include "engine/store/disk.h"

/* Chances in a million, for each call. */
struct disk_sim_faults {
    uint32_t write_error, write_short, sync_error, read_error, read_short;
    uint32_t name_error; /* open, rename, unlink, mkdir, sync_dir, list */
    uint32_t no_space; /* a write or allocation that says ENOSPC although there is room */
};

struct disk *disk_sim_create(uint64_t seed);
void disk_sim_set_faults(struct disk *disk, const struct disk_sim_faults *faults); /* NULL: none */
void disk_sim_set_capacity(struct disk *disk, uint64_t bytes);                    /* default: no bound */

/* Completes one operation or job, chosen at random. False: nothing waits. */
bool disk_sim_step(struct disk *disk);
uint32_t disk_sim_waiting(const struct disk *disk);

/* The power fails after so many more calls (0: now). From then on every call fails with EIO and nothing completes. */
void disk_sim_cut_after(struct disk *disk, uint32_t calls);
/* After the power failed, while the buffers of writes under way are still there: some of those bytes went. Before their owners
 * go. */
void disk_sim_forget(struct disk *disk);
bool disk_sim_is_cut(const struct disk *disk);
/* The power is back: decides what became of everything that wasn't synced. Every file must have been closed. Operations and jobs
 * that waited are forgotten. */
void disk_sim_restart(struct disk *disk);
/* Instead: only the process had ended (kill -9). What was written is still to be seen, and still not durable. */
void disk_sim_revive(struct disk *disk);

/* Flips bits of a byte of a file, durably. False: no such byte. */
bool disk_sim_flip(struct disk *disk, const char *path, uint64_t offset, uint8_t mask);
uint64_t disk_sim_calls(const struct disk *disk); /* made so far: to choose where to cut */
uint32_t disk_sim_open_files(const struct disk *disk);

#endif
