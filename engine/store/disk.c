/* SPDX-License-Identifier: Apache-2.0 */
/* disk: reads and writes that go on after coming up short, over any implementation. Any thread. */
#include "engine/store/disk.h"

#include <errno.h>

int64_t disk_read_full(struct disk_file *file, void *buffer, size_t bytes, uint64_t offset) {
    size_t done = 0;
    while (done < bytes) {
        int64_t n = disk_pread(file, (char *)buffer + done, bytes - done, offset + done);
        if (n == -EINTR) continue;
        if (n < 0) return n;
        if (n == 0) break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

int disk_write_full(struct disk_file *file, const void *buffer, size_t bytes, uint64_t offset) {
    size_t done = 0;
    while (done < bytes) {
        int64_t n = disk_pwrite(file, (const char *)buffer + done, bytes - done, offset + done);
        if (n == -EINTR) continue;
        if (n < 0) return (int)n;
        if (n == 0) return -EIO;
        done += (size_t)n;
    }
    return 0;
}
