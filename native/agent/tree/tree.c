#include "tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../settings.h"
#include "../watch/walker.h"

bool is_anchor(const struct entry *e, const struct proc *p, uint64_t since_ticks) {
    if (e->pid == p->pid && !p->ended) return true;
    if (e->ppid != self.pid || e->pid == walker.pid || held_root(e->pid)) return false;
    const struct proc *owner = held_session(e->sid);
    if (owner) return owner == p || (owner->pid == p->pid && owner->ended);
    return e->sid != self.session && e->start >= since_ticks;
}

void mark_tree(struct scan *s, const struct proc *p, uint64_t since_ticks) {
    for (size_t i = 0; i < s->n; i++) s->e[i].member = -1;
    for (size_t i = 0; i < s->n; i++) {
        /* Climb until the answer is known, then write it down on the way. */
        struct entry *e = &s->e[i];
        int8_t answer = 0;
        for (int depth = 0; e && depth < 65536; depth++) {
            if (e->member >= 0) { answer = e->member; break; }
            if (e->pid == self.pid || e->pid == walker.pid) break;
            if (p ? is_anchor(e, p, since_ticks) : e->ppid == self.pid) { answer = 1; break; }
            if (e->ppid == self.pid || e->ppid == e->pid) break;
            e = entry_of(s, e->ppid);
        }
        for (e = &s->e[i]; e && e->member < 0; e = entry_of(s, e->ppid)) {
            if (e->pid == self.pid) { e->member = 0; break; }
            e->member = answer;
            if (e->ppid == self.pid) break;
        }
    }
}
