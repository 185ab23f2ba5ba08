#include <fcntl.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"
#include "threads.h"

/*
 * The C library keeps this signal for itself, so that no thread blocks it (it cancels threads, which QEMU does not do). A timer
 * sends it, since that reaches threads of this process only: all other ways to send a signal are shut (filter.c).
 */
enum { PARK_SIGNAL = 32, ROUNDS = 2000, ROUND_NS = 500000 };

/* As the kernel takes it; the C library's would refuse this signal. */
struct kernel_sigaction {
  void (*handler)(int, siginfo_t *, void *);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};
enum { SA_KERNEL_RESTORER = 0x04000000 };

struct thread threads[MAX_THREADS];
int thread_count;
/* Odd while threads are to wait. Each time has numbers of its own, so that one that wakes late does not wait twice. */
static int gate;
static int arrivals;

void end_of_handler(void);
__asm__(".text\n.globl end_of_handler\n.hidden end_of_handler\nend_of_handler:\n  mov $15, %eax\n  syscall\n"); /* rt_sigreturn */

static void park(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  int mine = __atomic_load_n(&gate, __ATOMIC_ACQUIRE);
  if (!(mine & 1)) return;
  int tid = (int)raw(SYS_gettid, 0, 0, 0, 0, 0);
  for (int i = 0; i < __atomic_load_n(&thread_count, __ATOMIC_ACQUIRE); i++) {
    struct thread *me = &threads[i];
    if (me->tid != tid) continue;
    me->context = context;
    __asm__("mov %%fs:0, %0" : "=r"(me->pointer));
    if (raw(SYS_prctl, PR_GET_TID_ADDRESS, (long)&me->tid_address, 0, 0, 0) < 0) me->tid_address = NULL;
    if (raw(SYS_get_robust_list, 0, (long)&me->robust, (long)&me->robust_length, 0, 0) < 0) me->robust = NULL;
    raw(SYS_prctl, PR_GET_NAME, (long)me->name, 0, 0, 0);
    __atomic_store_n(&me->parked, 1, __ATOMIC_RELEASE);
    __atomic_add_fetch(&arrivals, 1, __ATOMIC_RELEASE);
    raw(SYS_futex, (long)&arrivals, FUTEX_WAKE_PRIVATE, 1, 0, 0);
    while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == mine) raw(SYS_futex, (long)&gate, FUTEX_WAIT_PRIVATE, mine, 0, 0);
    return;
  }
}

static void send_signal(struct thread *thread) {
  struct sigevent event = {.sigev_signo = PARK_SIGNAL, .sigev_notify = SIGEV_THREAD_ID};
  event._sigev_un._tid = thread->tid;
  struct itimerspec at_once = {.it_value = {0, 1}};
  if (raw(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&thread->timer, 0, 0) < 0) thread->timer = -1;
  else raw(SYS_timer_settime, thread->timer, 0, (long)&at_once, 0, 0);
}

static void take_in(int tid) {
  for (int i = 0; i < thread_count; i++) {
    if (threads[i].tid != tid) continue;
    threads[i].seen = 1;
    return;
  }
  struct thread *made = &threads[thread_count];
  made->tid = tid;
  made->seen = 1;
  made->parked = 0;
  made->tid_address = NULL;
  made->robust = NULL;
  __atomic_add_fetch(&thread_count, 1, __ATOMIC_RELEASE);
  send_signal(made);
}

/* Looks which threads there are, signals those that are new, and forgets those that ended. 0: too many, or they cannot be seen. */
static int look(int tasks, int self) {
  char entries[4096];
  for (int i = 0; i < thread_count; i++) threads[i].seen = 0;
  if (raw(SYS_lseek, tasks, 0, SEEK_SET, 0, 0) < 0) return 0;
  for (long length; (length = raw(SYS_getdents64, tasks, (long)entries, sizeof entries, 0, 0)) != 0;) {
    if (length < 0) return 0;
    for (long at = 0; at < length; at += *(unsigned short *)(entries + at + 16)) {
      int tid = 0;
      for (const char *digit = entries + at + 19; *digit >= '0' && *digit <= '9'; digit++) tid = tid * 10 + *digit - '0';
      if (tid == 0 || tid == self) continue;
      if (thread_count == MAX_THREADS) return 0;
      take_in(tid);
    }
  }
  for (int i = 0; i < thread_count; i++)
    if (!threads[i].seen) threads[i].tid = 0;
  return 1;
}

static int all_parked(void) {
  for (int i = 0; i < thread_count; i++)
    if (threads[i].tid != 0 && !__atomic_load_n(&threads[i].parked, __ATOMIC_ACQUIRE)) return 0;
  return 1;
}

/* Until a look that began when all known ones waited, and that could therefore start no other, finds no more. */
static int gather(int tasks, int self) {
  struct timespec pause = {0, ROUND_NS};
  for (int round = 0; round < ROUNDS; round++) {
    int before = thread_count, waited = all_parked();
    int arrived = __atomic_load_n(&arrivals, __ATOMIC_ACQUIRE);
    if (!look(tasks, self)) return 0;
    if (waited && before == thread_count) return 1;
    if (!all_parked()) raw(SYS_futex, (long)&arrivals, FUTEX_WAIT_PRIVATE, arrived, (long)&pause, 0);
  }
  return 0;
}

int park_others(void) {
  struct kernel_sigaction action = {park, SA_SIGINFO | SA_RESTART | SA_KERNEL_RESTORER, end_of_handler, ~0ULL};
  if (raw(SYS_rt_sigaction, PARK_SIGNAL, (long)&action, 0, sizeof action.mask, 0) < 0) return 0;
  int tasks = (int)raw(SYS_openat, AT_FDCWD, (long)"/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
  if (tasks < 0) return 0;
  thread_count = 0;
  __atomic_add_fetch(&gate, 1, __ATOMIC_RELEASE);
  int done = gather(tasks, (int)raw(SYS_gettid, 0, 0, 0, 0, 0));
  close(tasks);
  for (int i = 0; i < thread_count; i++) {
    if (threads[i].timer >= 0) raw(SYS_timer_delete, threads[i].timer, 0, 0, 0, 0);
    if (threads[i].tid != 0 && (!threads[i].tid_address || !threads[i].robust)) done = 0;
  }
  if (!done) release_others();
  return done;
}

void release_others(void) {
  __atomic_add_fetch(&gate, 1, __ATOMIC_RELEASE);
  raw(SYS_futex, (long)&gate, FUTEX_WAKE_PRIVATE, INT32_MAX, 0, 0);
}
