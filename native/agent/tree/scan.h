/* What /proc says: who is there, and what they use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A process. */
struct entry {
    pid_t pid, ppid, pgrp, sid;
    char state;
    int8_t member;              /* -1 not known yet */
    uint32_t threads;
    uint64_t cpu_us, start;
};
/* All processes of one moment, by pid. `e` is the caller's to free. */
struct scan { struct entry *e; size_t n, cap; };

/* Reads /proc/PID/stat. Returns false when there is no such process (any more). */
bool parse_stat(pid_t pid, struct entry *e);

/*
 * What a process holds of memory that is its own: not the pages of files, which are shared, and tmpfs is counted as a
 * whole. `exact` divides what forks share among them; it costs more, and a process can hide from it, but not from the other.
 */
uint64_t own_memory(pid_t pid, bool exact);

/* The entry of a pid, or NULL. */
struct entry *entry_of(const struct scan *s, pid_t pid);

/* Puts it into the order that entry_of needs. */
void sort_scan(struct scan *s);

/* Looks at all processes. */
struct scan scan_proc(void);
