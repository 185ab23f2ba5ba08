/* Signals and kills trees of processes, which may fork as fast as they can. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../process/process.h"
#include "scan.h"

/*
 * Signals the members that `known` does not have yet, and their process groups, which the kernel signals in one piece.
 * Returns how many were new, whether they could still be hit or not: who is gone may have forked before.
 */
uint32_t signal_new(const struct scan *s, const struct scan *known, pid_t except, int sig, bool groups);

/*
 * Kills a tree. It is stopped first, until no look finds new members any more, so that nothing wins by forking fast.
 * Descendants of a root that goes on are stopped only when they do not end otherwise, because their parent would
 * notice. Returns how many were killed, or -1 when it did not come to an end.
 */
int kill_members(const struct proc *p, bool with_root);

/* As pid 1 this is one atomic blow, which no fork bomb survives; a plain process has to hunt for its descendants. */
void kill_everything(void);

/* Kills a tree, or everything where that does not come to an end. Returns how many were killed. */
int kill_tree(const struct proc *p);
