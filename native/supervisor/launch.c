#include "launch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include "../shared/read-all.h"

enum { SERVER_FD = 3, CONFIG_FD = 3, MAX_REQUEST = 65536, MAX_FIELDS = 256, BACKLOG = 128 };

extern char **environ;

static int listen_at(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(name) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0) return -1;
  return fd;
}

/* Others of the same user could as well ptrace us; nobody else has a way to the socket, and is refused all the same. */
static int is_ours(int connection) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid();
}

static _Noreturn void refuse(int connection, const char *what) {
  dprintf(connection, "error %s: %s\n", what, strerror(errno));
  _exit(1);
}

/* In the child: nobody waits for it while it reads. */
static _Noreturn void become_supervisor(int connection, const char *program) {
  static char request[MAX_REQUEST + 1];
  char *argv[MAX_FIELDS + 1] = {(char *)program};
  uint32_t length;
  signal(SIGCHLD, SIG_DFL);
  setsid();
  errno = EBADMSG;
  if (!read_all(connection, &length, sizeof length) || length == 0 || length > MAX_REQUEST) refuse(connection, "request");
  if (!read_all(connection, request, length) || request[length - 1] != 0) refuse(connection, "request");
  char *folder = request;
  int count = 1;
  for (char *at = request + strlen(request) + 1; at < request + length; at += strlen(at) + 1) {
    errno = E2BIG;
    if (count == MAX_FIELDS) refuse(connection, "options");
    argv[count++] = at;
  }
  argv[count] = NULL;
  if (chdir(folder) < 0) refuse(connection, folder);
  dprintf(connection, "launched %d\n", getpid());
  /* Closes the server's end of the launcher here. */
  if (dup2(connection, CONFIG_FD) < 0) refuse(connection, "descriptor");
  execve("/proc/self/exe", argv, environ);
  refuse(CONFIG_FD, "exec");
}

int serve_launches(const char *name, const char *program) {
  int listener = listen_at(name);
  if (listener < 0) {
    dprintf(SERVER_FD, "error %s: %s\n", name, strerror(errno));
    return 1;
  }
  signal(SIGCHLD, SIG_IGN); /* so that nobody has to reap them */
  signal(SIGPIPE, SIG_IGN);
  dprintf(SERVER_FD, "listening\n");
  struct pollfd polled[2] = {{.fd = SERVER_FD, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 2, -1) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (polled[0].revents) break;
    if (!(polled[1].revents & POLLIN)) continue;
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) continue;
    if (is_ours(connection) && fork() == 0) become_supervisor(connection, program);
    close(connection);
  }
  unlink(name);
  return 0;
}
