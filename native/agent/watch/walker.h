/* The walker: a child that counts what the sandbox's files use of the disk. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

struct walker {
    pid_t pid;                  /* 0: none walks */
    int fd;
    uint64_t bytes, started_ms, next_ms, measured_ms;
    uint64_t free, look_ms;     /* free bytes and inodes of the file system when the walk began; when to look at them again */
    uint64_t took_ms;
    uint32_t failures;          /* walks in a row that came to nothing */
    uint32_t failed_starts;     /* the same of attempts to start one */
    uint32_t hiders;            /* walks in a row after which processes that hide were found */
    bool known;
};
extern struct walker walker;

/*
 * Many files make walks slow, and the pauses between them long. So walks begin early when the file system has lost so
 * much that it could have been us: others may have used it, which costs one walk.
 */
bool could_be_full(uint64_t now);

/* Starts one, unless one walks. */
void start_walk(void);

/* The walker was reaped: takes in what it found. */
void walk_ended(void);
