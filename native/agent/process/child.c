#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "../../shared/write-proc.h"
#include "../basics.h"
#include "../files/applet.h"
#include "../protocol.h"
#include "../settings.h"

static void apply_seccomp(void) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (settings.filter.len && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &settings.filter) != 0) _exit(126);
}

/* The user code must go first when memory runs out. */
static void offer_to_oom_killer(bool builtin) {
    if (write_proc("/proc/self/oom_score_adj", "1000") || builtin) return;
    /* An undumpable process does not own its /proc files. The filter is in place by now, so a debugger gains nothing. */
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    write_proc("/proc/self/oom_score_adj", "1000");
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void search_and_exec(const struct launch *l) {
    if (strchr(l->argv[0], '/')) {
        execve(l->argv[0], l->argv, l->env);
        return;
    }
    const char *path = "/usr/local/bin:/usr/bin:/bin";
    for (uint32_t i = 0; i < l->envc; i++)
        if (strncmp(l->env[i], "PATH=", 5) == 0) path = l->env[i] + 5;
    int error = ENOENT;
    for (;;) {
        size_t n = strcspn(path, ":");
        char full[PATH_MAX];
        if (snprintf(full, sizeof full, "%.*s%s%s", (int)n, path, n ? "/" : "", l->argv[0]) < (int)sizeof full) {
            execve(full, l->argv, l->env);
            if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return;
            if (errno == EACCES && access(full, F_OK) == 0) error = EACCES;
        }
        if (!path[n]) break;
        path += n + 1;
    }
    errno = error;
}

void reset_signals(void) {
    for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void close_from(unsigned first) {
    if (syscall(SYS_close_range, first, INT_MAX, 0) == 0) return; /* gVisor refuses a number that is no descriptor's */
    for (unsigned fd = first; fd < 65536; fd++) close((int)fd);
}

/* In the child: a place in the cgroup of user code, so that its limits hold all of it. */
static void join_cgroup(void) {
    if (settings.cgroup_fd < 0) return;
    int fd = openat(settings.cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1) _exit(126);
    close(fd);
}

/* In the child. From here on nothing of it is root's; its capabilities went with the uid, and none can come back. */
static void become_user(bool stay) {
    if (!settings.user || stay) return;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (setgroups(0, NULL) != 0 || setresgid(settings.user, settings.user, settings.user) != 0 || setresuid(settings.user, settings.user, settings.user) != 0) _exit(126);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

_Noreturn void child(const struct launch *l, int fds[6]) {
    setsid();
    if (settings.cgroup_fd >= 0) sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}); /* see give_way in main.c */
    reset_signals();
    if (!(l->flags & SPAWN_OWN)) join_cgroup();
    for (int i = 0; i < 5; i++) {
        if (fds[i] >= 0) dup2(fds[i], i);
        else close(i);
    }
    dup3(fds[5], 5, O_CLOEXEC);
    close_from(6);
    if (l->flags & SPAWN_TERMINAL) ioctl(0, TIOCSCTTY, 0);
    umask(022);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    /* Counted in the sandbox's user namespace; the agent itself has no such limit and can always fork. */
    if (settings.max_processes) setrlimit(RLIMIT_NPROC, &(struct rlimit){settings.max_processes, settings.max_processes});
    struct rlimit files = self.files;
    if (l->nofile) files.rlim_cur = files.rlim_max = min64(l->nofile, files.rlim_max);
    bool builtin = l->flags & SPAWN_BUILTIN;
    if (!builtin || l->nofile) setrlimit(RLIMIT_NOFILE, &files);
    int error = 0;
    become_user(l->flags & SPAWN_OWN);
    if (chdir(l->cwd[0] ? l->cwd : settings.workspace) != 0) error = errno;
    apply_seccomp();
    offer_to_oom_killer(builtin);
    if (!error && builtin) {
        close(5);
        _exit(applet_main((int)l->argc, l->argv));
    }
    if (!error) {
        search_and_exec(l);
        error = errno;
    }
    if (write(5, &error, sizeof error) < 0) _exit(126);
    _exit(127);
}
