#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { MAX_DEPTH = 4096 };

bool first_sight(struct seen *seen, ino_t ino) {
    size_t at = (size_t)((uint64_t)ino * UINT64_C(0x9E3779B97F4A7C15) >> 46);
    for (size_t i = 0; i < 64; i++, at = (at + 1) % MAX_LINKS) {
        if (seen->ino[at] == ino) return false;
        if (seen->ino[at] == 0) {
            seen->ino[at] = ino;
            break;
        }
    }
    return true;
}

/* An empty file has no blocks, but an inode and a name: without a price on them inodes could be had without end. */
static uint64_t price_of(const struct stat *st) {
    uint64_t bytes = (uint64_t)st->st_blocks * 512;
    return bytes > MIN_FILE_BYTES ? bytes : MIN_FILE_BYTES;
}

/* Opens a folder that is closed to its owner: what fills it through a file that is open already counts, too. */
static int open_shut(int in, const char *name) {
    int path = openat(in, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (path < 0) return -1;
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", path);
    int fd = chmod(self, 0700) == 0 ? openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    close(path);
    return fd;
}

uint64_t disk_use(int fd, struct seen *seen, dev_t device, int depth) {
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        bool deep = errno == EMFILE || errno == ENFILE;
        if (fd >= 0) close(fd);
        return deep ? UINT64_C(1) << 60 : 0;
    }
    uint64_t sum = 0;
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_dev != device) continue;
        if (st.st_nlink < 2 || S_ISDIR(st.st_mode) || first_sight(seen, st.st_ino)) sum += price_of(&st);
        if (!S_ISDIR(st.st_mode)) continue;
        if (depth >= MAX_DEPTH) {
            sum += UINT64_C(1) << 60;
            continue;
        }
        bool shut = (st.st_mode & 0500) != 0500;
        int sub = shut ? open_shut(dirfd(d), e->d_name) : openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int again = shut && sub >= 0 ? dup(sub) : -1;
        sum += disk_use(sub, seen, device, depth + 1);
        if (again >= 0) {
            fchmod(again, st.st_mode & 07777);
            close(again);
        }
    }
    closedir(d);
    return sum;
}
