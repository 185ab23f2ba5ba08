/*
 * The guest agent: the first process of a sandbox. It starts programs, carries their streams to the host and back,
 * keeps what the host has not yet acknowledged, enforces limits, and reaps. docs/reference/agent-protocol.md is the
 * contract. One thread, one poll loop, no memory that grows with idleness.
 *
 *   agent --listen-fd N | --serial-fd N [--seccomp-fd N] [--workspace DIR] [--nproc N]
 *         [--proxy-fd N]... [--redirect-fd N]... [--names-fd N] [--user UID] [--cgroup-fd N] [--renew-dir DIR]
 *
 * The latter three are for a kernel of the sandbox's own, where the agent is root: user code becomes UID and joins the cgroup,
 * and names that a host renews after a restore are written into DIR.
 *
 * Where to start reading: loop.c, then serve_host (host/connect.c), fill (host/fill.c) and read_outputs (process/streams.c).
 * Everything that user code can influence (sizes, names, /proc) is bounded here; frames from the host are checked too,
 * because a fuzzer may be the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "basics.h"
#include "forward/doors.h"
#include "forward/link.h"
#include "host/conversation.h"
#include "host/serial.h"
#include "loop.h"
#include "settings.h"
#include "watch/own-disk.h"
#include "watch/watchdogs.h"

struct settings settings = {.listen_fd = -1, .workspace = "/workspace", .cgroup_fd = -1};
struct self self = {.signal_fd = -1};

static void load_seccomp(int fd) {
    static const size_t most = BPF_MAXINSNS * sizeof(struct sock_filter);
    uint8_t *code = pages(most + 1);
    size_t n = 0;
    for (ssize_t got; code && n <= most && (got = read(fd, code + n, most + 1 - n)) != 0; n += (size_t)got)
        if (got < 0) break;
    if (!code || n == 0 || n > most || n % sizeof(struct sock_filter) != 0) {
        fprintf(stderr, "agent: the seccomp filter cannot be read\n");
        exit(1);
    }
    settings.filter.len = (unsigned short)(n / sizeof(struct sock_filter));
    settings.filter.filter = (struct sock_filter *)(void *)code;
    close(fd);
}

/*
 * Where user code writes three times, we run once, when it rests: on a machine's single processor each change from one program to the other
 * makes an emulator forget where all memory lies. Fairness is as before, so that it costs others' output a few milliseconds at most.
 */
static void give_way(void) { sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}); }

static void set_up(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    self.pid = getpid();
    self.session = getsid(0);
    self.ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    self.cpu_count = cpus > 0 ? (uint64_t)cpus : 1;
    watch.interval_ms = 100;
    /* A machine that has just booted would wait a second for randomness. It is given some by its host, and each copy an id of its own: see on_renew. */
    if (getrandom(&talk.boot_id, sizeof talk.boot_id, GRND_NONBLOCK) != sizeof talk.boot_id) talk.boot_id = now_us();
    getrlimit(RLIMIT_NOFILE, &self.files);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){self.files.rlim_max, self.files.rlim_max});
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (serial.fd >= 0) sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    self.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int flags = serial.fd >= 0 ? 0 : fcntl(settings.listen_fd, F_GETFL);
    if (self.signal_fd < 0 || flags < 0 || (serial.fd < 0 && fcntl(settings.listen_fd, F_SETFL, flags | O_NONBLOCK) != 0)) {
        fprintf(stderr, "agent: %s\n", strerror(errno));
        exit(1);
    }
    if (serial.fd >= 0) open_serial();
    else {
        fcntl(settings.listen_fd, F_SETFD, FD_CLOEXEC);
        socklen_t size = sizeof settings.accepts;
        if (getsockopt(settings.listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &settings.accepts, &size) != 0) settings.accepts = 0;
    }
    if (settings.cgroup_fd >= 0) {
        fcntl(settings.cgroup_fd, F_SETFD, FD_CLOEXEC);
        give_way();
    }
    note_own_disk();
    end_links();
}

int main(int argc, char **argv) {
    int seccomp_fd = -1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--listen-fd") == 0) settings.listen_fd = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--serial-fd") == 0) serial.fd = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--user") == 0) settings.user = (uid_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--cgroup-fd") == 0) settings.cgroup_fd = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--renew-dir") == 0) settings.renew_dir = argv[i + 1];
        else if (strcmp(argv[i], "--seccomp-fd") == 0) seccomp_fd = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--workspace") == 0) settings.workspace = argv[i + 1];
        else if (strcmp(argv[i], "--nproc") == 0) settings.max_processes = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--proxy-fd") == 0) add_door(atoi(argv[i + 1]), true);
        else if (strcmp(argv[i], "--redirect-fd") == 0) add_door(atoi(argv[i + 1]), false);
        else if (strcmp(argv[i], "--names-fd") == 0) set_names_fd(atoi(argv[i + 1]));
        else settings.listen_fd = -2;
    }
    if (settings.listen_fd < -1 || (settings.listen_fd < 0) == (serial.fd < 0) || argc % 2 == 0) {
        fprintf(stderr, "usage: agent --listen-fd N | --serial-fd N [--seccomp-fd N] [--workspace DIR] [--nproc N]\n"
                        "       [--proxy-fd N]... [--redirect-fd N]... [--names-fd N] [--user UID] [--cgroup-fd N] [--renew-dir DIR]\n");
        return 2;
    }
    if (seccomp_fd >= 0) load_seccomp(seccomp_fd);
    set_up();
    loop();
}
