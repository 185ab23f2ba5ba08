#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

int staged;
const char *stage_dir = "";

void make_mount_point(const char *path, int is_dir) {
  char copy[4096];
  snprintf(copy, sizeof copy, "%s", path);
  for (char *at = strchr(copy + strlen(stage_dir) + 1, '/'); at; at = strchr(at + 1, '/')) {
    *at = 0;
    if (mkdir(copy, 0755) < 0 && errno != EEXIST) fail("mkdir", copy);
    *at = '/';
  }
  if (is_dir) {
    if (mkdir(copy, 0755) < 0 && errno != EEXIST) fail("mkdir", copy);
  } else {
    int fd = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) fail("create", copy);
    close(fd);
  }
}

void bind_mount(const char *source, const char *target, unsigned long recursive) {
  char from[4096], to[4096];
  struct stat info;
  snprintf(from, sizeof from, "%s%s", *stage_dir ? "" : OLD_ROOT, source);
  snprintf(to, sizeof to, "%s%s", stage_dir, target);
  if (stat(from, &info) < 0) fail("stat", source);
  make_mount_point(to, S_ISDIR(info.st_mode));
  if (mount(from, to, NULL, MS_BIND | recursive, NULL) < 0) fail("bind", source);
}

void stage_begin(const char *dir) {
  char path[4096];
  if (unshare(CLONE_NEWNS) < 0) fail("unshare", "mount namespace");
  /* Slave, not private: what the host unmounts later must not be held by a sandbox. */
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) fail("mount", "slave");
  if (mount("glovebox", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m,nr_inodes=256") < 0) fail("mount", dir);
  snprintf(path, sizeof path, "%s/.host", dir);
  if (mkdir(path, 0700) < 0) fail("mkdir", path); /* shut to the session's uid */
  snprintf(path, sizeof path, "%s%s", dir, OLD_ROOT);
  if (mkdir(path, 0700) < 0) fail("mkdir", path);
  stage_dir = dir;
}

void stage_end(void) {
  char path[4096];
  if (!*stage_dir) return;
  snprintf(path, sizeof path, "%s%s", stage_dir, OLD_ROOT);
  if (syscall(SYS_pivot_root, stage_dir, path) < 0) fail("pivot_root", stage_dir);
  stage_dir = "";
  staged = 1;
  if (chdir("/") < 0) fail("chdir", "/");
}
