/* The thread that makes copies of its process. */
#pragma once

#include <sched.h>
#include <signal.h>

#pragma GCC visibility push(hidden)

/* How it clones its process: the only way that filter.c leaves. */
enum { COPY_FLAGS = SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID };

/* Its life: waits for requests on CONTROL_FD, and for the end of whoever holds the other end of KEEPER_FD. */
void *forker(void *unused);

/* Whether this process is a copy. */
extern int is_copy;

#pragma GCC visibility pop
