/* SPDX-License-Identifier: Apache-2.0 */
/* disk_sim_file: the files of the simulated disk: pages, each with what a reader sees and what the platter holds. Internal to
 * disk_sim*. */
#ifndef LEAT_STORE_DISK_SIM_FILE_H
#define LEAT_STORE_DISK_SIM_FILE_H

#include "engine/store/disk.h"

#define SIM_PAGE_BYTES 4096u
#define SIM_SECTOR_BYTES 512u

struct sim_page {
    uint8_t *now;      /* NULL: zeros */
    uint8_t *stable;   /* when dirty: what a cut may bring back; NULL: zeros */
    uint64_t written;  /* serial of the last write while dirty */
    bool dirty;
    bool allocated;
};

struct sim_inode {
    struct sim_page *pages;
    size_t page_count;
    uint64_t size, stable_size;
    uint64_t size_written; /* serial of the last change of size; <= what was synced: stable */
    uint32_t references;   /* names, open files, un-synced changes of names */
    int64_t filesystem;
    bool is_dir;
};

struct sim_random {
    uint64_t state;
};
uint64_t sim_random(struct sim_random *random);
uint64_t sim_below(struct sim_random *random, uint64_t bound);

struct sim_inode *sim_inode_create(bool is_dir);
void sim_inode_ref(struct sim_inode *inode);
uint64_t sim_inode_unref(struct sim_inode *inode); /* returns the bytes that became free */

void sim_inode_read(const struct sim_inode *inode, uint8_t *out, size_t bytes, uint64_t offset);
/* False: it would take more than *room new pages (nothing is written). *room shrinks. */
bool sim_inode_write(struct sim_inode *inode, const uint8_t *bytes, size_t count, uint64_t offset, uint64_t serial,
                     uint64_t *room);
bool sim_inode_allocate(struct sim_inode *inode, uint64_t bytes, uint64_t serial, uint64_t *room);
uint64_t sim_inode_truncate(struct sim_inode *inode, uint64_t bytes, uint64_t serial); /* returns pages freed */
/* What was written up to `serial` is on the platter. */
void sim_inode_sync(struct sim_inode *inode, uint64_t serial);
/* A failed fdatasync: un-synced pages are dropped (readers see the old bytes), some of them, or none (they stay un-synced). */
void sim_inode_sync_failed(struct sim_inode *inode, struct sim_random *random);
/* The power failed: what is not synced is there, torn, or not. Returns pages freed. */
uint64_t sim_inode_cut(struct sim_inode *inode, struct sim_random *random);

#endif
