/*
 * tsc-khz: prints the rate of this machine's time stamp counter. A guest under software emulation sees that counter, and
 * cannot calibrate it: told by `tsc_early_khz=` it does not try.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

enum { ROUNDS = 3, WAIT_NS = 20000000 };

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(void) {
  uint64_t best = 0;
  int64_t least = INT64_MAX;
  for (int i = 0; i < ROUNDS; i++) {
    int64_t from_ns = now_ns();
    uint64_t from = __rdtsc();
    nanosleep(&(struct timespec){0, WAIT_NS}, NULL);
    int64_t spent_ns = now_ns() - from_ns;
    uint64_t ticks = __rdtsc() - from;
    /* The shortest sleep was disturbed least. */
    if (spent_ns < least) {
      least = spent_ns;
      best = ticks * 1000000 / (uint64_t)spent_ns;
    }
  }
  printf("%llu\n", (unsigned long long)best);
  return best == 0;
}
