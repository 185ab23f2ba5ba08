/* The applet that reads a tar archive, of whoever made it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../basics.h"
#include "applet.h"
#include "member.h"
#include "output.h"
#include "paths.h"
#include "tar.h"

/* Tidies a member's path in place: no empty or "." parts, nothing absolute, no "..". */
static void clean_path(char *path) {
    char *to = path;
    if (path[0] == '/') fail(EXDEV, path);
    for (char *from = path; *from;) {
        size_t n = strcspn(from, "/");
        if (n == 2 && memcmp(from, "..", 2) == 0) fail(EXDEV, path);
        if (n > NAME_MAX) fail(ENAMETOOLONG, path);
        if (n > 0 && !(n == 1 && *from == '.')) {
            if (to != path) *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n;
        while (*from == '/') from++;
    }
    *to = 0;
}

/* The folder of a member, made where absent; symlinks are never followed. Sets `name` to the last part. */
static int member_folder(int root, const char *path, const char **name) {
    int dir = fcntl(root, F_DUPFD_CLOEXEC, 3);
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        char part[NAME_MAX + 1];
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = 0;
        if (mkdirat(dir, part, 0777) != 0 && errno != EEXIST) fail(errno, path);
        int next = openat(dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (next < 0 && fstatat(dir, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) fail(ELOOP, path);
        if (next < 0) fail(errno, path);
        close(dir);
        dir = next;
    }
    *name = path;
    return dir;
}

/* A symlink may climb with leading ".." as far as the root of what is unpacked, and not otherwise. */
static void check_link(const char *path, const char *target) {
    int depth = 0;
    bool down = false;
    for (const char *p = path; (p = strchr(p, '/')); p++) depth++;
    if (target[0] == '/' || !target[0]) fail(EXDEV, path);
    while (*target) {
        size_t n = strcspn(target, "/");
        if (n == 2 && memcmp(target, "..", 2) == 0) {
            if (down || --depth < 0) fail(EXDEV, path);
        } else if (n > 0 && !(n == 1 && *target == '.')) {
            down = true;
        }
        target += n + strspn(target + n, "/");
    }
}

static void make_way(int dir, const char *name) {
    if (unlinkat(dir, name, 0) != 0 && errno != ENOENT) fail(errno, name);
}

static uint64_t unpack_file(int dir, const char *name, uint64_t size, const struct tar_header *h) {
    static char block[65536];
    make_way(dir, name);
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) fail(errno, name);
    for (uint64_t left = size; left > 0;) {
        size_t n = min64(left, sizeof block);
        if (read_full(0, block, n, "archive") != n) fail(EBADMSG, "the archive is cut off");
        write_all(fd, block, n, name);
        left -= n;
    }
    skip_input((512 - size % 512) % 512);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)min64(tar_number(h->mtime, 12), INT32_MAX * UINT64_C(8))}};
    if (fchmod(fd, tar_number(h->mode, 8) & 0777) != 0) fail(errno, name);
    futimens(fd, times);
    close(fd);
    return size;
}

static void unpack_hard_link(int root, int dir, const char *name) {
    const char *from_name;
    struct stat st;
    clean_path(member.link);
    int from = member_folder(root, member.link, &from_name);
    if (fstatat(from, from_name, &st, AT_SYMLINK_NOFOLLOW) != 0) fail(errno, member.link);
    if (!S_ISREG(st.st_mode)) fail(EXDEV, member.link);
    make_way(dir, name);
    if (linkat(from, from_name, dir, name, 0) != 0) fail(errno, name);
    close(from);
}

/* One member, whose header was read. Returns bytes written. */
static uint64_t unpack_member(int root, const struct tar_header *h, uint64_t size) {
    uint64_t written = 0;
    const char *name;
    clean_path(member.path);
    if (!*member.path) {
        if (h->type != '5') fail(EBADMSG, "member without a name");
        skip_input(size + (512 - size % 512) % 512);
        return 0;
    }
    int dir = member_folder(root, member.path, &name);
    switch (h->type) {
    case '0': case 0: case '7':
        return written = unpack_file(dir, name, size, h), close(dir), written;
    case '5':
        if (mkdirat(dir, name, (tar_number(h->mode, 8) & 0777) | 0700) != 0) {
            struct stat st;
            int error = errno;
            if (error != EEXIST || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) fail(error, member.path);
            if (!S_ISDIR(st.st_mode)) fail(S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR, member.path);
        }
        break;
    case '2':
        check_link(member.path, member.link);
        make_way(dir, name);
        if (symlinkat(member.link, dir, name) != 0) fail(errno, member.path);
        break;
    case '1':
        unpack_hard_link(root, dir, name);
        break;
    default:
        fail(EXDEV, member.path);
    }
    close(dir);
    skip_input(size + (512 - size % 512) % 512);
    return 0;
}

int applet_unpack(char **a) {
    struct tar_header h;
    uint64_t files = 0, bytes = 0;
    int root = open(relative_path(a[0], false), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) fail(errno, a[0]);
    for (;;) {
        size_t got = read_full(0, (char *)&h, sizeof h, "archive");
        if (got != sizeof h) fail(EBADMSG, "the archive is cut off");
        unsigned sum = tar_sum(&h);
        if (sum == 8 * ' ') break;      /* a block of zeros: the end */
        if (tar_number(h.sum, 8) != sum) fail(EBADMSG, "not a tar archive");
        uint64_t size = tar_number(h.size, 12);
        if (h.type == 'x' || h.type == 'g') {
            read_pax(size, h.type == 'g');
        } else if (h.type == 'L' || h.type == 'K') {
            char *to = h.type == 'L' ? member.path : member.link;
            read_special(size, to, sizeof member.path);
            *(h.type == 'L' ? &member.long_path : &member.long_link) = true;
        } else {
            header_names(&h);
            if (member.long_size) size = member.size;
            if (size >> 62) fail(EBADMSG, "size in the archive");
            if ((h.type == '2' || h.type == '1' || h.type == '5') && size != 0 && h.type != '5') fail(EBADMSG, "link with content");
            bytes += unpack_member(root, &h, size);
            files += h.type != '5';
            member.long_path = member.long_link = member.long_size = false;
        }
    }
    while (read(0, output, sizeof output) > 0) continue;    /* padding */
    emit_format("{\"files\":%llu,\"bytes\":%llu}\n", (unsigned long long)files, (unsigned long long)bytes);
    return 0;
}
