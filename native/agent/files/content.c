/* Applets that read and write one file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "../basics.h"
#include "applet.h"
#include "output.h"
#include "paths.h"

int applet_read(char **a) {
    uint64_t offset = strtoull(a[1], NULL, 10), left = a[2][0] == '-' ? UINT64_MAX : strtoull(a[2], NULL, 10);
    struct base base = base_for(a[0]);
    int fd = open_in(base, relative_path(a[3], base.beneath), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) fail(errno, a[3]);
    if (!S_ISREG(st.st_mode)) fail(S_ISDIR(st.st_mode) ? EISDIR : EINVAL, a[3]);
    if (offset > 0 && lseek(fd, (off_t)min64(offset, INT64_MAX), SEEK_SET) < 0) fail(errno, a[3]);
    while (left > 0) {
        ssize_t n = read(fd, output, min64(sizeof output, left));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(errno, a[3]);
        if (n == 0) break;
        write_all(1, output, (size_t)n, "output");
        left -= (uint64_t)n;
    }
    return 0;
}

static void give_up(int sig) {
    if (unfinished.name) unlinkat(unfinished.dir, unfinished.name, 0);
    _exit(sig == SIGTERM ? EINTR : EIO);
}

static uint64_t copy_input(int fd, const char *what) {
    uint64_t size = 0;
    for (ssize_t n; (n = read(0, output, sizeof output)) != 0; size += (uint64_t)n) {
        if (n < 0 && errno != EINTR) fail(errno, what);
        if (n < 0) n = 0;
        else write_all(fd, output, (size_t)n, what);
    }
    return size;
}

static mode_t parse_mode(const char *text, mode_t otherwise) {
    return text[0] == '-' ? otherwise : (mode_t)strtoul(text, NULL, 8) & 07777;
}

int applet_write(char **a) {
    struct base base = base_for(a[0]);
    const char *path = relative_path(a[2], base.beneath);
    char name[NAME_MAX + 1], temporary[32];
    int dir = open_parent(base, path, has_letter(a[0], 'p'), name);
    struct stat st;
    bool exists = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) fail(S_ISDIR(st.st_mode) ? EISDIR : EINVAL, a[2]);
    if (path[strlen(path) - 1] == '/') fail(EISDIR, a[2]);
    uint64_t size;
    if (has_letter(a[0], 'a')) {
        int fd = open_in(base, path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, parse_mode(a[1], 0644));
        if (fd < 0 || fstat(fd, &st) != 0) fail(errno, a[2]);
        if (!S_ISREG(st.st_mode)) fail(EINVAL, a[2]);
        size = copy_input(fd, a[2]);
        if (a[1][0] != '-' && fchmod(fd, parse_mode(a[1], 0)) != 0) fail(errno, a[2]);
    } else {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) < 0) random = now_us();
        snprintf(temporary, sizeof temporary, ".%016llx.part", (unsigned long long)random);
        int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0) fail(errno, a[2]);
        unfinished.dir = dir;
        unfinished.name = temporary;
        signal(SIGTERM, give_up);
        signal(SIGPIPE, give_up);
        size = copy_input(fd, a[2]);
        mode_t mode = parse_mode(a[1], exists && S_ISREG(st.st_mode) ? st.st_mode & 07777 : 0644);
        if (fchmod(fd, mode) != 0 || close(fd) != 0 || renameat(dir, temporary, dir, name) != 0) fail(errno, a[2]);
        unfinished.name = NULL;
    }
    emit_format("%llu\n", (unsigned long long)size);
    return 0;
}
