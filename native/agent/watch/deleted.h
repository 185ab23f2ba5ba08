/* Files that have no name any more: who holds them, and who does not let us look. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "disk.h"

/* Files that are deleted but still open use the disk all the same. */
uint64_t deleted_use(struct seen *seen, dev_t device, uint64_t *hidden);

/*
 * Kills the processes whose files cannot be seen, and so not counted. Our own work cannot be looked at either, nor what
 * has not come to its program yet. Returns how many.
 */
uint32_t kill_hiders(void);
