/* SPDX-License-Identifier: Apache-2.0 */
/* placement: which reactor gets a new association, and which core gets a thread. Any thread. */
#ifndef LEAT_RUNTIME_PLACEMENT_H
#define LEAT_RUNTIME_PLACEMENT_H

#include "engine/runtime/reactor.h"

/* The reactor with the lowest reactor_load; among equals the first one at or after index `turn` (the caller counts it up, so that
 * ties go round). count > 0. */
struct reactor *placement_least_loaded(struct reactor *const *reactors, uint32_t count, uint32_t turn);

/* How threads are bound to cores. PLACEMENT_AUTO pins only where there are at least 4 cores. */
enum placement_policy { PLACEMENT_AUTO, PLACEMENT_FREE, PLACEMENT_PINNED };

/* The cores that this process may use (its affinity mask, a container's share included in the mask only). */
uint32_t placement_core_count(void);
/* The operating system's number of the CPU for each of `count` threads, or -1 for no pinning: one thread a physical core first,
 * near ones first, then their siblings; round again when there are more threads than CPUs. */
void placement_cpus(enum placement_policy policy, int *cpus, uint32_t count);

#endif
