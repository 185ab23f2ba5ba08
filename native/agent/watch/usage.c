#include "usage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>

#include "../process/reap.h"
#include "../tree/group.h"
#include "../tree/scan.h"
#include "../tree/tree.h"

static bool is_tmpfs(const struct statfs *f) { return f->f_type == 0x01021994; }

static uint64_t tmpfs_use(void) {
    static const char *const places[] = {"/tmp", "/dev/shm"};
    uint64_t sum = 0;
    dev_t seen = 0;
    for (size_t i = 0; i < 2; i++) {
        struct statfs f;
        struct stat st;
        if (statfs(places[i], &f) != 0 || !is_tmpfs(&f) || stat(places[i], &st) != 0 || st.st_dev == seen) continue;
        sum += (f.f_blocks - f.f_bfree) * (uint64_t)f.f_bsize;
        seen = st.st_dev;
    }
    return sum;
}

/* What the cgroup of user code says, tmpfs included. Returns false where there is none. */
static bool measure_group(struct usage *u, enum accuracy memory) {
    static const char *const time[] = {"usage_usec"}, *const tasks[] = {""}, *const held[] = {"anon", "shmem"};
    uint64_t bytes[] = {0, 0};
    bool known = group_figures("cpu.stat", time, &u->cpu_us, 1) && group_figures("pids.current", tasks, &u->pids, 1) &&
                 (!memory || group_figures("memory.stat", held, bytes, 2));
    u->memory = bytes[0] + bytes[1];
    return known;
}

struct usage measure(enum accuracy memory) {
    struct usage group;
    if (measure_group(&group, memory)) return group;
    struct usage u = {.memory = memory ? tmpfs_use() : 0, .cpu_us = reaped_us};
    struct scan s = scan_proc();
    mark_tree(&s, NULL, 0);
    for (size_t i = 0; i < s.n; i++) {
        const struct entry *e = &s.e[i];
        if (e->member != 1 || e->state == 'Z') continue;
        u.pids += e->threads;
        u.cpu_us += e->cpu_us;
        if (memory) u.memory += own_memory(e->pid, memory == EXACT);
    }
    free(s.e);
    return u;
}
