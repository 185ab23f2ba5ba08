/* The workspace of a machine, which has a file system to itself: that knows what it holds, deleted files included, and nobody has to walk. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Before anything is in it: what an empty one takes is nobody's. */
void note_own_disk(void);

/* What has been put into it, bytes. Returns false where the workspace shares its file system with others. */
bool own_disk_use(uint64_t *bytes);
