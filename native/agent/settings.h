/* What the agent was started with, and what it is: set once, before the loop begins. */
#pragma once

#include <linux/filter.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* The options of the command line. */
struct settings {
    int listen_fd;              /* -1: there is a serial line instead */
    int accepts;                /* whether listen_fd is listened on; else connections are sent to it */
    const char *workspace;
    struct sock_fprog filter;   /* the seccomp filter of what is started; of length 0: none */
    uid_t user;                 /* of what is started; 0: the agent's own */
    int cgroup_fd;              /* a cgroup v2 folder for what is started; -1: none */
    const char *renew_dir;
    rlim_t max_processes;       /* RLIMIT_NPROC of what is started; 0: none */
};
extern struct settings settings;

/* This process, and the machine that it runs on. */
struct self {
    pid_t pid, session;
    struct rlimit files;        /* RLIMIT_NOFILE as it was found: what is started gets it back */
    int signal_fd;
    uint64_t ticks_per_s, cpu_count;
};
extern struct self self;
