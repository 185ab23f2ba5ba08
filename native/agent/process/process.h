/* The processes that a host asked for, from their start until they are forgotten. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../protocol.h"
#include "spool.h"

/* An input stream: what the host sent and the process has not taken yet. */
struct inlet {
    int fd;
    bool eof, ack_due, terminal;
    uint8_t *buf;
    uint32_t len, pos;
    uint64_t received;
};

/* Tells the host of a limit (`kind`) and what was done for it (`action`). */
struct notice { uint32_t kind, action; uint64_t value; };

struct proc {
    struct proc *next;
    uint32_t id, flags;
    pid_t pid;
    int status_fd;              /* >= 0 while exec has not happened yet */
    bool attached, ended, exit_sent, gone;
    uint64_t epoch;             /* of the connection that asked for it */
    struct spool out[4];        /* 1, 2, 3 */
    struct inlet in[4];         /* 0, 3 */
    bool barrier_set, line_start;
    uint32_t control_quota;
    uint64_t started_us, linger_ms;
    int32_t code, signo;
    uint32_t limit;             /* for which it was killed */
    uint64_t cpu_us, max_rss_kb, wall_us;
    /* limits; times are monotonic milliseconds, 0 is off */
    uint64_t wall_at, wall_ms, grace_at, grace_ms, cpu_ms, cpu_poll_at, arm_ticks;
    uint64_t orphan_us;         /* CPU time of its orphans that were reaped here */
    uint64_t cpu_last_us;
    int64_t cpu_base_us;
    uint32_t tripped;
    struct notice notices[4];
    uint32_t notice_count;
    uint16_t tag_len;
    uint8_t tag[MAX_TAG];
};

/* All of them, newest first, and whose turn it is to send. */
struct processes {
    struct proc *first, *turn;
    uint32_t count;
};
extern struct processes processes;

/* By the number that the host gave it; NULL: there is none. */
struct proc *find_proc(uint32_t id);

/* The process whose root, which has not ended, has this pid; NULL: there is none. */
const struct proc *held_root(pid_t pid);

/* The process whose session this is, ended or not; NULL: there is none. */
const struct proc *held_session(pid_t sid);

/* Whether anything may still come from it. */
bool open_streams(const struct proc *p);

/* A new one in the table; NULL: there are too many. */
struct proc *new_proc(uint32_t id, const uint8_t *tag, uint16_t tag_len);

/* Takes it from the table, with all that it holds. */
void free_proc(struct proc *p);

/* Frees what was forgotten. Only where nobody walks the list. */
void sweep(void);

/* Has the host told of a limit of this process, with its output. */
void notify(struct proc *p, uint32_t kind, uint32_t action, uint64_t value);
