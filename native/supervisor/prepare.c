#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "cgroups.h"
#include "report.h"
#include "run.h"
#include "stage.h"

void place(int fd, int wanted, const char *what) {
  if (fd < 0) fail("open", what);
  if (fd == wanted) return;
  if (dup3(fd, wanted, O_CLOEXEC) < 0) fail("dup", what);
  close(fd);
}

static void make_socket(const char *name, int wanted) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(name) >= sizeof address.sun_path || run.listen_count == MAX_LISTENERS) {
    errno = ENAMETOOLONG;
    fail("socket", name);
  }
  strcpy(address.sun_path, name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket", name);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind", name);
  if (listen(fd, 8) < 0) fail("listen", name);
  place(fd, wanted, name);
  run.listen_fds[run.listen_count++] = wanted;
}

static void close_all_but_config(void) {
  if (run.config_fd > 3) syscall(SYS_close_range, 3, run.config_fd - 1, 0);
  syscall(SYS_close_range, run.config_fd + 1, ~0U, 0);
  fcntl(run.config_fd, F_SETFD, FD_CLOEXEC);
}

int prepare_one(char **at) {
  const char *option = at[0];
  char path[4096];
  if (!at[1]) return 0;
  if (!strcmp(option, "--config-fd")) {
    run.config_fd = atoi(at[1]);
    close_all_but_config();
    run.folder_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run.folder_fd < 0 || !getcwd(run.folder_path, sizeof run.folder_path)) fail("open", "run folder");
    return 2;
  }
  if (!strcmp(option, "--status")) {
    run.status_fd = open(at[1], O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (run.status_fd < 0) fail("open", at[1]);
    return 2;
  }
  if (!strcmp(option, "--log")) {
    run.log_fd = open(at[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (run.log_fd < 0) fail("open", at[1]);
    return 2;
  }
  if (!strcmp(option, "--follow") && !strcmp(at[1], "heir")) return run.follows_heir = 1, 2;
  if (!strcmp(option, "--stage")) return stage_begin(at[1]), 2;
  if (!strcmp(option, "--dir")) {
    snprintf(path, sizeof path, "%s%s", stage_dir, at[1]);
    return make_mount_point(path, 1), 2;
  }
  if (!at[2]) return 0;
  if (!strcmp(option, "--socket")) return make_socket(at[1], atoi(at[2])), 3;
  if (!strcmp(option, "--open")) return place(open(at[2], O_RDONLY | O_CLOEXEC), atoi(at[1]), at[2]), 3;
  if (!strcmp(option, "--cgroup")) return join_cgroup(at[1], at[2]), 3;
  if (!strcmp(option, "--bind")) return bind_mount(at[1], at[2], MS_REC), 3;
  if (!strcmp(option, "--link")) {
    snprintf(path, sizeof path, "%s%s", stage_dir, at[2]);
    if (symlink(at[1], path) < 0) fail("symlink", at[2]);
    return 3;
  }
  return 0;
}
