/**
 * System calls that ordinary programs make, by what they are for. Everything else is refused. Names that an
 * architecture lacks are passed over (arm64 has only the newer form of many).
 */
export const ALLOWED_CALLS: Readonly<Record<string, string>> = {
  files:
    "access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 " +
    "fallocate fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr " +
    "fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr lchown lgetxattr link " +
    "linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open " +
    "openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv " +
    "removexattr rename renameat renameat2 rmdir sendfile setxattr splice stat statfs statx symlink symlinkat sync " +
    "sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes vmsplice write writev",
  memory:
    "brk get_mempolicy madvise membarrier mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock " +
    "munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages",
  sharedMemory: "memfd_create memfd_secret shmat shmctl shmdt shmget",
  processes:
    "arch_prctl capget capset execve execveat exit exit_group fork get_robust_list getegid geteuid getgid " +
    "getgroups getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid " +
    "getuid ioprio_get ioprio_set kill pidfd_open pidfd_send_signal prctl prlimit64 rseq seccomp set_robust_list " +
    "set_tid_address setfsgid setfsuid setgid setgroups setpgid setpriority setregid setresgid setresuid setreuid " +
    "setrlimit setsid setuid tgkill times tkill vfork wait4 waitid",
  scheduling:
    "getcpu sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam " +
    "sched_getscheduler sched_rr_get_interval sched_setattr sched_setparam sched_setscheduler sched_yield",
  signals:
    "pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend " +
    "rt_sigtimedwait rt_tgsigqueueinfo sigaltstack signalfd signalfd4",
  time:
    "alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create " +
    "timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime",
  waiting:
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd " +
    "eventfd2 futex futex_waitv inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll ppoll pselect6 select",
  sockets:
    "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg " +
    "sendmsg sendto setsockopt shutdown",
  channels:
    "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 " +
    "semctl semget semop semtimedop",
  itself: "getrandom landlock_add_rule landlock_create_ruleset landlock_restrict_self sysinfo uname",
};

/**
 * Calls that only an attack makes in a sandbox without any privilege: they end the process at once (`denied`).
 * What a harmless program may try and do without (io_uring, keyctl, perf_event_open, ptrace, mount) gets EPERM; so does
 * asynchronous I/O (`io_setup`), whose places are counted over the whole host: one sandbox could take all of them.
 */
export const HOSTILE_CALLS =
  "acct bpf delete_module finit_module init_module ioperm iopl kexec_file_load kexec_load reboot swapoff swapon";
