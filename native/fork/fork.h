/* What the parts of the library share. */
#pragma once

#include <stddef.h>

/* Descriptors that QEMU inherits: listening sockets for the agent, for QMP and for requests to fork, and what its keeper holds the other end of. */
#pragma GCC visibility push(hidden)

enum { LOG_FD = 2, AGENT_FD = 10, QMP_FD = 11, CONTROL_FD = 12, KEEPER_FD = 13 };

/* What comes with a request to fork, in this order: what the copy gets in place of these. */
enum { GIVEN_AGENT, GIVEN_QMP, GIVEN_CONTROL, GIVEN_DISK, GIVEN_LOG, GIVEN_COUNT };

/* The conversation about a copy, each a byte: the request, that the copy is there, that its keeper is ready, why there is none (with a text), its end (with its exit code). */
enum { SAY_FORK = 'F', SAY_HERE = 'H', SAY_GO = 'G', SAY_REFUSED = 'R', SAY_EXIT = 'X' };

#pragma GCC visibility pop
