#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "../shared/write-proc.h"
#include "network.h"
#include "prepare.h"
#include "report.h"
#include "run.h"
#include "stage.h"

static void pin_cpus(const char *list) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const char *at = list; *at;) {
    char *end;
    long cpu = strtol(at, &end, 10);
    if (end == at || cpu < 0 || cpu >= CPU_SETSIZE) break;
    CPU_SET((size_t)cpu, &set);
    at = *end == ',' ? end + 1 : end;
  }
  if (CPU_COUNT(&set) == 0 || sched_setaffinity(0, sizeof set, &set) < 0) fail("affinity", list);
}

void become_session(const struct go *go) {
  for (int i = 0; i < go->bind_count; i++) {
    if (!staged) {
      errno = EPERM;
      fail("bind", go->binds[2 * i]);
    }
    bind_mount(go->binds[2 * i], go->binds[2 * i + 1], 0);
  }
  if (*go->cpus) pin_cpus(go->cpus);
  /* What a privileged process writes is also the least that its descendants may ever give themselves. */
  write_proc("/proc/self/oom_score_adj", "0");
  if (go->socket_count > 0) make_network(go);
  if (go->uid >= 0) {
    if (setgroups(0, NULL) < 0) fail("setgroups", "");
    if (setresgid((gid_t)go->gid, (gid_t)go->gid, (gid_t)go->gid) < 0) fail("setresgid", "");
    if (setresuid((uid_t)go->uid, (uid_t)go->uid, (uid_t)go->uid) < 0) fail("setresuid", "");
  }
  if (go->socket_count > 0 && geteuid() != 0) drop_capabilities();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("no_new_privs", "");
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a change of uid reset it */
}

/* It holds the one end as long as somebody keeps it, we hold the other as long as the server holds us. */
static int make_keeper(int wanted) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) fail("socketpair", "keeper");
  place(pair[0], wanted, "keeper");
  return pair[1];
}

pid_t start(const struct go *go) {
  pid_t parent = getpid();
  if (go->keeper >= 0) run.keeper_fd = make_keeper(go->keeper);
  pid_t child = fork();
  if (child < 0) fail("fork", go->argv[0]);
  if (child > 0) {
    if (go->keeper >= 0) close(go->keeper);
    return child;
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  setpgid(0, 0);
  umask(022);
  /* Whatever kills the supervisor ends the sandbox too: without it nobody would remember. */
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != parent) _exit(127);
  if (run.log_fd >= 0) dup2(run.log_fd, 2);
  for (int i = 0; i < go->fd_count; i++) fcntl(atoi(go->fds[i]), F_SETFD, 0);
  execve(go->argv[0], go->argv, go->env);
  dprintf(2, "exec %s: %s\n", go->argv[0], strerror(errno));
  _exit(127);
}
