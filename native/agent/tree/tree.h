/* Whose tree a process belongs to, also after its parents have gone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../process/process.h"
#include "scan.h"

/* Whether an entry is of p's tree by itself (not through its parent). */
bool is_anchor(const struct entry *e, const struct proc *p, uint64_t since_ticks);

/* Marks what belongs to p: its root and descendants, and orphans (see "Tree" in the protocol). p NULL: everything. */
void mark_tree(struct scan *s, const struct proc *p, uint64_t since_ticks);
