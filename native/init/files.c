#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { STEP_NS = 1000000 };

const char *vsock;

_Noreturn void die(const char *what, const char *which) {
  dprintf(2, "init: %s %s: %s\n", what, which, strerror(errno));
  /* Firecracker ends when its machine is reset, and only then. */
  reboot(vsock ? RB_AUTOBOOT : RB_POWER_OFF);
  _exit(1);
}

void pause_step(void) { nanosleep(&(struct timespec){0, STEP_NS}, NULL); }

void make_dir(const char *path, mode_t mode) {
  if (mkdir(path, mode) < 0 && errno != EEXIST) die("mkdir", path);
}

void mount_on(const char *source, const char *target, const char *type, unsigned long flags, const char *options) {
  make_dir(target, 0755);
  if (mount(source, target, type, flags, options) < 0) die("mount", target);
}

void write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) die("write", path);
  close(fd);
}

void put_file(const char *path, const char *text) {
  unlink(path);
  write_text(path, text);
}

void put_link(const char *target, const char *path) {
  unlink(path);
  if (symlink(target, path) < 0) die("symlink", path);
}

int read_line(const char *path, char *to, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);
  if (fd >= 0) close(fd);
  if (n < 0) return 0;
  to[n] = 0;
  to[strcspn(to, "\n")] = 0;
  return 1;
}
