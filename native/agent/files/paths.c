#include "paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../settings.h"
#include "output.h"

bool has_letter(const char *flags, char letter) { return strchr(flags, letter) != NULL; }

/* Without openat2 (old kernels, gVisor): component by component, and no symlink at all is followed. */
static int open_stepwise(int from, const char *path, int flags, mode_t mode) {
    int dir = fcntl(from, F_DUPFD_CLOEXEC, 3);
    char name[NAME_MAX + 1];
    while (dir >= 0) {
        size_t n = strcspn(path, "/");
        const char *rest = path + n + strspn(path + n, "/");
        if (n > NAME_MAX || (n == 2 && memcmp(path, "..", 2) == 0)) {
            close(dir);
            errno = n > NAME_MAX ? ENAMETOOLONG : EXDEV;
            return -1;
        }
        memcpy(name, path, n);
        name[n] = 0;
        int how = *rest ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : flags | O_NOFOLLOW;
        int next = openat(dir, n ? name : ".", how, mode);
        if (next < 0 && errno == ENOTDIR) {
            struct stat st;
            if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) errno = ELOOP;
            else errno = ENOTDIR;
        }
        int error = errno;
        close(dir);
        errno = error;
        if (next < 0 || !*rest) return next;
        dir = next;
        path = rest;
    }
    return -1;
}

int open_in(struct base base, const char *path, int flags, mode_t mode) {
    flags |= O_CLOEXEC;
    if (!base.beneath) return openat(base.fd, path, flags, mode);
    struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    for (int tries = 0; tries < 64; tries++) {
        int fd = (int)syscall(SYS_openat2, base.fd, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN) {
            if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return open_stepwise(base.fd, path, flags, mode);
            return fd;
        }
    }
    return -1;
}

const char *relative_path(const char *path, bool beneath) {
    if (!*path) fail(ENOENT, "empty path");
    if (!beneath || path[0] != '/') return path;
    size_t n = strlen(settings.workspace);
    while (n > 1 && settings.workspace[n - 1] == '/') n--;
    if (strncmp(path, settings.workspace, n) != 0 || (path[n] && path[n] != '/')) fail(EXDEV, path);
    path += n + strspn(path + n, "/");
    return *path ? path : ".";
}

struct base base_for(const char *flags) {
    struct base base = {AT_FDCWD, has_letter(flags, 'w')};
    if (base.beneath) base.fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base.fd == -1) fail(errno, settings.workspace);
    return base;
}

void make_folders(struct base base, const char *path) {
    char text[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof text) fail(ENAMETOOLONG, path);
    memcpy(text, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (text[i] != '/' && text[i]) continue;
        char kept = text[i];
        text[i] = 0;
        int fd = open_in(base, text, O_PATH | O_DIRECTORY, 0);
        if (fd < 0 && errno == ENOENT) {
            char *slash = strrchr(text, '/');
            if (slash && slash != text) *slash = 0;
            int parent = slash ? open_in(base, slash == text ? "/" : text, O_PATH | O_DIRECTORY, 0) : open_in(base, ".", O_PATH | O_DIRECTORY, 0);
            if (slash && slash != text) *slash = '/';
            const char *name = slash ? slash + 1 : text;
            if (parent < 0 || (mkdirat(parent, name, 0777) != 0 && errno != EEXIST)) fail(errno, path);
            close(parent);
            fd = open_in(base, text, O_PATH | O_DIRECTORY, 0);
        }
        if (fd < 0) fail(errno, path);
        close(fd);
        text[i] = kept;
    }
}

int open_parent(struct base base, const char *path, bool parents, char name[NAME_MAX + 1]) {
    char folder[PATH_MAX];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    size_t start = n;
    while (start > 0 && path[start - 1] != '/') start--;
    if (n - start > NAME_MAX || start >= sizeof folder) fail(ENAMETOOLONG, path);
    memcpy(name, path + start, n - start);
    name[n - start] = 0;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) fail(strcmp(name, "..") == 0 && base.beneath ? EXDEV : EISDIR, path);
    memcpy(folder, path, start);
    folder[start] = 0;
    const char *at = start ? folder : ".";
    if (parents) make_folders(base, at);
    int fd = open_in(base, at, O_PATH | O_DIRECTORY, 0);
    if (fd < 0) fail(errno, path);
    return fd;
}

bool is_dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

DIR *open_folder(int dir, const char *name, const char *what, int extra) {
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | extra);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) fail(errno, what);
    return d;
}

char walk_path[WALK_PATH_BYTES];

size_t extend_path(size_t n, const char *name) {
    size_t more = strlen(name);
    if (n + 1 + more >= sizeof walk_path) fail(ENAMETOOLONG, name);
    if (n) walk_path[n++] = '/';
    memcpy(walk_path + n, name, more + 1);
    return n + more;
}
