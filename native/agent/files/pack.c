/* The applet that writes a tar archive. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "../basics.h"
#include "applet.h"
#include "output.h"
#include "paths.h"
#include "tar.h"

static size_t pax_len;

static void pad_block(uint64_t size) {
    static const char zeros[512];
    if (size % 512) emit(zeros, 512 - size % 512);
}

static void emit_header(char type, const char *name, const char *link, uint64_t size, unsigned mode, uint64_t mtime) {
    struct tar_header h = {0};
    memcpy(h.name, name, strnlen(name, sizeof h.name));
    memcpy(h.link, link, strnlen(link, sizeof h.link));
    snprintf(h.mode, sizeof h.mode, "%07o", mode & 0777);
    snprintf(h.uid, sizeof h.uid, "%07o", 0);
    snprintf(h.gid, sizeof h.gid, "%07o", 0);
    snprintf(h.size, sizeof h.size, "%011llo", (unsigned long long)(size < (UINT64_C(1) << 33) ? size : 0));
    snprintf(h.mtime, sizeof h.mtime, "%011llo", (unsigned long long)min64(mtime, (UINT64_C(1) << 33) - 1));
    h.type = type;
    memcpy(h.magic, "ustar", 6);
    memcpy(h.version, "00", 2);
    snprintf(h.sum, sizeof h.sum, "%06o", tar_sum(&h));
    h.sum[7] = ' ';
    emit((const char *)&h, sizeof h);
}

static void add_pax(const char *key, const char *value) {
    size_t body = strlen(key) + strlen(value) + 3, digits = 1;
    for (size_t n = body + 1; n >= 10; n /= 10) digits++;
    for (char text[24]; snprintf(text, sizeof text, "%zu", body + digits) > (int)digits;) digits++;
    int n = snprintf(pax + pax_len, sizeof pax - pax_len, "%zu %s=%s\n", body + digits, key, value);
    if (n < 0 || (size_t)n >= sizeof pax - pax_len) fail(ENAMETOOLONG, key);
    pax_len += (size_t)n;
}

static void pack_entry(char type, const char *path, const char *link, uint64_t size, const struct stat *st) {
    char number[24];
    pax_len = 0;
    if (strlen(path) > 100) add_pax("path", path);
    if (strlen(link) > 100) add_pax("linkpath", link);
    snprintf(number, sizeof number, "%llu", (unsigned long long)size);
    if (size >= UINT64_C(1) << 33) add_pax("size", number);
    uint64_t mtime = st->st_mtim.tv_sec > 0 ? (uint64_t)st->st_mtim.tv_sec : 0;
    if (pax_len) {
        emit_header('x', "pax", "", pax_len, 0644, mtime);
        emit(pax, pax_len);
        pad_block(pax_len);
    }
    emit_header(type, path, link, size, st->st_mode, mtime);
}

/* A file that shrinks meanwhile is filled with zeros, one that grows is cut: the archive stays whole. */
static void pack_file(int dir, const char *name, const char *path) {
    static char block[65536];
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && (errno == ENOENT || errno == ELOOP)) return;
    if (fd < 0 || fstat(fd, &st) != 0) fail(errno, path);
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return;
    }
    uint64_t size = (uint64_t)st.st_size;
    pack_entry('0', path, "", size, &st);
    for (uint64_t left = size; left > 0;) {
        size_t n = min64(left, sizeof block), got = read_full(fd, block, n, path);
        memset(block + got, 0, n - got);
        emit(block, n);
        left -= n;
    }
    pad_block(size);
    close(fd);
}

static void pack_folder(DIR *d, size_t path_len) {
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (is_dots(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        size_t n = extend_path(path_len, e->d_name);
        if (S_ISREG(st.st_mode)) pack_file(dirfd(d), e->d_name, walk_path);
        if (S_ISLNK(st.st_mode)) {
            char target[PATH_MAX];
            ssize_t got = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
            if (got < 0) continue;
            target[got] = 0;
            pack_entry('2', walk_path, target, 0, &st);
        }
        if (S_ISDIR(st.st_mode)) {
            int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            DIR *sub = fd < 0 ? NULL : fdopendir(fd);
            if (!sub && errno != ENOENT) fail(errno, walk_path);
            if (!sub) continue;
            memcpy(walk_path + n, "/", 2);
            pack_entry('5', walk_path, "", 0, &st);
            walk_path[n] = 0;
            pack_folder(sub, n);
        }
    }
    closedir(d);
}

int applet_pack(char **a) {
    static const char end[1024];
    struct stat st;
    if (lstat(relative_path(a[0], false), &st) != 0) fail(errno, a[0]);
    if (S_ISREG(st.st_mode)) {
        const char *slash = strrchr(a[0], '/');
        extend_path(0, slash ? slash + 1 : a[0]);
        pack_file(AT_FDCWD, a[0], walk_path);
    } else {
        pack_folder(open_folder(AT_FDCWD, a[0], a[0], 0), 0);
    }
    emit(end, sizeof end);
    return 0;
}
