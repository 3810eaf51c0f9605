/* SPDX-License-Identifier: Apache-2.0 */
/* disk_sim_names: the folders of the simulated disk. Names as a reader sees them, names as the platter has them, and the changes
 * between: each whole (a rename is one change), but any of them may be lost at a cut. Internal to disk_sim*. */
#ifndef LEAT_STORE_DISK_SIM_NAMES_H
#define LEAT_STORE_DISK_SIM_NAMES_H

#include "engine/store/disk_sim_file.h"

struct sim_name {
    char *path;
    struct sim_inode *inode;
};
struct sim_name_list {
    struct sim_name *items;
    size_t count, capacity;
};
struct sim_change {
    char *from, *to; /* bind: to; unbind: from; rename: both */
    struct sim_inode *inode;
    bool marked;
};
struct sim_names {
    struct sim_name_list now, stable;
    struct sim_change *changes;
    size_t change_count, change_capacity;
    uint64_t freed; /* bytes' pages of files that nobody can reach any more: the disk takes them back */
};

struct sim_inode *sim_names_find(const struct sim_names *names, const char *path);
bool sim_names_has_parent(const struct sim_names *names, const char *path); /* "/" is always there */
void sim_names_bind(struct sim_names *names, const char *path, struct sim_inode *inode);
void sim_names_unbind(struct sim_names *names, const char *path);
void sim_names_rename(struct sim_names *names, const char *from, const char *to);
/* The changes of the folder are on the platter, with those they rest on. */
void sim_names_sync(struct sim_names *names, const char *folder);
void sim_names_cut(struct sim_names *names, struct sim_random *random);
void sim_names_release(struct sim_names *names);

#endif
