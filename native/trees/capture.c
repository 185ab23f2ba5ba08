#include "capture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "content.h"
#include "links.h"
#include "list.h"
#include "state.h"
#include "report.h"
#include "store.h"

static void capture_file(int dir, const char *name, int depth, const char *mtime)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP)) return; /* Changed meanwhile. */
    if (fd < 0) fail_errno("opening a file");
    struct stat st;
    if (fstat(fd, &st) != 0) fail_errno("opening a file");
    char head[256], hex[HASH_HEX + 1] = "";
    if (S_ISREG(st.st_mode)) {
        uint64_t group = 0;
        if (st.st_nlink > 1) {
            linked *found = find_link(st.st_ino);
            if (found->group != 0) {
                snprintf(head, sizeof head, "H %d %" PRIu64 " ", depth, found->group);
                write_entry(head, name);
                close(fd);
                return;
            }
            *found = (linked){st.st_ino, group = ++link_count};
        }
        digest d;
        store_file(fd, &d, hex);
        counts.bytes += d.nonzero;
        snprintf(head, sizeof head, "F %d %o %s %" PRIu64 " %" PRIu64 " %s %" PRIu64 " ", depth, st.st_mode & KEPT_MODE,
                 mtime, d.size, d.nonzero, hex, group);
        write_entry(head, name);
    }
    close(fd);
}

static void capture_link(int dir, const char *name, int depth, const char *mtime)
{
    char target[4097];
    ssize_t size = readlinkat(dir, name, target, sizeof target - 1);
    if (size <= 0) return; /* Changed meanwhile. */
    target[size] = 0;
    fprintf(list, "L %d %s ", depth, mtime);
    write_escaped(target);
    write_entry(" ", name);
}

static void capture_folder(int fd, int depth, dev_t device)
{
    if (depth > MAX_DEPTH) fail("too_deep", "folders lie deeper than %d levels", MAX_DEPTH);
    DIR *dir = fdopendir(fd);
    if (!dir) fail_errno("opening a folder");
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) break;
        const char *name = entry->d_name;
        struct stat st;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue; /* Removed meanwhile. */
        char mtime[48], head[128];
        time_text(&st, mtime);
        if (S_ISDIR(st.st_mode)) {
            int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)) continue;
            if (below < 0) fail_errno("opening a folder");
            if (fstat(below, &st) != 0) fail_errno("opening a folder");
            if (st.st_dev != device) fail("io", "another file system is mounted in the workspace");
            snprintf(head, sizeof head, "D %d %o %s ", depth, st.st_mode & KEPT_MODE, mtime);
            write_entry(head, name);
            capture_folder(below, depth + 1, device);
        } else if (S_ISREG(st.st_mode)) {
            capture_file(fd, name, depth, mtime);
        } else if (S_ISLNK(st.st_mode)) {
            capture_link(fd, name, depth, mtime);
        } else if (S_ISFIFO(st.st_mode)) {
            snprintf(head, sizeof head, "P %d %o %s ", depth, st.st_mode & KEPT_MODE, mtime);
            write_entry(head, name);
        } else {
            /* A socket without the process that listens, or a device: nothing that could be brought back. */
            counts.skipped += 1;
        }
    }
    if (errno != 0) fail_errno("reading a folder");
    closedir(dir);
}

void capture(void)
{
    struct stat st;
    char mtime[48];
    list = fdopen(LIST_FD, "w");
    if (!list || fstat(TREE_FD, &st) != 0) fail_errno("opening");
    if (mkdirat(STORE_FD, "objects", 0700) != 0) fail_errno("storing");
    time_text(&st, mtime);
    fprintf(list, "R %o %s\n", st.st_mode & KEPT_MODE, mtime);
    capture_folder(TREE_FD, 0, st.st_dev);
    if (fflush(list) != 0) fail_errno("writing the list");
    /* Before anybody is told that it is kept, it is on the disk. */
    if (fsync(LIST_FD) != 0) fail_errno("writing the list");
    printf("{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"storedBytes\":%" PRIu64 ",\"newObjects\":%" PRIu64
           ",\"skipped\":%" PRIu64 ",\"shared\":%s}\n",
           counts.entries, counts.bytes, counts.stored_bytes, counts.new_objects, counts.skipped, reflinks ? "true" : "false");
}
