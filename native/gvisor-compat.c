/*
 * gvisor-compat: preloaded into the dynamically linked programs of a gVisor sandbox (/etc/ld.so.preload in its root).
 *
 * gVisor's stat calls refused AT_NO_AUTOMOUNT until 2023, with which `ls` and `stat` of coreutils 9 make all of theirs. There is
 * nothing in a sandbox that could be mounted by looking at it, so the flag is left out.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int statx(int dir, const char *restrict path, int flags, unsigned mask, struct statx *restrict into) {
    return (int)syscall(SYS_statx, dir, path, flags & ~AT_NO_AUTOMOUNT, mask, into);
}

int fstatat(int dir, const char *restrict path, struct stat *restrict into, int flags) {
    return (int)syscall(SYS_newfstatat, dir, path, into, flags & ~AT_NO_AUTOMOUNT);
}

int fstatat64(int dir, const char *restrict path, struct stat64 *restrict into, int flags) {
    return (int)syscall(SYS_newfstatat, dir, path, into, flags & ~AT_NO_AUTOMOUNT);
}
