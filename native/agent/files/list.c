/* Applets that tell what files there are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "applet.h"
#include "output.h"
#include "paths.h"

/* {"p": path, "k": kind, "s": size, "m": mode, "t": mtime in ms, "l": target of a symlink} */
static void emit_stat(int dir, const char *name, const char *path, const struct stat *st) {
    const char *kind = S_ISREG(st->st_mode) ? "file" : S_ISDIR(st->st_mode) ? "dir" : S_ISLNK(st->st_mode) ? "symlink" : "other";
    emit_text("{\"p\":");
    emit_json(path);
    emit_format(",\"k\":\"%s\",\"s\":%llu,\"m\":%u,\"t\":%lld", kind, (unsigned long long)st->st_size, (unsigned)(st->st_mode & 07777),
                (long long)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000);
    char target[PATH_MAX];
    ssize_t n = S_ISLNK(st->st_mode) ? readlinkat(dir, name, target, sizeof target - 1) : -1;
    if (n >= 0) {
        target[n] = 0;
        emit_text(",\"l\":");
        emit_json(target);
    }
    emit_text("}\n");
}

int applet_stat(char **a) {
    struct base base = base_for(a[0]);
    int fd = open_in(base, relative_path(a[1], base.beneath), O_PATH | O_NOFOLLOW, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) fail(errno, a[1]);
    emit_stat(fd, "", a[1], &st);
    return 0;
}

static uint64_t list_left;

static void list_folder(DIR *d, size_t path_len, bool recursive) {
    for (struct dirent *e; list_left > 0 && (e = readdir(d));) {
        struct stat st;
        if (is_dots(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        size_t n = extend_path(path_len, e->d_name);
        emit_stat(dirfd(d), e->d_name, walk_path, &st);
        list_left--;
        if (!recursive || !S_ISDIR(st.st_mode)) continue;
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *sub = fd < 0 ? NULL : fdopendir(fd);
        if (!sub && errno != EACCES && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) fail(errno, walk_path);
        if (sub) list_folder(sub, n, true);
        walk_path[path_len] = 0;
    }
    closedir(d);
}

int applet_list(char **a) {
    list_left = a[1][0] == '-' ? UINT64_MAX : strtoull(a[1], NULL, 10);
    list_folder(open_folder(AT_FDCWD, relative_path(a[2], false), a[2], 0), 0, has_letter(a[0], 'r'));
    return 0;
}
