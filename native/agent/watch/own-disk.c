#include "own-disk.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/statfs.h>

#include "../settings.h"

static uint64_t used_at_first;

static bool used(uint64_t *bytes) {
    struct statfs f;
    /* The cgroup is only there in a machine. */
    if (settings.cgroup_fd < 0 || statfs(settings.workspace, &f) != 0) return false;
    *bytes = (uint64_t)(f.f_blocks - f.f_bfree) * (uint64_t)f.f_bsize;
    return true;
}

void note_own_disk(void) { used(&used_at_first); }

bool own_disk_use(uint64_t *bytes) {
    if (!used(bytes)) return false;
    *bytes = *bytes > used_at_first ? *bytes - used_at_first : 0;
    return true;
}
