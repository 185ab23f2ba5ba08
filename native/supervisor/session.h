/* 3. go: becomes who the sandbox belongs to, and starts it. */
#pragma once

#include <sys/types.h>

#include "go.h"

/* Mounts, network, uid: what has to be there before the process is, and gives up what it must not have. */
void become_session(const struct go *go);

/* Starts the driver's process. Returns its pid. */
pid_t start(const struct go *go);
