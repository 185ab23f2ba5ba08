#include "descriptors.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fork.h"
#include "raw.h"

enum { FIRST_OWN_FD = 200, MAX_FDS = 256, MEMORY_DEVICES = 1, PATH_ROOM = 48 };

static const char DISK[] = "/vm/workspace";
static dev_t disk_device;
static ino_t disk_inode;

static char disk_path[PATH_ROOM]; /* "": the one that QEMU knows */

static void know(const struct stat *disk) {
  disk_device = disk->st_dev;
  disk_inode = disk->st_ino;
}

void know_disk(void) {
  struct stat disk;
  if (stat(DISK, &disk) == 0) know(&disk);
}

/* Fills `fds` with the numbers of all that are open but the one by which it looks. Returns how many; -1: too many. Without the C library's help, which would allocate. */
static int list(int *fds) {
  char entries[4096];
  int count = 0, dir = (int)raw(SYS_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
  if (dir < 0) return -1;
  for (long length; (length = raw(SYS_getdents64, dir, (long)entries, sizeof entries, 0, 0)) > 0;) {
    for (long at = 0; at < length; at += *(unsigned short *)(entries + at + 16)) {
      const char *name = entries + at + 19;
      int fd = 0;
      if (*name == '.') continue;
      for (; *name; name++) fd = fd * 10 + *name - '0';
      if (fd == dir) continue;
      if (count == MAX_FDS) return close(dir), -1;
      fds[count++] = fd;
    }
  }
  close(dir);
  return count;
}

/* Puts `made` in the place of `fd`, with its mode of waiting. */
static int replace(int fd, int made) {
  int flags = fcntl(fd, F_GETFL);
  if (made < 0 || flags < 0 || dup3(made, fd, O_CLOEXEC) < 0) return 0;
  close(made);
  return fcntl(fd, F_SETFL, flags & O_NONBLOCK) == 0;
}

static int end_connection(int fd) {
  int pair[2], listens = 1;
  socklen_t length = sizeof listens;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0 || listens) return 0;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return 0;
  close(pair[1]);
  return replace(fd, pair[0]);
}

/* Writes the path of what the kernel says in `folder` of /proc/self about a descriptor. */
static void path_about(char *path, const char *folder, int fd) {
  char digits[12];
  int count = 0;
  path = stpcpy(stpcpy(path, "/proc/self/"), folder);
  do digits[count++] = (char)('0' + fd % 10);
  while ((fd /= 10) > 0);
  while (count > 0) *path++ = digits[--count];
  *path = 0;
}

/* Whether somebody waits by it for other descriptors: QEMU does only when it has very many. */
static int has_members(int epoll) {
  char path[PATH_ROOM], text[512];
  path_about(path, "fdinfo/", epoll);
  int fd = (int)raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length < 0) return 1;
  text[length] = 0;
  return strstr(text, "tfd:") != NULL;
}

/* The kernel's own: events are made anew, and ring once too often rather than once too little; signals come to who reads. */
static int renew_anonymous(int fd) {
  char path[PATH_ROOM], what[64];
  path_about(path, "fd/", fd);
  ssize_t length = readlink(path, what, sizeof what - 1);
  if (length < 0) return 0;
  what[length] = 0;
  if (strcmp(what, "anon_inode:[signalfd]") == 0) return 1;
  if (strcmp(what, "anon_inode:[eventpoll]") == 0) return !has_members(fd) && replace(fd, epoll_create1(EPOLL_CLOEXEC));
  return strcmp(what, "anon_inode:[eventfd]") == 0 && replace(fd, eventfd(1, EFD_CLOEXEC));
}

const char *meant_path(const char *path) { return *disk_path && strcmp(path, DISK) == 0 ? disk_path : path; }

static int renew(int fd, const int *given) {
  struct stat info;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fstat(fd, &info) < 0) return 0;
  switch (info.st_mode & S_IFMT) {
    case S_IFREG:
      if (info.st_dev == disk_device && info.st_ino == disk_inode) return dup3(given[GIVEN_DISK], fd, O_CLOEXEC) >= 0;
      return (flags & O_ACCMODE) == O_RDONLY;
    case S_IFDIR: return 1;
    case S_IFCHR: return major(info.st_rdev) == MEMORY_DEVICES;
    case S_IFSOCK: return end_connection(fd);
    case 0: return renew_anonymous(fd);
    default: return 0;
  }
}

int renew_descriptors(const int *given, int keeper, int *which) {
  static const int PLACES[GIVEN_COUNT] = {[GIVEN_AGENT] = AGENT_FD, [GIVEN_QMP] = QMP_FD, [GIVEN_CONTROL] = CONTROL_FD, [GIVEN_DISK] = -1, [GIVEN_LOG] = LOG_FD};
  int fds[MAX_FDS], count;
  struct stat disk;
  *which = -1;
  for (int i = 0; i < GIVEN_COUNT; i++)
    if (PLACES[i] >= 0 && dup3(given[i], PLACES[i], PLACES[i] == LOG_FD ? 0 : O_CLOEXEC) < 0) return 0;
  if (dup3(keeper, KEEPER_FD, O_CLOEXEC) < 0 || fstat(given[GIVEN_DISK], &disk) < 0 || (count = list(fds)) < 0) return 0;
  for (int i = 0; i < count; i++) {
    int fd = fds[i], ours = fd == keeper || fd == KEEPER_FD || fd == AGENT_FD || fd == QMP_FD || fd == CONTROL_FD || fd == LOG_FD;
    for (int j = 0; j < GIVEN_COUNT; j++) ours |= fd == given[j];
    if (ours || renew(fd, given)) continue;
    *which = fd;
    return 0;
  }
  know(&disk);
  if (!*disk_path) path_about(disk_path, "fd/", fcntl(given[GIVEN_DISK], F_DUPFD_CLOEXEC, FIRST_OWN_FD));
  for (int i = 0; i < GIVEN_COUNT; i++) close(given[i]);
  close(keeper);
  return 1;
}
