/* SPDX-License-Identifier: Apache-2.0 */
/* disk_sim_file: pages. A dirty page keeps the bytes that the platter has; a cut chooses for each, by page or by sector. */
#include "engine/store/disk_sim_file.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"

uint64_t sim_random(struct sim_random *random) { /* splitmix64 */
    uint64_t z = (random->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sim_below(struct sim_random *random, uint64_t bound) { return bound ? sim_random(random) % bound : 0; }

struct sim_inode *sim_inode_create(bool is_dir) {
    struct sim_inode *inode = calloc(1, sizeof *inode);
    invariant(inode);
    inode->is_dir = is_dir;
    return inode;
}

void sim_inode_ref(struct sim_inode *inode) { inode->references++; }

static void free_page(struct sim_page *page) {
    if (page->stable != page->now) free(page->stable);
    free(page->now);
    *page = (struct sim_page){0};
}

uint64_t sim_inode_unref(struct sim_inode *inode) {
    invariant(inode->references > 0);
    if (--inode->references) return 0;
    uint64_t freed = 0;
    for (size_t i = 0; i < inode->page_count; i++) {
        freed += inode->pages[i].allocated;
        free_page(&inode->pages[i]);
    }
    free(inode->pages);
    free(inode);
    return freed;
}

void sim_inode_read(const struct sim_inode *inode, uint8_t *out, size_t bytes, uint64_t offset) {
    while (bytes) {
        size_t page = (size_t)(offset / SIM_PAGE_BYTES), at = (size_t)(offset % SIM_PAGE_BYTES);
        size_t n = SIM_PAGE_BYTES - at < bytes ? SIM_PAGE_BYTES - at : bytes;
        if (page < inode->page_count && inode->pages[page].now)
            memcpy(out, inode->pages[page].now + at, n);
        else
            memset(out, 0, n);
        out += n;
        bytes -= n;
        offset += n;
    }
}

/* ---- changes ---- */

static void make_pages(struct sim_inode *inode, size_t count) {
    if (count <= inode->page_count) return;
    inode->pages = realloc(inode->pages, count * sizeof *inode->pages);
    invariant(inode->pages);
    memset(inode->pages + inode->page_count, 0, (count - inode->page_count) * sizeof *inode->pages);
    inode->page_count = count;
}

static size_t pages_of(uint64_t bytes) { return (size_t)((bytes + SIM_PAGE_BYTES - 1) / SIM_PAGE_BYTES); }

static bool take_room(struct sim_inode *inode, size_t first, size_t end, uint64_t *room) {
    uint64_t need = 0;
    for (size_t i = first; i < end; i++) need += i >= inode->page_count || !inode->pages[i].allocated;
    if (need > *room) return false;
    *room -= need;
    make_pages(inode, end);
    for (size_t i = first; i < end; i++) inode->pages[i].allocated = true;
    return true;
}

/* The page can be changed without changing what the platter holds. */
static void touch(struct sim_page *page, uint64_t serial) {
    uint8_t *fresh = malloc(SIM_PAGE_BYTES);
    invariant(fresh);
    if (page->now)
        memcpy(fresh, page->now, SIM_PAGE_BYTES);
    else
        memset(fresh, 0, SIM_PAGE_BYTES);
    if (!page->dirty) {
        page->stable = page->now;
        page->dirty = true;
    } else if (page->now != page->stable) {
        free(page->now);
    }
    page->now = fresh;
    page->written = serial;
}

static void set_size(struct sim_inode *inode, uint64_t size, uint64_t serial) {
    inode->size = size;
    inode->size_written = serial;
}

bool sim_inode_write(struct sim_inode *inode, const uint8_t *bytes, size_t count, uint64_t offset, uint64_t serial,
                     uint64_t *room) {
    if (!take_room(inode, (size_t)(offset / SIM_PAGE_BYTES), pages_of(offset + count), room)) return false;
    if (offset + count > inode->size) set_size(inode, offset + count, serial);
    while (count) {
        struct sim_page *page = &inode->pages[offset / SIM_PAGE_BYTES];
        size_t at = (size_t)(offset % SIM_PAGE_BYTES);
        size_t n = SIM_PAGE_BYTES - at < count ? SIM_PAGE_BYTES - at : count;
        touch(page, serial);
        memcpy(page->now + at, bytes, n);
        bytes += n;
        count -= n;
        offset += n;
    }
    return true;
}

bool sim_inode_allocate(struct sim_inode *inode, uint64_t bytes, uint64_t serial, uint64_t *room) {
    if (!take_room(inode, 0, pages_of(bytes), room)) return false;
    if (bytes > inode->size) set_size(inode, bytes, serial);
    return true;
}

static uint64_t drop_pages(struct sim_inode *inode, uint64_t size) {
    uint64_t freed = 0;
    for (size_t i = pages_of(size); i < inode->page_count; i++) {
        freed += inode->pages[i].allocated;
        free_page(&inode->pages[i]);
    }
    if (pages_of(size) < inode->page_count) inode->page_count = pages_of(size);
    if (size % SIM_PAGE_BYTES && size / SIM_PAGE_BYTES < inode->page_count) {
        struct sim_page *page = &inode->pages[size / SIM_PAGE_BYTES];
        size_t at = (size_t)(size % SIM_PAGE_BYTES);
        if (page->now) memset(page->now + at, 0, SIM_PAGE_BYTES - at);
        if (page->dirty && page->stable) memset(page->stable + at, 0, SIM_PAGE_BYTES - at);
    }
    return freed;
}

/* Cutting a file off is durable at once here: what was cut off is never looked at again, and a longer file says nothing more. */
uint64_t sim_inode_truncate(struct sim_inode *inode, uint64_t bytes, uint64_t serial) {
    uint64_t freed = 0;
    if (bytes < inode->size) {
        freed = drop_pages(inode, bytes);
        if (inode->stable_size > bytes) inode->stable_size = bytes;
    }
    set_size(inode, bytes, serial);
    return freed;
}

static void clean(struct sim_page *page) {
    if (page->stable != page->now) free(page->stable);
    page->stable = NULL;
    page->dirty = false;
}

void sim_inode_sync(struct sim_inode *inode, uint64_t serial) {
    for (size_t i = 0; i < inode->page_count; i++) {
        if (!inode->pages[i].dirty || inode->pages[i].written > serial) continue;
        clean(&inode->pages[i]);
        uint64_t end = (uint64_t)(i + 1) * SIM_PAGE_BYTES < inode->size ? (uint64_t)(i + 1) * SIM_PAGE_BYTES : inode->size;
        if (end > inode->stable_size) inode->stable_size = end;
    }
    if (inode->size_written <= serial || inode->stable_size > inode->size) inode->stable_size = inode->size;
}

/* ---- the worst ---- */

static void revert(struct sim_page *page) {
    if (page->now != page->stable) free(page->now);
    page->now = page->stable;
    page->stable = NULL;
    page->dirty = false;
}

void sim_inode_sync_failed(struct sim_inode *inode, struct sim_random *random) {
    unsigned mode = (unsigned)sim_below(random, 3);
    for (size_t i = 0; i < inode->page_count; i++) {
        struct sim_page *page = &inode->pages[i];
        if (!page->dirty || (mode == 1 && sim_below(random, 2)) || mode == 2) continue;
        revert(page);
    }
}

/* Sector by sector: the new bytes, the old ones, or new ones up to somewhere. */
static void tear(struct sim_page *page, struct sim_random *random) {
    size_t sectors = SIM_PAGE_BYTES / SIM_SECTOR_BYTES;
    size_t stop = (size_t)sim_below(random, sectors + 1);
    bool shuffled = sim_below(random, 2);
    for (size_t i = 0; i < sectors; i++) {
        if (shuffled ? sim_below(random, 2) == 0 : i < stop) continue;
        uint8_t *at = page->now + i * SIM_SECTOR_BYTES;
        if (page->stable)
            memcpy(at, page->stable + i * SIM_SECTOR_BYTES, SIM_SECTOR_BYTES);
        else
            memset(at, 0, SIM_SECTOR_BYTES);
    }
    clean(page);
}

uint64_t sim_inode_cut(struct sim_inode *inode, struct sim_random *random) {
    unsigned mode = (unsigned)sim_below(random, 4); /* all lost, all kept, some of each, torn */
    uint64_t freed = 0;
    if (inode->size != inode->stable_size) {
        if (mode == 0 || sim_below(random, 2)) {
            if (inode->stable_size < inode->size) freed = drop_pages(inode, inode->stable_size);
            inode->size = inode->stable_size;
        }
        inode->stable_size = inode->size;
    }
    for (size_t i = 0; i < inode->page_count; i++) {
        struct sim_page *page = &inode->pages[i];
        if (!page->dirty) continue;
        uint64_t choice = mode == 0 ? 0 : mode == 1 ? 1 : sim_below(random, mode == 2 ? 2 : 3);
        if (choice == 0)
            revert(page);
        else if (choice == 1)
            clean(page);
        else
            tear(page, random);
    }
    inode->size_written = 0;
    return freed;
}
