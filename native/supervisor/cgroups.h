/* The cgroups of the sandbox, which the supervisor is in, too, until it ends. */
#pragma once

#include <sys/types.h>

enum { MAX_CGROUPS = 8 };

/* Its folder, where the supervisor came from, and its list of pids. */
struct cgroup {
  int procs_fd;
  const char *dir, *origin;
};
extern struct cgroup cgroups[MAX_CGROUPS];
extern int cgroup_count;

/* Joins one, or fails. */
void join_cgroup(const char *dir, const char *origin);

/* Has another process join those that this one is in, or fails. */
void bring_into_cgroups(pid_t pid);

/* Goes back to the cgroups that it came from, so that the sandbox's directories can be removed, and removes them. */
void leave_cgroups(void);
