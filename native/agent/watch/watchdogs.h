/* Watchdogs over the whole sandbox: memory, processes, disk. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How much the sandbox may use; 0: no limit. */
struct watch {
    uint64_t memory, disk, pids, interval_ms, next_ms;
};
extern struct watch watch;

enum { WALK_MS = 20000 };       /* a walk that takes longer is tried again */

/* The host's WATCH. Returns false when it is malformed. */
bool set_watch(const uint8_t *payload, uint32_t n);

/* The host's STATS. Returns false when it is malformed, or one too many. */
bool on_stats(uint32_t n);

/* Answers every STATS that waits. */
void answer_stats(void);

/* Kills everything for a limit of the whole sandbox, and has the host told. */
void kill_sandbox(uint32_t kind, uint64_t value);

/* Looks at what it is time to look at. */
void run_watchdogs(uint64_t now);
