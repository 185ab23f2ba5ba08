/* 2. wait: the message `go`, which says what to start. */
#pragma once

/* Its fields, each list ended by NULL: SRC DST of binds, FDs, arguments, environment, FD TYPE ADDRESS PORT of sockets. */
struct go {
  long uid, gid;
  const char *cpus;
  int bind_count, fd_count, socket_count;
  char **binds, **fds, **argv, **env, **sockets;
  int keeper;  /* the descriptor by which what is started sees that the server let go of it; -1: it is not told */
  char **copy; /* NULL, or what to start a copy of instead: see copy.h */
};

/* 0: the server is gone, or has no use for this supervisor. */
int read_go(struct go *go);
