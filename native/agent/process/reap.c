#include "reap.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../basics.h"
#include "../host/serial.h"
#include "../limits/limits.h"
#include "../protocol.h"
#include "../settings.h"
#include "../tree/scan.h"
#include "../tree/tree.h"
#include "../watch/walker.h"
#include "process.h"
#include "start.h"
#include "streams.h"

uint64_t reaped_us;

static uint64_t timeval_us(struct timeval t) { return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec; }

static void root_ended(struct proc *p, int status, const struct rusage *usage) {
    if (p->status_fd >= 0) finish_start(p);
    set_limits(p, 0, 0, 0);
    p->ended = true;
    p->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    p->signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    p->cpu_us = timeval_us(usage->ru_utime) + timeval_us(usage->ru_stime);
    p->max_rss_kb = (uint64_t)usage->ru_maxrss;
    p->wall_us = now_us() - p->started_us;
    for (int i = 0; i < 4; i++) {
        close_fd(&p->in[i].fd);
        write_input(&p->in[i]);
        if (p->in[i].buf) free_pages(&p->in[i].buf, INPUT_WINDOW);
    }
    if (open_streams(p)) start_linger(p);
}

/* An orphan's time counts for the tree that it came from, as long as that can be told. */
static void credit_orphan(const struct entry *e, uint64_t us) {
    for (struct proc *p = processes.first; p; p = p->next)
        if (p->cpu_ms && is_anchor(e, p, p->arm_ticks)) p->orphan_us += us;
}

void reap(void) {
    struct signalfd_siginfo info[8];
    for (ssize_t got; (got = read(self.signal_fd, info, sizeof info)) > 0;)
        for (size_t i = 0; i < (size_t)got / sizeof *info; i++)
            if (info[i].ssi_signo == SIGIO) serial.unplugged = false;
    siginfo_t stop = {0};
    /* User code has the walker's uid. One that was stopped counts as failed at once. */
    if (walker.pid && waitid(P_PID, (id_t)walker.pid, &stop, WSTOPPED | WNOHANG) == 0 && stop.si_pid) kill(walker.pid, SIGKILL);
    for (;;) {
        siginfo_t si = {0};
        if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) != 0 || si.si_pid == 0) return;
        struct entry e;
        bool seen = si.si_pid != walker.pid && !held_root(si.si_pid) && parse_stat(si.si_pid, &e);
        int status;
        struct rusage usage;
        if (wait4(si.si_pid, &status, WNOHANG, &usage) != si.si_pid) return;
        uint64_t us = timeval_us(usage.ru_utime) + timeval_us(usage.ru_stime);
        reaped_us += us;
        if (seen) {
            e.ppid = self.pid;
            credit_orphan(&e, us);
        }
        if (si.si_pid == walker.pid) walk_ended();
        for (struct proc *p = processes.first; p; p = p->next)
            if (p->pid == si.si_pid && !p->ended) root_ended(p, status, &usage);
    }
}
