#include "scan.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "../settings.h"

bool parse_stat(pid_t pid, struct entry *e) {
    char path[48], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return false;
    text[n] = 0;
    char *p = strrchr(text, ')');
    if (!p || p[1] != ' ') return false;
    long long f[20] = {0};      /* f[0] is field 4, the parent */
    e->state = p[2];
    p += 3;
    for (int i = 0; i < 20; i++) f[i] = strtoll(p, &p, 10);
    e->pid = pid;
    e->ppid = (pid_t)f[0];
    e->pgrp = (pid_t)f[1];
    e->sid = (pid_t)f[2];
    e->cpu_us = (uint64_t)(f[10] + f[11] + f[12] + f[13]) * 1000000 / self.ticks_per_s;
    e->threads = (uint32_t)f[16];
    e->start = (uint64_t)f[18];
    e->member = -1;
    return true;
}

/* The sum of the KiB figures of two lines of a /proc file, in bytes; -1 when neither is there. */
static int64_t proc_figures(pid_t pid, const char *file, const char *one, const char *other) {
    char path[48], text[4096];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return -1;
    text[n] = 0;
    const char *first = strstr(text, one), *second = strstr(text, other);
    if (!first && !second) return -1;
    long long kib = (first ? strtoll(first + strlen(one), NULL, 10) : 0) + (second ? strtoll(second + strlen(other), NULL, 10) : 0);
    return kib * 1024;
}

uint64_t own_memory(pid_t pid, bool exact) {
    int64_t bytes = exact ? proc_figures(pid, "smaps_rollup", "\nPss_Anon:", "\nPss_Shmem:") : -1;
    if (bytes < 0) bytes = proc_figures(pid, "status", "\nRssAnon:", "\nRssShmem:");
    if (bytes < 0) bytes = proc_figures(pid, "status", "\nVmRSS:", "\nVmRSS:") / 2;
    return bytes > 0 ? (uint64_t)bytes : 0;
}

static int by_pid(const void *a, const void *b) {
    pid_t x = ((const struct entry *)a)->pid, y = ((const struct entry *)b)->pid;
    return (x > y) - (x < y);
}

struct entry *entry_of(const struct scan *s, pid_t pid) {
    struct entry key = {.pid = pid};
    return s->n ? bsearch(&key, s->e, s->n, sizeof key, by_pid) : NULL;
}

void sort_scan(struct scan *s) {
    if (s->n) qsort(s->e, s->n, sizeof *s->e, by_pid);
}

struct scan scan_proc(void) {
    struct scan s = {0};
    DIR *d = opendir("/proc");
    if (!d) return s;
    for (struct dirent *entry; (entry = readdir(d));) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        if (s.n == s.cap) {
            size_t cap = s.cap ? s.cap * 2 : 64;
            struct entry *more = realloc(s.e, cap * sizeof *more);
            if (!more) break;
            s.e = more;
            s.cap = cap;
        }
        if (parse_stat((pid_t)atoi(entry->d_name), &s.e[s.n])) s.n++;
    }
    closedir(d);
    sort_scan(&s);
    return s;
}
