#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroups.h"
#include "copy.h"
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
  if (child > 0) kill(-child, SIGKILL);
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

/* Hears what the server says. Returns whether it is to be killed. */
static int told_to_kill(void) {
  char command = 0;
  ssize_t got = read(run.config_fd, &command, 1);
  if (got > 0 || (got < 0 && errno == EINTR)) return command == 'K';
  close(run.config_fd);
  run.config_fd = -1;
  if (run.keeper_fd >= 0) close(run.keeper_fd);
  run.keeper_fd = -1;
  return !run.outlive;
}

/* Waits for something to happen: `other` becomes readable (-1: there is none), a child changes, or the server says something. Returns whether it is time to kill. */
static int wait_for_more(int signals, int other) {
  struct pollfd polled[3] = {{.fd = signals, .events = POLLIN}, {.fd = run.config_fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
  if (poll(polled, 3, -1) < 0) return 0;
  int kills = polled[1].revents ? told_to_kill() : 0;
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) kills |= info.ssi_signo == SIGTERM;
  return kills;
}

int watch_copy(const struct copy *copy, int signals) {
  struct pollfd ended = {.fd = copy->pidfd, .events = POLLIN};
  char words[2];
  while (poll(&ended, 1, 0) == 0)
    if (wait_for_more(signals, copy->pidfd)) syscall(SYS_pidfd_send_signal, copy->pidfd, SIGKILL, NULL, 0);
  /* Somebody else's child: only it itself can have said how it ends. */
  if (recv(copy->connection, words, sizeof words, MSG_DONTWAIT) == 2 && words[0] == COPY_EXITS) return (unsigned char)words[1] << 8;
  return SIGKILL;
}

int watch(pid_t child, int signals) {
  for (;;) {
    if (wait_for_more(signals, -1)) kill(child, SIGKILL);
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
