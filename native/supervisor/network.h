/* The network namespace. */
#pragma once

#include "go.h"

/* Makes it, with the sockets of `go` in it, for all that is started. */
void make_network(const struct go *go);

/* Rights over the network namespace end with its making; over nothing else had an ordinary user any. */
void drop_capabilities(void);
