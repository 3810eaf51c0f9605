/* SPDX-License-Identifier: Apache-2.0 */
/* placement: see placement.h. The only file that knows hwloc. */
#include "engine/runtime/placement.h"

#include <hwloc.h>
#include <sched.h>
#include <unistd.h>

#define CORES_FOR_PINNING 4u /* with fewer, the kernel's balancing of our threads and RocksDB's is worth more than warm caches */

struct reactor *placement_least_loaded(struct reactor *const *reactors, uint32_t count, uint32_t turn) {
    struct reactor *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct reactor *reactor = reactors[(turn + i) % count];
        if (!best || reactor_load(reactor) < reactor_load(best)) best = reactor;
    }
    return best;
}

uint32_t placement_core_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) return (uint32_t)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than a cpu_set_t has bits */
    return online > 0 ? (uint32_t)online : 1;
}

/* The CPUs that we may use, in the order of use: the first hardware thread of each core, then the second ones, ... Returns how
 * many. */
static uint32_t order_cpus(hwloc_topology_t topology, int *cpus, uint32_t capacity) {
    hwloc_const_cpuset_t allowed = hwloc_topology_get_allowed_cpuset(topology);
    cpu_set_t mask;
    bool masked = sched_getaffinity(0, sizeof(mask), &mask) == 0;
    int cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
    uint32_t count = 0;
    for (int sibling = 0, found = 1; found; sibling++) {
        found = 0;
        for (int core = 0; core < cores; core++) {
            hwloc_obj_t object = hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, (unsigned)core);
            int cpu = hwloc_bitmap_first(object->cpuset);
            for (int i = 0; i < sibling && cpu >= 0; i++) cpu = hwloc_bitmap_next(object->cpuset, cpu);
            if (cpu < 0) continue;
            found = 1;
            bool usable = hwloc_bitmap_isset(allowed, (unsigned)cpu) && (!masked || (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &mask)));
            if (usable && count < capacity) cpus[count++] = cpu;
        }
    }
    return count;
}

void placement_cpus(enum placement_policy policy, int *cpus, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) cpus[i] = -1;
    if (policy == PLACEMENT_FREE || (policy == PLACEMENT_AUTO && placement_core_count() < CORES_FOR_PINNING)) return;
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) != 0) return; /* no pinning is always right */
    if (hwloc_topology_load(topology) == 0) {
        uint32_t known = order_cpus(topology, cpus, count);
        for (uint32_t i = known; known && i < count; i++) cpus[i] = cpus[i % known];
    }
    hwloc_topology_destroy(topology);
}
