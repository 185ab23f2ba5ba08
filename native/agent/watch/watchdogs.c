#include "watchdogs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "../basics.h"
#include "../host/conversation.h"
#include "../host/outbox.h"
#include "../process/process.h"
#include "../protocol.h"
#include "../settings.h"
#include "../tree/kill.h"
#include "own-disk.h"
#include "usage.h"
#include "walker.h"

enum { MAX_LOOK_MS = 500 };

struct watch watch;
static uint64_t oom_kills;

bool set_watch(const uint8_t *payload, uint32_t n) {
    if (n != 24) return false;
    watch.memory = get64(payload);
    watch.disk = get64(payload + 8);
    watch.pids = get32(payload + 16);
    watch.interval_ms = get32(payload + 20);
    if (watch.interval_ms == 0) watch.interval_ms = 100;
    if (watch.interval_ms < 10) watch.interval_ms = 10;
    watch.next_ms = walker.next_ms = 0;
    return true;
}

/* How often the kernel killed for memory in the cgroup of user code. */
static uint64_t cgroup_oom_kills(void) {
    char text[512];
    int fd = settings.cgroup_fd < 0 ? -1 : openat(settings.cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    const char *line = strstr(text, "\noom_kill ");
    return line ? strtoull(line + 10, NULL, 10) : 0;
}

void answer_stats(void) {
    struct usage u = measure(EXACT);
    struct payload b = {0};
    uint64_t disk = walker.bytes;
    own_disk_use(&disk);
    put64(&b, u.memory);
    put64(&b, u.cpu_us);
    put32(&b, (uint32_t)u.pids);
    put32(&b, 0);
    put64(&b, disk);
    put64(&b, oom_kills + cgroup_oom_kills());
    uint32_t due = talk.stats_due;
    talk.stats_due = 0;
    while (due-- > 0) send_frame(STATS_OK, 0, 0, &b);
}

bool on_stats(uint32_t n) {
    if (n != 0 || talk.stats_due >= 64) return false;
    talk.stats_due++;
    uint64_t disk;
    if (own_disk_use(&disk)) {
        answer_stats();
        return true;
    }
    /* Only the first has to wait until the disk was measured once. */
    if (!walker.known || now_ms() - walker.measured_ms > 2000) start_walk();
    if (walker.known || !walker.pid) answer_stats();
    return true;
}

void kill_sandbox(uint32_t kind, uint64_t value) {
    if (kind == MEMORY) oom_kills++;
    for (struct proc *p = processes.first; p; p = p->next) {
        if (p->ended || p->gone) continue;
        if (p->limit == NONE) p->limit = kind;
        notify(p, kind, KILLED, value);
    }
    if (talk.notice_count < 8) talk.notices[talk.notice_count++] = (struct notice){kind, KILLED, value};
    kill_everything();
}

void run_watchdogs(uint64_t now) {
    if ((watch.memory || watch.pids) && now >= watch.next_ms) {
        struct usage u = measure(watch.memory ? AT_MOST : NO_MEMORY);
        if (watch.memory && u.memory > watch.memory) u = measure(EXACT);
        /* Looking may take a twentieth of one CPU, too, where a system call is dear (gVisor); but twice a second it is done. */
        uint64_t ended = now_ms(), rest = min64((ended - now) * 20, MAX_LOOK_MS);
        watch.next_ms = ended + (rest > watch.interval_ms ? rest : watch.interval_ms);
        if (watch.memory && u.memory > watch.memory) kill_sandbox(MEMORY, u.memory);
        else if (watch.pids && u.pids > watch.pids) kill_sandbox(PIDS, u.pids);
    }
    if (watch.disk && !walker.pid && (now >= walker.next_ms || could_be_full(now))) start_walk();
    if (walker.pid && now >= walker.started_ms + WALK_MS) {
        kill(walker.pid, SIGKILL);
        walker.started_ms = now;
    }
}
