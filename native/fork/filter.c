/*
 * QEMU's own filter would forbid it to fork. Without that part, this one leaves of making processes only what the forker does, and takes
 * what a process could do to others of its uid: copies of one template share that, and have one pid namespace.
 */
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "forker.h"

enum { FOREIGN_CALLS = 0x40000000, MAX_PROGRAM = 256, FILE_OWNER = 0x8901, SOCKET_OWNER = 0x8902 };

/* Programs, other processes, and the kernel's queue of calls that passes filters by. */
static const int REFUSED[] = {
    SYS_execve, SYS_execveat, SYS_fork, SYS_vfork, SYS_unshare, SYS_setns,
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pidfd_getfd,
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise, SYS_process_mrelease, SYS_kcmp, SYS_migrate_pages, SYS_move_pages,
    SYS_setpgid, SYS_setpriority, SYS_ioprio_set, SYS_sched_setaffinity, SYS_sched_setattr, SYS_sched_setparam, SYS_sched_setscheduler,
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
};

/* Calls of which one argument decides: refused when it has that value. */
static const struct {
  int call, argument;
  unsigned value;
} REFUSED_WITH[] = {
    {SYS_prctl, 0, PR_SET_DUMPABLE}, {SYS_prctl, 0, PR_SET_PTRACER},
    {SYS_fcntl, 1, F_SETOWN},        {SYS_fcntl, 1, F_SETOWN_EX},     {SYS_fcntl, 1, F_SETSIG},
    {SYS_ioctl, 1, FILE_OWNER},      {SYS_ioctl, 1, SOCKET_OWNER},
};

static struct sock_filter program[MAX_PROGRAM];
static unsigned short length;

static void add(unsigned short code, unsigned value, unsigned char if_true, unsigned char if_false) {
  program[length++] = (struct sock_filter){code, if_true, if_false, value};
}

static void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0); }

static void refuse(int error) { add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error, 0, 0); }

static void allow(void) { add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0); }

static size_t argument(int index) { return offsetof(struct seccomp_data, args) + (size_t)index * sizeof(__u64); }

/* Each part begins and ends with the call's number loaded. */
static void write_program(void) {
  load(offsetof(struct seccomp_data, arch));
  add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
  refuse(EPERM);
  load(offsetof(struct seccomp_data, nr));
  add(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALLS, 0, 1);
  refuse(EPERM);
  for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
    add(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)REFUSED[i], 0, 1);
    refuse(EPERM);
  }
  for (size_t i = 0; i < sizeof REFUSED_WITH / sizeof *REFUSED_WITH; i++) {
    add(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)REFUSED_WITH[i].call, 0, 4);
    load(argument(REFUSED_WITH[i].argument));
    add(BPF_JMP | BPF_JEQ | BPF_K, REFUSED_WITH[i].value, 0, 1);
    refuse(EPERM);
    load(offsetof(struct seccomp_data, nr));
  }
  /* Limits of its own it may set, not those of others. */
  add(BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 4);
  load(argument(0));
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
  refuse(EPERM);
  load(offsetof(struct seccomp_data, nr));
  /* Its arguments lie in memory: the C library takes `clone` instead. */
  add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
  refuse(ENOSYS);
  add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0);
  allow();
  load(argument(0));
  add(BPF_JMP | BPF_JEQ | BPF_K, COPY_FLAGS, 1, 0);
  add(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
  allow();
  refuse(EPERM);
}

int install_filter(void) {
  write_program();
  struct sock_fprog filter = {.len = length, .filter = program};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}
