/* 4. watch, and the killing of what is left. */
#pragma once

#include <sys/types.h>

#include "copy.h"

/* Waits for the end of the process (or of its heir), and does what the server says. Returns its wait status. */
int watch(pid_t child, int signals);

/* The same for a copy, which is not our child. */
int watch_copy(const struct copy *copy, int signals);

/* Ends all that the child left (0: there is none): its group, the cgroup, and orphans, which come to us as their subreaper. */
void kill_rest(pid_t child);
