/* SPDX-License-Identifier: Apache-2.0 */
/* config_reload: which keys of a configuration that was read again take effect at the next start only: those that sockets,
 * threads, folders and memory were made from. All others (clients and their rules, peers, policies) hold for the next
 * association. */
#include "engine/base/config_table.h"

static bool same_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static bool same_texts(const struct config_texts *a, const struct config_texts *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0) return false;
    return true;
}

static bool same_listens(const struct config *a, const struct config *b) {
    if (a->listen_count != b->listen_count) return false;
    for (size_t i = 0; i < a->listen_count; i++)
        if (a->listen[i].port != b->listen[i].port || strcmp(a->listen[i].address, b->listen[i].address) != 0) return false;
    return true;
}

const char *config_next_start_key(const struct config *running, const struct config *fresh, size_t *from) {
    const struct {
        const char *key;
        bool same;
    } keys[] = {
        {"data", same_text(running->data_dir, fresh->data_dir)},
        {"index_dir", same_text(running->index_dir, fresh->index_dir)},
        {"volumes", same_texts(&running->volumes, &fresh->volumes)},
        {"listen (bind, port)", same_listens(running, fresh)},
        {"reactors", running->reactors == fresh->reactors},
        {"workers", running->workers == fresh->workers},
        {"memory", running->memory_bytes == fresh->memory_bytes},
        {"store.bulk_segment", running->bulk_segment_bytes == fresh->bulk_segment_bytes},
        {"store.small_segment", running->small_segment_bytes == fresh->small_segment_bytes},
        {"watermark.bytes", running->watermark_bytes == fresh->watermark_bytes},
        {"watermark.percent", running->watermark_percent == fresh->watermark_percent},
    };
    while (*from < sizeof keys / sizeof keys[0]) {
        size_t i = (*from)++;
        if (!keys[i].same) return keys[i].key;
    }
    return NULL;
}
