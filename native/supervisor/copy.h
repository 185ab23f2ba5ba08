/* Starting by copying: a QEMU that runs already, with native/fork in it, is asked to fork. */
#pragma once

#include <sys/types.h>

#include "go.h"

/* Its end says so (native/fork/fork.h), with its exit code. */
enum { COPY_EXITS = 'X' };

/* What is held of a copy: who it is, and the connection that it lives by. */
struct copy {
  int pidfd, connection;
};

/*
 * Asks the QEMU whose socket `fork.sock` lies in the folder go->copy[0] for a copy. It gets our listening sockets and log, and a copy of the disk go->copy[1], which
 * is left in our run folder as `workspace`. Its process is in our cgroups before it goes on. Fails, or returns its pid.
 */
pid_t start_copy(const struct go *go, struct copy *copy);
