#include "forker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptors.h"
#include "fork.h"
#include "raw.h"
#include "threads.h"

enum { REQUEST_S = 2, GO_S = 10, RETIRED_MS = 500 };

int is_copy;
static int retired;
static int own_tid; /* kept by the kernel */

static void say(int connection, char word, const char *text, int number) {
  char line[128];
  int length = 1;
  line[0] = word;
  while (text && *text && length < 100) line[length++] = *text++;
  if (text && number >= 0) {
    char digits[12];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0) line[length++] = digits[--count];
  }
  send(connection, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void wait_at_most(int connection, int seconds) {
  struct timeval most = {.tv_sec = seconds};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
}

/* A request with all that belongs to it, or 0. */
static int take_request(int connection, int *given) {
  char word = 0;
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int) * GIVEN_COUNT)];
  } control;
  struct iovec data = {&word, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  wait_at_most(connection, REQUEST_S);
  if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC) != 1) return 0;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return 0;
  int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  memcpy(given, CMSG_DATA(header), sizeof(int) * (size_t)count);
  if (count == GIVEN_COUNT && word == SAY_FORK) return 1;
  for (int i = 0; i < count; i++) close(given[i]);
  return 0;
}

/* In the copy, which nobody has heard of yet and whose guest stands still. */
static void begin_as_copy(int connection, const int *given) {
  int which;
  char word = 0;
  release_others(); /* none of whom are here: the next time begins from an open gate */
  if (!renew_descriptors(given, connection, &which)) {
    say(connection, SAY_REFUSED, "descriptor ", which);
    raw(SYS_exit_group, 1, 0, 0, 0, 0);
  }
  is_copy = 1;
  say(KEEPER_FD, SAY_HERE, NULL, 0);
  wait_at_most(KEEPER_FD, GO_S);
  if (recv(KEEPER_FD, &word, 1, 0) != 1 || word != SAY_GO || !revive_others()) raw(SYS_exit_group, 1, 0, 0, 0, 0);
}

static void serve(int connection) {
  int given[GIVEN_COUNT], *tid_address = &own_tid;
  if (!take_request(connection, given)) {
    close(connection);
    return;
  }
  prctl(PR_GET_TID_ADDRESS, &tid_address);
  long pid = -EAGAIN;
  if (park_others()) {
    /* Not the C library's fork: it takes locks, which others hold. */
    pid = raw(SYS_clone, COPY_FLAGS, 0, 0, (long)tid_address, 0);
    if (pid == 0) {
      begin_as_copy(connection, given);
      return;
    }
    release_others();
  }
  if (pid < 0) say(connection, SAY_REFUSED, "clone ", (int)-pid);
  for (int i = 0; i < GIVEN_COUNT; i++) close(given[i]);
  close(connection);
}

/* Nobody keeps it any more. The first process of a namespace stays for the copies in it; it stands still. */
static void end_when_alone(void) {
  siginfo_t child;
  if (getpid() != 1 || (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)) raw(SYS_exit_group, 0, 0, 0, 0, 0);
}

void *forker(void *unused) {
  for (;;) {
    struct pollfd polled[2] = {{.fd = KEEPER_FD, .events = POLLIN}, {.fd = CONTROL_FD, .events = POLLIN}};
    if (retired) end_when_alone();
    if (poll(retired ? NULL : polled, retired ? 0 : 2, retired ? RETIRED_MS : -1) < 0) continue;
    if (retired) continue;
    if (polled[0].revents) retired = 1;
    else if (polled[1].revents) {
      int connection = accept4(CONTROL_FD, NULL, NULL, SOCK_CLOEXEC);
      if (connection >= 0) serve(connection);
    }
  }
  return unused;
}
