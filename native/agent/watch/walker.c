#include "walker.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "../basics.h"
#include "../host/conversation.h"
#include "../process/child.h"
#include "../protocol.h"
#include "../settings.h"
#include "deleted.h"
#include "disk.h"
#include "watchdogs.h"

enum {
    MAX_FAILED_WALKS = 3,       /* so many in a row count as a full disk: user code can stop and kill the walker */
    MAX_FAILED_STARTS = 25,     /* the same for a walker that cannot be started at all, tried every START_AGAIN_MS */
    START_AGAIN_MS = 200,
    MAX_HIDERS = 10,            /* so many walks in a row that met processes which hide their files count as one, too */
};

struct walker walker = {.fd = -1};

/* What a walker found out: bytes, and how many processes would not let it look at their files. */
struct finding { uint64_t bytes, hidden; };

/* Without a walker the disk has no limit, and user code may be why there is none. */
static void start_failed(void) {
    close_fd(&walker.fd);
    walker.next_ms = now_ms() + START_AGAIN_MS;
    if (++walker.failed_starts < MAX_FAILED_STARTS || !watch.disk) return;
    walker.failed_starts = 0;
    kill_sandbox(DISK, walker.bytes);
}

/* With inodes at their price. */
static uint64_t free_bytes(void) {
    struct statfs f;
    if (statfs(settings.workspace, &f) != 0) return 0;
    return (uint64_t)f.f_bfree * (uint64_t)f.f_bsize + (uint64_t)f.f_ffree * MIN_FILE_BYTES;
}

bool could_be_full(uint64_t now) {
    if (now < walker.look_ms || now < walker.measured_ms + 3 * walker.took_ms) return false;
    walker.look_ms = now + watch.interval_ms;
    uint64_t left = free_bytes();
    return left < walker.free && walker.free - left + walker.bytes > watch.disk;
}

void start_walk(void) {
    int theirs = -1;
    if (walker.pid) return;
    if (!make_pipe(&walker.fd, &theirs, 0)) {
        close_fd(&theirs);
        start_failed();
        return;
    }
    walker.started_ms = now_ms();
    walker.free = free_bytes();
    walker.pid = fork();
    if (walker.pid == 0) {
        reset_signals();
        dup2(theirs, 0);
        close_from(1);
        struct seen *seen = (struct seen *)(void *)pages(sizeof *seen);
        int fd = open(settings.workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        if (!seen || fd < 0 || fstat(fd, &st) != 0) _exit(1);
        struct finding found = {.bytes = disk_use(fd, seen, st.st_dev, 0)};
        found.bytes += deleted_use(seen, st.st_dev, &found.hidden);
        _exit(write(0, &found, sizeof found) == sizeof found ? 0 : 1);
    }
    close(theirs);
    if (walker.pid > 0) {
        walker.failed_starts = 0;
        return;
    }
    walker.pid = 0;
    start_failed();
}

void walk_ended(void) {
    struct finding found = {0};
    uint64_t now = now_ms(), took = now - walker.started_ms;
    bool counted = read(walker.fd, &found, sizeof found) == sizeof found;
    if (counted) walker.bytes = found.bytes;
    walker.hiders = watch.disk && found.hidden > 0 && kill_hiders() > 0 ? walker.hiders + 1 : 0;
    walker.failures = counted ? 0 : walker.failures + 1;
    close_fd(&walker.fd);
    walker.pid = 0;
    walker.known = true;
    walker.measured_ms = now;
    walker.took_ms = took;
    /* Walking may take a twentieth of one CPU at most. */
    walker.next_ms = now + (took * 20 > watch.interval_ms ? took * 20 : watch.interval_ms);
    if (talk.stats_due && !talk.quiesced) answer_stats();
    bool unknown = walker.failures >= MAX_FAILED_WALKS || walker.hiders >= MAX_HIDERS;
    if (watch.disk && (walker.bytes > watch.disk || unknown)) {
        walker.failures = walker.hiders = 0;
        kill_sandbox(DISK, walker.bytes);
    }
}
