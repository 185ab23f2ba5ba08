/*
 * supervisor: one per process sandbox, on the host's side.
 *
 * Node cannot join cgroups, arrange mounts, drop to a uid and pass descriptors in one exec; and when the server dies,
 * somebody must go on reaping and remember how the sandbox ended. Life:
 *
 *   1. prepare   (command line): socket, status file, descriptors, cgroups, a root of its own. Says "ready".
 *   2. wait      for a `go` on the configuration socket. Its end-of-file here means: clean up and leave.
 *   3. go        mounts, uid, fork, exec of the driver's process. Says "started".
 *   4. watch     until the process ends, or somebody says kill. The server may die meanwhile.
 *   5. remember  kill what is left, write the end into the status file, sync it, tell the server if it still listens.
 *
 * It never reads a byte that sandboxed code wrote.
 *
 *   supervisor --config-fd N [--socket NAME FD]... [--status NAME] [--log NAME] [--open FD PATH]
 *              [--cgroup DIR ORIGIN] [--follow heir] [--stage DIR] [--bind SRC DST] [--link TARGET DST] [--dir DST]
 *   supervisor --launch NAME          starts others (see launch.h)
 *
 * NAMEs are in the current folder (the run folder). With `--follow heir` a process that ends well and leaves a child behind is not the end: that
 * child is watched in its place (Firecracker's jailer starts the machine in a pid namespace, and leaves). `--stage` makes an empty root over DIR in a mount namespace of its
 * own; binds, links and dirs that follow are made in it. The driver's process then needs no way through the folders of
 * the server, and sees nothing else of the host.
 *
 * go:       u32 length, then NUL-terminated fields: uid gid (-1: stay) cpus ("": leave, or "0,3") outlive (0|1), count and
 *           SRC DST of binds, count and FDs to inherit, count and argv, count and env, count and FD TYPE ADDRESS PORT of
 *           sockets (TYPE tcp: listening, or udp). With sockets, all that is started has a network namespace of its own,
 *           made here, in which every address is delivered locally, and in which nothing but these sockets answers. Then
 *           FD (-1: none) by which what is started sees that the server let go of it, and 0, or 1 and FOLDER DISK:
 *           it is not started but copied from a QEMU that runs already (see copy.h).
 * commands: one byte `K`: kill.
 * says:     lines `ready`, `started PID`, `exit CODE`, `signal NUMBER`, `error TEXT`.
 * status:   `supervisor PID STARTTIME`, `started PID UNIXMS`, and at the end `exit CODE UNIXMS` or `signal NUMBER UNIXMS`.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/write-proc.h"
#include "cgroups.h"
#include "copy.h"
#include "folder.h"
#include "go.h"
#include "launch.h"
#include "prepare.h"
#include "report.h"
#include "run.h"
#include "session.h"
#include "stage.h"
#include "watch.h"

struct run run = {.config_fd = -1, .status_fd = -1, .log_fd = -1, .folder_fd = -1, .children_fd = -1, .outlive = 1, .keeper_fd = -1};

/* Field 22 of /proc/self/stat: with the pid it names this process for good. */
static unsigned long long start_time(void) {
  char text[1024];
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  return at ? strtoull(at + 1, NULL, 10) : 0;
}

static int block_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Before `go`, SIGTERM and the end of the configuration socket both mean: not needed. */
static int wait_for_go(struct go *go, int signals) {
  struct pollfd polled[2] = {{.fd = signals, .events = POLLIN}, {.fd = run.config_fd, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return 0;
    }
    if (polled[1].revents) return read_go(go);
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
      if (info.ssi_signo == SIGTERM) return 0;
  }
}

static void remember(int status) {
  const char *word = WIFSIGNALED(status) ? "signal" : "exit";
  int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  note("%s %d %lld\n", word, number, unix_ms());
  if (run.status_fd >= 0) fdatasync(run.status_fd);
  say("%s %d", word, number);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--launch") == 0) return serve_launches(argv[2], argv[0]);
  prctl(PR_SET_NAME, "supervisor", 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  umask(0);
  write_proc("/proc/self/oom_score_adj", "-900");
  int signals = -1;
  for (char **at = argv + 1; *at;) {
    int used = prepare_one(at);
    if (used == 0) {
      errno = EINVAL;
      fail("option", *at);
    }
    at += used;
    if (signals < 0) signals = block_signals();
  }
  if (run.config_fd < 0) return 2;
  unsigned long long started = start_time();
  char children[64];
  snprintf(children, sizeof children, "/proc/self/task/%d/children", getpid());
  run.children_fd = open(children, O_RDONLY | O_CLOEXEC); /* read long after the right to open it is gone */
  stage_end();
  note("supervisor %d %llu\n", getpid(), started);
  say("ready");

  struct go go;
  if (!wait_for_go(&go, signals)) {
    leave_cgroups();
    remove_folder();
    return 0;
  }
  struct copy copy = {-1, -1};
  pid_t child = go.copy ? start_copy(&go, &copy) : 0;
  close(run.folder_fd);
  become_session(&go);
  if (!go.copy) child = start(&go);
  for (int i = 0; i < run.listen_count; i++) close(run.listen_fds[i]); /* so that connecting fails once the agent is gone */
  for (int i = 0; i < go.socket_count; i++) close(atoi(go.sockets[4 * i]));
  note("started %d %lld\n", child, unix_ms());
  say("started %d", child);
  int status = go.copy ? watch_copy(&copy, signals) : watch(child, signals);
  kill_rest(go.copy ? 0 : child);
  remember(status);
  return 0;
}
