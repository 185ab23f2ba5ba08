/* 2. wait: the message `go`, which says what to start. */
#pragma once

/* Its fields, each list ended by NULL: SRC DST of binds, FDs, arguments, environment, FD TYPE ADDRESS PORT of sockets. */
struct go {
  long uid, gid;
  const char *cpus;
  int bind_count, fd_count, socket_count;
  char **binds, **fds, **argv, **env, **sockets;
};

/* 0: the server is gone, or has no use for this supervisor. */
int read_go(struct go *go);
