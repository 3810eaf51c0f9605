/* SPDX-License-Identifier: Apache-2.0 */
/* disk_sim_names: lists of names, and the changes between them. */
#include "engine/store/disk_sim_names.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"

/* ---- lists ---- */

static struct sim_name *find(const struct sim_name_list *list, const char *path) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].path, path) == 0) return &list->items[i];
    return NULL;
}

static char *copy(const char *text) {
    char *out = strdup(text);
    invariant(out);
    return out;
}

static void remove_path(struct sim_names *names, struct sim_name_list *list, const char *path) {
    struct sim_name *name = find(list, path);
    if (!name) return;
    char *text = name->path;
    struct sim_inode *inode = name->inode;
    *name = list->items[--list->count];
    free(text);
    names->freed += sim_inode_unref(inode);
}

static void put(struct sim_names *names, struct sim_name_list *list, const char *path, struct sim_inode *inode) {
    sim_inode_ref(inode);
    remove_path(names, list, path);
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 32;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        invariant(list->items);
    }
    list->items[list->count++] = (struct sim_name){.path = copy(path), .inode = inode};
}

static void clear(struct sim_names *names, struct sim_name_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        names->freed += sim_inode_unref(list->items[i].inode);
    }
    free(list->items);
    *list = (struct sim_name_list){0};
}

struct sim_inode *sim_names_find(const struct sim_names *names, const char *path) {
    const struct sim_name *name = find(&names->now, path);
    return name ? name->inode : NULL;
}

static size_t parent_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static bool has_parent(const struct sim_name_list *list, const char *path) {
    size_t length = parent_length(path);
    if (length == 0) return true;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].inode->is_dir && strlen(list->items[i].path) == length &&
            memcmp(list->items[i].path, path, length) == 0)
            return true;
    return false;
}

bool sim_names_has_parent(const struct sim_names *names, const char *path) { return has_parent(&names->now, path); }

/* ---- changes ---- */

static void add_change(struct sim_names *names, const char *from, const char *to, struct sim_inode *inode) {
    if (names->change_count == names->change_capacity) {
        names->change_capacity = names->change_capacity ? 2 * names->change_capacity : 32;
        names->changes = realloc(names->changes, names->change_capacity * sizeof *names->changes);
        invariant(names->changes);
    }
    sim_inode_ref(inode);
    names->changes[names->change_count++] =
        (struct sim_change){.from = from ? copy(from) : NULL, .to = to ? copy(to) : NULL, .inode = inode};
}

static void apply(struct sim_names *names, struct sim_name_list *list, const struct sim_change *change) {
    sim_inode_ref(change->inode);
    if (change->from) remove_path(names, list, change->from);
    if (change->to) put(names, list, change->to, change->inode);
    names->freed += sim_inode_unref(change->inode);
}

static void change(struct sim_names *names, const char *from, const char *to, struct sim_inode *inode) {
    add_change(names, from, to, inode);
    apply(names, &names->now, &names->changes[names->change_count - 1]);
}

void sim_names_bind(struct sim_names *names, const char *path, struct sim_inode *inode) { change(names, NULL, path, inode); }
void sim_names_unbind(struct sim_names *names, const char *path) { change(names, path, NULL, sim_names_find(names, path)); }
void sim_names_rename(struct sim_names *names, const char *from, const char *to) {
    change(names, from, to, sim_names_find(names, from));
}

static bool same(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

static bool rests_on(const struct sim_change *later, const struct sim_change *earlier) {
    return later->inode == earlier->inode || same(later->from, earlier->from) || same(later->from, earlier->to)
           || same(later->to, earlier->from) || same(later->to, earlier->to);
}

/* Applies the marked changes, and those they rest on, to the platter; the others stay when `keep`, or are forgotten. */
static void settle(struct sim_names *names, bool keep) {
    for (size_t i = names->change_count; i-- > 0;) {
        if (!names->changes[i].marked) continue;
        for (size_t j = 0; j < i; j++)
            if (rests_on(&names->changes[i], &names->changes[j])) names->changes[j].marked = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < names->change_count; i++) {
        struct sim_change *one = &names->changes[i];
        if (one->marked) apply(names, &names->stable, one);
        if (!one->marked && keep) {
            names->changes[kept++] = *one;
            continue;
        }
        free(one->from);
        free(one->to);
        names->freed += sim_inode_unref(one->inode);
    }
    names->change_count = kept;
}

static bool is_in(const char *path, const char *folder) {
    size_t length = parent_length(path);
    return length == strlen(folder) && memcmp(path, folder, length) == 0;
}

void sim_names_sync(struct sim_names *names, const char *folder) {
    for (size_t i = 0; i < names->change_count; i++) {
        struct sim_change *one = &names->changes[i];
        one->marked = is_in(one->to ? one->to : one->from, folder);
    }
    settle(names, true);
}

/* Names in folders that aren't there themselves can't be reached. */
static void drop_unreachable(struct sim_names *names) {
    for (bool dropped = true; dropped;) {
        dropped = false;
        for (size_t i = 0; i < names->stable.count && !dropped; i++) {
            if (has_parent(&names->stable, names->stable.items[i].path)) continue;
            char *path = copy(names->stable.items[i].path);
            remove_path(names, &names->stable, path);
            free(path);
            dropped = true;
        }
    }
}

void sim_names_cut(struct sim_names *names, struct sim_random *random) {
    bool journal = sim_below(random, 2); /* the first ones up to somewhere, or any of them */
    size_t stop = (size_t)sim_below(random, names->change_count + 1);
    for (size_t i = 0; i < names->change_count; i++) names->changes[i].marked = journal ? i < stop : sim_below(random, 2);
    settle(names, false);
    drop_unreachable(names);
    clear(names, &names->now);
    for (size_t i = 0; i < names->stable.count; i++)
        put(names, &names->now, names->stable.items[i].path, names->stable.items[i].inode);
}

void sim_names_release(struct sim_names *names) {
    clear(names, &names->now);
    clear(names, &names->stable);
    for (size_t i = 0; i < names->change_count; i++) {
        free(names->changes[i].from);
        free(names->changes[i].to);
        sim_inode_unref(names->changes[i].inode);
    }
    free(names->changes);
    *names = (struct sim_names){0};
}
