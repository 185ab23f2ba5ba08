/* Every other thread of this process: stopped for a fork (park.c), and made anew in the copy, which has none of them (revive.c). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#pragma GCC visibility push(hidden) /* none of it may stand in for something of QEMU's */

enum { MAX_THREADS = 128, REVIVAL_STACK = 4096 };

/* What a thread was when it stopped; 0 as its `tid`: it ended meanwhile. */
struct thread {
  int tid, seen, timer;
  int parked; /* written last, by the thread itself */
  ucontext_t *context;
  uintptr_t pointer; /* to what the C library keeps of it */
  int *tid_address;  /* where the C library and the kernel keep its number */
  void *robust;
  size_t robust_length;
  char name[16];
  _Alignas(16) char stack[REVIVAL_STACK]; /* to come alive on */
};
extern struct thread threads[MAX_THREADS];
extern int thread_count;

/* Has all others wait where they are, within a second. 0: one did not, or cannot be made anew, and none waits any more. */
int park_others(void);

/* Lets them go on. */
void release_others(void);

/* In the copy: makes them anew, each to go on from where it waits in the original. 0: one could not be made. */
int revive_others(void);

#pragma GCC visibility pop
