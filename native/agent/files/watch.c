/* The applet that tells of changes in a folder. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/types.h>
#include <unistd.h>

#include "applet.h"
#include "output.h"
#include "paths.h"

enum { MAX_WATCHES = 8192 };
static char **watched;          /* by watch descriptor: the folder's path from the watched one */
static int watched_count;

static void watch_folder(int notify_fd, const char *root, const char *path, bool recursive) {
    char full[PATH_MAX];
    uint32_t mask = IN_CREATE | IN_DELETE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_EXCL_UNLINK | (*path ? IN_ONLYDIR | IN_DONT_FOLLOW : 0);
    if (snprintf(full, sizeof full, "%s%s%s", root, *path ? "/" : "", path) >= (int)sizeof full) return;
    int wd = inotify_add_watch(notify_fd, full, mask);
    if (wd < 0 && (*path == 0 || errno == ENOSPC || errno == ENOMEM)) fail(errno, root);
    if (wd < 0) return;
    if (wd >= MAX_WATCHES) fail(ENOSPC, root);
    if (wd >= watched_count) {
        char **more = realloc(watched, (size_t)(wd + 1) * sizeof *more);
        if (!more) fail(ENOMEM, root);
        watched = more;
        while (watched_count <= wd) watched[watched_count++] = NULL;
    }
    free(watched[wd]);
    watched[wd] = strdup(path);
    DIR *d = recursive ? opendir(full) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        char sub[PATH_MAX];
        if (is_dots(e->d_name) || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)) continue;
        if (snprintf(sub, sizeof sub, "%s%s%s", path, *path ? "/" : "", e->d_name) < (int)sizeof sub)
            watch_folder(notify_fd, root, sub, true);
    }
    if (d) closedir(d);
}

static void emit_change(const struct inotify_event *e, const char *path) {
    const char *change = e->mask & IN_Q_OVERFLOW ? "overflow"
        : e->mask & IN_CREATE                    ? "created"
        : e->mask & (IN_DELETE | IN_MOVED_FROM)  ? "removed"
        : e->mask & IN_MOVED_TO                  ? "renamed"
                                                 : "modified";
    emit_text("{\"p\":");
    emit_json(path);
    emit_format(",\"c\":\"%s\"}\n", change);
}

int applet_watch(char **a) {
    bool recursive = has_letter(a[0], 'r');
    int fd = inotify_init1(IN_CLOEXEC);
    if (fd < 0) fail(errno, a[1]);
    watch_folder(fd, relative_path(a[1], false), "", recursive);
    emit_text("{\"ready\":true}\n");
    for (;;) {
        flush_output();
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR) fail(errno, a[1]);
        if (p[1].revents) return 0;
        if (!p[0].revents) continue;
        _Alignas(struct inotify_event) char events[16384];
        ssize_t n = read(fd, events, sizeof events);
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(const void *)(events + at);
            at += (ssize_t)(sizeof *e + e->len);
            const char *folder = e->wd >= 0 && e->wd < watched_count && watched[e->wd] ? watched[e->wd] : "";
            char path[PATH_MAX];
            if (e->mask & IN_IGNORED) continue;
            if (snprintf(path, sizeof path, "%s%s%s", folder, *folder && e->len ? "/" : "", e->len ? e->name : "") >= (int)sizeof path) continue;
            emit_change(e, path);
            if (recursive && e->mask & IN_ISDIR && e->mask & (IN_CREATE | IN_MOVED_TO)) watch_folder(fd, a[1], path, true);
        }
    }
}
