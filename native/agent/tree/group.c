#include "group.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "../settings.h"

enum { FIGURES_ROOM = 8192, PIDS_ROOM = 1024 };

/* Reads what there is room for, as a text. Returns its length; -1: nothing. */
static ssize_t read_group(const char *file, char *text, size_t size) {
    int fd = settings.cgroup_fd < 0 ? -1 : openat(settings.cgroup_fd, file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0) close(fd);
    if (n >= 0) text[n] = 0;
    return n;
}

static bool find_figure(const char *text, const char *name, uint64_t *value) {
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0) continue;
        const char *number = line + length + (length > 0 && line[length] == ' ');
        if (!isdigit((unsigned char)*number)) continue;
        *value = strtoull(number, NULL, 10);
        return true;
    }
    return false;
}

bool group_figures(const char *file, const char *const *names, uint64_t *values, size_t count) {
    char text[FIGURES_ROOM];
    bool found = read_group(file, text, sizeof text) > 0;
    for (size_t i = 0; i < count; i++) found = found && find_figure(text, names[i], &values[i]);
    return found;
}

struct scan scan_group(void) {
    char text[PIDS_ROOM];
    struct scan s = {0};
    uint64_t tasks, threads = 0;
    ssize_t n = read_group("cgroup.procs", text, sizeof text);
    if (n <= 0 || n == sizeof text - 1) return s;
    for (const char *at = text; *at; at++) s.cap += *at == '\n';
    s.e = calloc(s.cap, sizeof *s.e);
    for (char *at = text; s.e && s.n < s.cap && *at; at += strcspn(at, "\n") + 1)
        if (parse_stat((pid_t)strtol(at, NULL, 10), &s.e[s.n])) threads += s.e[s.n++].threads;
    /* The dead have time to account for as well, and count as tasks until somebody has waited for them. */
    if (s.n > 0 && group_figures("pids.current", (const char *[]){""}, &tasks, 1) && tasks == threads) {
        sort_scan(&s);
        return s;
    }
    free(s.e);
    return (struct scan){0};
}
