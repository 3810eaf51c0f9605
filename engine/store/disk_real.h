/* SPDX-License-Identifier: Apache-2.0 */
/* disk_real: the disk of the kernel: Linux system calls, operations through a reactor's io_uring (loop = struct reactor *), jobs
 * on one background thread, started with the first job. Any thread may create it; disk_destroy when no file is open and no job
 * waits. */
#ifndef LEAT_STORE_DISK_REAL_H
#define LEAT_STORE_DISK_REAL_H

#include "engine/base/fault.h"
#include "engine/store/disk.h"

struct disk *disk_real_create(struct fault *fault); /* NULL: no memory */

#endif
