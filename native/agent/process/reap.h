/* The end of processes. */
#pragma once

#include <stdint.h>

/* CPU time of all that was reaped, in microseconds. */
extern uint64_t reaped_us;

/* After SIGCHLD (or SIGIO: see serial.h): takes in who has ended. */
void reap(void);
