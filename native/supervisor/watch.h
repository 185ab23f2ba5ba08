/* 4. watch, and the killing of what is left. */
#pragma once

#include <sys/types.h>

/* Waits for the end of the process (or of its heir), and does what the server says. Returns its wait status. */
int watch(pid_t child, int signals);

/* Ends all that the child left: its group, the cgroup, and orphans, which come to us as their subreaper. */
void kill_rest(pid_t child);
