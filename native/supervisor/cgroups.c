#include "cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "report.h"
#include "stage.h"

/* Out of the way of descriptors whose numbers options ask for. */
enum { FIRST_FD = 64 };

struct cgroup cgroups[MAX_CGROUPS];
int cgroup_count;

void join_cgroup(const char *dir, const char *origin) {
  char path[4096];
  if (cgroup_count == MAX_CGROUPS) {
    errno = E2BIG;
    fail("cgroup", dir);
  }
  snprintf(path, sizeof path, "%s/cgroup.procs", dir);
  int low = open(path, O_RDWR | O_CLOEXEC), fd = fcntl(low, F_DUPFD_CLOEXEC, FIRST_FD);
  if (fd < 0) fail("cgroup", dir);
  close(low);
  cgroups[cgroup_count].procs_fd = fd;
  cgroups[cgroup_count].dir = dir;
  cgroups[cgroup_count].origin = origin;
  cgroup_count++;
  if (write(fd, "0", 1) != 1) fail("cgroup", dir);
}

void bring_into_cgroups(pid_t pid) {
  char text[16];
  int length = snprintf(text, sizeof text, "%d", pid);
  for (int i = 0; i < cgroup_count; i++)
    if (write(cgroups[i].procs_fd, text, (size_t)length) != length) fail("cgroup", cgroups[i].dir);
}

void leave_cgroups(void) {
  for (int i = 0; i < cgroup_count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s/cgroup.procs", staged ? OLD_ROOT : "", cgroups[i].origin);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) continue;
    int left = write(fd, "0", 1) == 1;
    close(fd);
    snprintf(path, sizeof path, "%s%s", staged ? OLD_ROOT : "", cgroups[i].dir);
    if (left) rmdir(path);
  }
}
