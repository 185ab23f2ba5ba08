#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroups.h"
#include "run.h"

enum { KILL_ROUNDS = 200 };

/* Kills every process of a list of pids that the kernel gives, and returns how many. */
static int kill_listed(int fd) {
  char text[65536];
  int killed = 0;
  ssize_t length = fd < 0 || lseek(fd, 0, SEEK_SET) < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0) return 0;
  text[length] = 0;
  for (char *at = text, *end; *at; at = end) {
    long pid = strtol(at, &end, 10);
    if (end == at) break;
    if (pid > 1 && pid != getpid() && kill((pid_t)pid, SIGKILL) == 0) killed++;
  }
  return killed;
}

void kill_rest(pid_t child) {
  struct timespec pause = {0, 200000};
  kill(-child, SIGKILL);
  for (int round = 0; round < KILL_ROUNDS; round++) {
    int left = kill_listed(run.children_fd);
    for (int i = 0; i < cgroup_count; i++) left += kill_listed(cgroups[i].procs_fd);
    pid_t got;
    while ((got = waitpid(-1, NULL, WNOHANG)) > 0) {
    }
    if (left == 0 && got < 0) return;
    nanosleep(&pause, NULL);
    if (pause.tv_nsec < 5000000) pause.tv_nsec *= 2;
  }
}

/* The first child that we have, which is one that somebody left to us; 0: none. */
static pid_t first_child(void) {
  char text[32];
  ssize_t length = run.children_fd < 0 || lseek(run.children_fd, 0, SEEK_SET) < 0 ? -1 : read(run.children_fd, text, sizeof text - 1);
  if (length <= 0) return 0;
  text[length] = 0;
  return (pid_t)strtol(text, NULL, 10);
}

int watch(pid_t child, int signals) {
  struct pollfd polled[2] = {{.fd = signals, .events = POLLIN}, {.fd = run.config_fd, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 2, -1) < 0 && errno != EINTR) return -1;
    if (polled[1].revents) {
      char command;
      ssize_t got = read(run.config_fd, &command, 1);
      if (got == 1 && command == 'K') kill(child, SIGKILL);
      if (got == 0 || (got < 0 && errno != EINTR)) {
        if (!run.outlive) kill(child, SIGKILL);
        close(run.config_fd);
        run.config_fd = polled[1].fd = -1;
      }
    }
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
      if (info.ssi_signo == SIGTERM) kill(child, SIGKILL);
    for (;;) {
      int status;
      pid_t got = waitpid(-1, &status, WNOHANG);
      if (got <= 0) break;
      if (got != child) continue;
      pid_t heir = run.follows_heir && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? first_child() : 0;
      if (heir <= 0) return status;
      child = heir;
    }
  }
}
