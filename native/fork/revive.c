#include <linux/prctl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/rseq.h>

#include "raw.h"
#include "threads.h"

enum { RSEQ_BYTES = 32, MAKE_THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID };

/* Where in a thread's record the C library has what it shares with the kernel about which processor it is on. Absent before 2.35. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));

static int alive;

static void share_processor(struct thread *me) {
  if (!&__rseq_offset) return;
  struct rseq *area = (struct rseq *)(me->pointer + (uintptr_t)__rseq_offset);
  area->cpu_id = (uint32_t)RSEQ_CPU_ID_UNINITIALIZED; /* which stays when the kernel refuses: the library asks it each time then */
  raw(SYS_rseq, (long)area, RSEQ_BYTES, 0, RSEQ_SIG, 0);
}

/* The first that a new thread does. It returns from the signal that the one it stands for was stopped by. */
__attribute__((used, noreturn)) static void come_alive(struct thread *me) {
  raw(SYS_set_robust_list, (long)me->robust, (long)me->robust_length, 0, 0, 0);
  raw(SYS_prctl, PR_SET_NAME, (long)me->name, 0, 0, 0);
  share_processor(me);
  /* Told before the signal's end (rt_sigreturn) lets others in, and after the last look at `me`. */
  __asm__ volatile("mov %0, %%rsp\n  lock incl %1\n  mov $15, %%eax\n  syscall\n  hlt" : : "r"(me->context), "m"(alive) : "memory");
  __builtin_unreachable();
}

static long make_thread(struct thread *one) {
  register long r10 __asm__("r10") = (long)one->tid_address;
  register long r8 __asm__("r8") = (long)one->pointer;
  long result;
  __asm__ volatile(
      "syscall\n"
      "  test %%rax, %%rax\n"
      "  jnz 1f\n"
      "  xor %%ebp, %%ebp\n"
      "  mov %[one], %%rdi\n"
      "  call %P[come_alive]\n"
      "1:\n"
      : "=a"(result)
      : "a"(SYS_clone), "D"(MAKE_THREAD), "S"(one->stack + REVIVAL_STACK), "d"(one->tid_address), "r"(r10), "r"(r8), [one] "b"(one),
        [come_alive] "i"(come_alive)
      : "rcx", "r11", "memory");
  return result;
}

int revive_others(void) {
  int made = 0;
  alive = 0;
  for (int i = 0; i < thread_count; i++) {
    if (threads[i].tid == 0) continue;
    if (make_thread(&threads[i]) < 0) return 0;
    made++;
  }
  while (__atomic_load_n(&alive, __ATOMIC_ACQUIRE) < made) raw(SYS_sched_yield, 0, 0, 0, 0, 0);
  return 1;
}
