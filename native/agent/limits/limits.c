#include "limits.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "../basics.h"
#include "../process/streams.h"
#include "../protocol.h"
#include "../settings.h"
#include "../tree/group.h"
#include "../tree/kill.h"
#include "../tree/scan.h"
#include "../tree/tree.h"

enum { CPU_POLL_MS = 20, MAX_POLL_MS = 1000 };

/* Deadlines that the host names are bounded, so that sums cannot overflow. */
static uint64_t bounded_ms(uint64_t ms) { return min64(ms, UINT64_C(1) << 40); }

static uint64_t uptime_ticks(void) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * self.ticks_per_s + (uint64_t)t.tv_nsec * self.ticks_per_s / 1000000000;
}

/* Those whose time counts for a process. The host's own (SPAWN_OWN) are not in the cgroup of user code. */
static struct scan scan_for(const struct proc *p) {
    struct scan s = p->flags & SPAWN_OWN ? (struct scan){0} : scan_group();
    return s.e ? s : scan_proc();
}

/* Sooner than this, milliseconds from now, what is left cannot be used up. */
static uint64_t soonest(uint64_t left_ms) {
    uint64_t ms = left_ms / self.cpu_count;
    return ms < CPU_POLL_MS ? CPU_POLL_MS : min64(ms, MAX_POLL_MS);
}

static uint64_t tree_cpu_us(struct proc *p, struct scan *s) {
    uint64_t sum = p->orphan_us;
    mark_tree(s, p, p->arm_ticks);
    for (size_t i = 0; i < s->n; i++)
        if (s->e[i].member == 1) sum += s->e[i].cpu_us;
    /* Time that nobody waited for vanishes from /proc; it stays counted. */
    if (sum < p->cpu_last_us) p->cpu_base_us -= (int64_t)(p->cpu_last_us - sum);
    p->cpu_last_us = sum;
    int64_t used = (int64_t)sum - p->cpu_base_us;
    return used > 0 ? (uint64_t)used : 0;
}

void set_limits(struct proc *p, uint64_t wall, uint64_t cpu, uint32_t grace) {
    uint64_t now = now_ms();
    p->wall_ms = bounded_ms(wall);
    p->wall_at = wall ? now + p->wall_ms : 0;
    p->cpu_ms = bounded_ms(cpu);
    p->grace_ms = grace;
    p->grace_at = 0;
    p->tripped = NONE;
    p->cpu_poll_at = cpu ? now + soonest(p->cpu_ms) : 0;
    if (!cpu) return;
    p->arm_ticks = uptime_ticks();
    p->orphan_us = p->cpu_last_us = 0;
    p->cpu_base_us = 0;
    if (p->started_us + 1000 > now_us()) return;    /* just started: nothing was used before */
    struct scan s = scan_for(p);
    p->cpu_base_us = (int64_t)tree_cpu_us(p, &s);
    free(s.e);
}

static void kill_for_limit(struct proc *p, uint32_t kind, uint64_t value) {
    if (p->limit == NONE) p->limit = kind;
    notify(p, kind, KILLED, value);
    kill_tree(p);
}

static void trip(struct proc *p, uint32_t kind, uint64_t value) {
    uint64_t grace = p->grace_ms;
    set_limits(p, 0, 0, 0);
    if (grace == 0) {
        kill_for_limit(p, kind, value);
        return;
    }
    kill(-p->pid, SIGINT);
    notify(p, kind, INTERRUPTED, value);
    p->tripped = kind;
    p->wall_ms = value;
    p->grace_at = now_ms() + grace;
}

void enforce_limits(uint64_t now) {
    for (struct proc *p = processes.first; p; p = p->next) {
        if (p->linger_ms && now >= p->linger_ms) end_linger(p);
        if (p->ended) continue;
        if (p->grace_at && now >= p->grace_at) {
            uint32_t kind = p->tripped;
            uint64_t value = p->wall_ms;
            set_limits(p, 0, 0, 0);
            kill_for_limit(p, kind, value);
        }
        if (p->wall_at && now >= p->wall_at) trip(p, WALL, p->wall_ms);
        if (!p->cpu_poll_at || now < p->cpu_poll_at) continue;
        struct scan s = scan_for(p);
        uint64_t used = tree_cpu_us(p, &s) / 1000;
        free(s.e);
        if (used >= p->cpu_ms) trip(p, CPU, used);
        else p->cpu_poll_at = now + soonest(p->cpu_ms - used);
    }
}
