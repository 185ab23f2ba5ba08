#include "restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "content.h"
#include "state.h"
#include "report.h"
#include "store.h"
#include "words.h"

typedef struct {
    int fd;
    mode_t mode;
    struct timespec mtime;
} folder;
static folder open_folders[MAX_DEPTH + 2];
static int open_count;

static void close_folder(void)
{
    folder *top = &open_folders[--open_count];
    struct timespec times[2] = {top->mtime, top->mtime};
    if (fchmod(top->fd, top->mode) != 0 || futimens(top->fd, times) != 0) fail_errno("restoring a folder");
    close(top->fd);
}

static void push_folder(int fd, mode_t mode, struct timespec mtime)
{
    if (open_count > MAX_DEPTH) fail("corrupt", "the list lies too deep");
    open_folders[open_count++] = (folder){fd, mode, mtime};
}

static void restore_file(int dir, char *rest)
{
    mode_t mode = mode_of(&rest);
    struct timespec mtime = time_of(&rest), times[2] = {mtime, mtime};
    uint64_t size = strtoull(word(&rest), NULL, 10);
    word(&rest);
    char *hex = word(&rest), *group = word(&rest), *name = name_of(&rest), path[HASH_HEX + 16], found[HASH_HEX + 1];
    if (strlen(hex) != HASH_HEX || strspn(hex, "0123456789abcdef") != HASH_HEX) fail("corrupt", "the list cannot be read");
    object_path(hex, path);
    int from = openat(STORE_FD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 && errno == ENOENT) fail("corrupt", "a file's content is missing");
    if (from < 0) fail_errno("opening what is kept");
    int to = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0) fail_errno("restoring a file");
    digest d;
    if (clone_file(from, to)) read_file(to, -1, &d);
    else read_file(from, to, &d);
    digest_hex(&d, found);
    if (strcmp(found, hex) != 0 || d.size != size) fail("corrupt", "a file's content is not what was kept");
    counts.bytes += d.nonzero;
    if (fchmod(to, mode) != 0 || futimens(to, times) != 0) fail_errno("restoring a file");
    if (strcmp(group, "0") != 0) {
        char other[64];
        snprintf(other, sizeof other, "links/%" PRIu64, (uint64_t)strtoull(group, NULL, 10));
        if (linkat(dir, name, TREE_FD, other, 0) != 0) fail_errno("restoring a file");
    }
    send_to_disk(to);
    close(from);
    close(to);
}

static void restore_entry(char kind, char *rest)
{
    int depth = atoi(word(&rest));
    if (depth < 0 || depth >= open_count) fail("corrupt", "the list cannot be read");
    while (open_count > depth + 1) close_folder();
    int dir = open_folders[depth].fd;
    if (kind == 'F') {
        restore_file(dir, rest);
    } else if (kind == 'D') {
        mode_t mode = mode_of(&rest);
        struct timespec mtime = time_of(&rest);
        char *name = name_of(&rest);
        if (mkdirat(dir, name, 0700) != 0) fail_errno("restoring a folder");
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) fail_errno("restoring a folder");
        push_folder(fd, mode, mtime);
    } else if (kind == 'H') {
        char from[64];
        snprintf(from, sizeof from, "links/%" PRIu64, (uint64_t)strtoull(word(&rest), NULL, 10));
        if (linkat(TREE_FD, from, dir, name_of(&rest), 0) != 0) fail_errno("restoring a file");
    } else if (kind == 'L') {
        struct timespec mtime = time_of(&rest), times[2] = {mtime, mtime};
        char *target = word(&rest), *name = name_of(&rest);
        unescape(target);
        if (symlinkat(target, dir, name) != 0 || utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno("restoring a link");
    } else if (kind == 'P') {
        mode_t mode = mode_of(&rest);
        struct timespec mtime = time_of(&rest), times[2] = {mtime, mtime};
        char *name = name_of(&rest);
        if (mkfifoat(dir, name, mode) != 0 || utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno("restoring a pipe");
    } else fail("corrupt", "the list cannot be read");
}

static void remove_links(void)
{
    int fd = openat(TREE_FD, "links", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    if (!dir) fail_errno("restoring");
    while ((entry = readdir(dir)) != NULL) unlinkat(fd, entry->d_name, 0);
    closedir(dir);
    if (unlinkat(TREE_FD, "links", AT_REMOVEDIR) != 0) fail_errno("restoring");
}

void restore(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (mkdirat(TREE_FD, "links", 0700) != 0 || mkdirat(TREE_FD, "tree", 0700) != 0) fail_errno("restoring");
    while ((length = getline(&line, &room, stdin)) > 0) {
        if (line[length - 1] != '\n' || length < 4 || line[1] != ' ') fail("corrupt", "the list cannot be read");
        line[length - 1] = 0;
        char *rest = line + 2;
        if (line[0] != 'R') {
            restore_entry(line[0], rest);
            counts.entries += 1;
            continue;
        }
        mode_t mode = mode_of(&rest);
        struct timespec mtime = time_of(&rest);
        int fd = openat(TREE_FD, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || open_count > 0) fail("corrupt", "the list cannot be read");
        push_folder(fd, mode, mtime);
    }
    if (open_count == 0) fail("corrupt", "the list is empty");
    while (open_count > 0) close_folder();
    remove_links();
    if (fsync(TREE_FD) != 0) fail_errno("writing");
    printf("{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"shared\":%s}\n", counts.entries, counts.bytes, reflinks ? "true" : "false");
}
