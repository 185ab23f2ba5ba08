#include "kill.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "../basics.h"
#include "../settings.h"
#include "tree.h"

enum { KILL_MS = 500 };         /* how long a hunt may take before the last resort */

uint32_t signal_new(const struct scan *s, const struct scan *known, pid_t except, int sig, bool groups) {
    const struct entry *spared = except ? entry_of(s, except) : NULL;
    uint32_t count = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct entry *e = &s->e[i];
        if (e->member != 1 || e->pid == except || e->state == 'Z' || e->state == 'X') continue;
        const struct entry *before = known ? entry_of(known, e->pid) : NULL;
        if (before && before->member == 1 && before->start == e->start) continue;
        if (groups && e->pgrp > 1 && e->sid != self.session && !(spared && spared->pgrp == e->pgrp)) kill(-e->pgrp, sig);
        kill(e->pid, sig);
        count++;
    }
    return count;
}

/* Looks again, signals who is new, and remembers this look as `seen`. */
static uint32_t signal_round(struct scan *seen, const struct proc *p, pid_t except, int sig) {
    struct scan s = scan_proc();
    mark_tree(&s, p, 0);
    uint32_t fresh = signal_new(&s, seen, except, sig, true);
    free(seen->e);
    *seen = s;
    return fresh;
}

int kill_members(const struct proc *p, bool with_root) {
    pid_t except = with_root || !p ? 0 : p->pid;
    uint64_t deadline = now_ms() + KILL_MS;
    struct scan seen = {0};
    uint32_t total = 0, fresh = 1;
    for (int round = 0; fresh > 0 && now_ms() < deadline; round++) {
        if (round == (with_root ? 0 : 3)) {
            while (signal_round(&seen, p, except, SIGSTOP) > 0 && now_ms() < deadline) continue;
            total += signal_new(&seen, NULL, except, SIGKILL, true);
        }
        fresh = signal_round(&seen, p, except, SIGKILL);
        total += fresh;
    }
    free(seen.e);
    return fresh > 0 ? -1 : (int)total;
}

void kill_everything(void) {
    if (self.pid == 1) kill(-1, SIGKILL);
    else kill_members(NULL, true);
}

int kill_tree(const struct proc *p) {
    int killed = kill_members(p, true);
    if (killed >= 0) return killed;
    kill_everything();
    return 1;
}
