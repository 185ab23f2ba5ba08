/*
 * fork: loaded into a QEMU that is to be copied as a process, with its guest's memory and all code that it has translated.
 *
 * A thread of ours waits on a socket that QEMU inherits. When a request comes, the guest stands still (the host told QEMU over QMP):
 * every other thread is stopped where it is (park.c), the process is cloned, and goes on. In the copy the descriptors
 * that it must not share are replaced (descriptors.c), the threads are made anew (revive.c), and to QEMU nothing has happened but
 * that its connections ended. The copy waits for requests in turn. Whoever asked holds the other end of its connection:
 * when that closes, the copy ends.
 *
 * What a guest that took QEMU over could do with this is fenced in by filter.c; docs/decisions/0022-machines-forked-as-processes.md says what that leaves.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "descriptors.h"
#include "filter.h"
#include "fork.h"
#include "forker.h"

/* QEMU keeps its guest's memory from copies of its process. */
__attribute__((visibility("default"))) int madvise(void *start, size_t length, int advice) {
  return advice == MADV_DONTFORK ? 0 : (int)syscall(SYS_madvise, start, length, advice);
}

static void tell_end(int code, void *unused) {
  char words[2] = {SAY_EXIT, (char)code};
  (void)unused;
  if (is_copy) send(KEEPER_FD, words, sizeof words, MSG_NOSIGNAL | MSG_DONTWAIT);
}

__attribute__((constructor)) static void start(void) {
  sigset_t all, before;
  pthread_t thread;
  if (fcntl(CONTROL_FD, F_GETFD) < 0 || fcntl(KEEPER_FD, F_GETFD) < 0) return;
  know_disk();
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* copies have one uid, and must not look into each other */
  signal(SIGCHLD, SIG_IGN);           /* nobody waits for copies here */
  on_exit(tell_end, NULL);
  if (!install_filter()) abort();
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  if (pthread_create(&thread, NULL, forker, NULL) != 0) abort();
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}
