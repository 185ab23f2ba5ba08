/* Starts processes, and hears whether they came to their program. */
#pragma once

#include <stdint.h>

#include "child.h"
#include "process.h"

/* Starts what SPAWN asked for; its limits and tag are still in the frame's payload. The host hears by SPAWN_FAILED when it cannot be. */
void start_process(uint32_t id, const struct launch *l, const uint8_t *frame);

/* The status pipe tells: closed without a word, exec happened; else errno. */
void finish_start(struct proc *p);
