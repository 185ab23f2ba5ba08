/* Limits of one process tree: time on the wall, time on the CPU. */
#pragma once

#include <stdint.h>

#include "../process/process.h"

/* Arms a process's limits from now on, in milliseconds; 0: none. `grace` is between the interrupt and the kill; 0: kill at once. */
void set_limits(struct proc *p, uint64_t wall, uint64_t cpu, uint32_t grace);

/* Interrupts and kills whose time is up, and ends lingering. */
void enforce_limits(uint64_t now);
