#include "deleted.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "../process/process.h"
#include "../protocol.h"
#include "../settings.h"
#include "../tree/scan.h"
#include "walker.h"

static bool is_number(const char *name) { return isdigit((unsigned char)name[0]); }

/*
 * Opens the list of a thread's descriptors: each can have some of its own. NULL, with EACCES, when it may not be seen:
 * a process that runs a program which it may not read is undumpable.
 */
static DIR *open_fds(const char *pid, const char *tid) {
    char path[600];
    struct entry e;
    snprintf(path, sizeof path, "/proc/%s/task/%s/fd", pid, tid);
    DIR *fds = opendir(path);
    if (fds || errno != EACCES) return fds;
    /* The dead look the same, and hold nothing. */
    bool dead = !parse_stat((pid_t)atoi(tid), &e) || e.state == 'Z' || e.state == 'X';
    errno = dead ? ESRCH : EACCES;
    return NULL;
}

static DIR *open_threads(const char *pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    return opendir(path);
}

uint64_t deleted_use(struct seen *seen, dev_t device, uint64_t *hidden) {
    uint64_t sum = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        DIR *threads = is_number(e->d_name) && atoi(e->d_name) != self.pid ? open_threads(e->d_name) : NULL;
        for (struct dirent *t; threads && (t = readdir(threads));) {
            DIR *fds = is_number(t->d_name) ? open_fds(e->d_name, t->d_name) : NULL;
            if (!fds && is_number(t->d_name) && errno == EACCES) ++*hidden;
            for (struct dirent *f; fds && (f = readdir(fds));) {
                struct stat st;
                if (!is_number(f->d_name) || fstatat(dirfd(fds), f->d_name, &st, 0) != 0) continue;
                if (S_ISREG(st.st_mode) && st.st_nlink == 0 && st.st_dev == device && first_sight(seen, st.st_ino))
                    sum += (uint64_t)st.st_blocks * 512;
            }
            if (fds) closedir(fds);
        }
        if (threads) closedir(threads);
    }
    if (d) closedir(d);
    return sum;
}

static bool hides(const char *pid) {
    bool hidden = false;
    DIR *threads = open_threads(pid);
    for (struct dirent *t; !hidden && threads && (t = readdir(threads));) {
        if (!is_number(t->d_name)) continue;
        DIR *fds = open_fds(pid, t->d_name);
        if (fds) closedir(fds);
        else hidden = errno == EACCES;
    }
    if (threads) closedir(threads);
    return hidden;
}

uint32_t kill_hiders(void) {
    uint32_t count = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        pid_t pid = (pid_t)atoi(e->d_name);
        if (!is_number(e->d_name) || pid == self.pid || pid == walker.pid) continue;
        const struct proc *p = held_root(pid);
        if (p && (p->flags & SPAWN_BUILTIN || p->status_fd >= 0)) continue;
        if (hides(e->d_name) && kill(pid, SIGKILL) == 0) count++;
    }
    if (d) closedir(d);
    return count;
}
