#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cgroups.h"
#include "disk.h"
#include "report.h"
#include "run.h"
#include "stage.h"

/* As native/fork/fork.h has it. */
enum { SAY_FORK = 'F', SAY_HERE = 'H', SAY_GO = 'G', MAX_GIVEN = 8, ANSWER_S = 10 };

/* By its folder: a path of the host's may be longer than a socket's name. */
static int connect_in(const char *folder) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "fork.sock"};
  struct timeval most = {.tv_sec = ANSWER_S};
  int on = 1, here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || here < 0 || chdir(folder) < 0) fail("copy", folder);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on); /* the kernel says who speaks, in our numbers */
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("copy", "connect");
  if (fchdir(here) < 0) fail("copy", "folder");
  close(here);
  return fd;
}

static void ask(int connection, const int *given, int count) {
  char word = SAY_FORK;
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int) * MAX_GIVEN)];
  } control = {.room = {0}};
  struct iovec data = {&word, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
  memcpy(CMSG_DATA(header), given, sizeof(int) * (size_t)count);
  if (sendmsg(connection, &message, MSG_NOSIGNAL) != 1) fail("copy", "request");
}

/* Returns the pid of who answered that it is there. */
static pid_t answered(int connection) {
  char words[128];
  struct ucred who = {0};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof who)];
  } control;
  struct iovec data = {words, sizeof words - 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (length <= 0) fail("copy", "answer");
  words[length] = 0;
  errno = ECANCELED;
  if (words[0] != SAY_HERE) fail("copy", words + 1);
  for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at))
    if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_CREDENTIALS) memcpy(&who, CMSG_DATA(at), sizeof who);
  if (who.pid <= 1) fail("copy", "who");
  return who.pid;
}

pid_t start_copy(const struct go *go, struct copy *copy) {
  char folder[4096 + sizeof OLD_ROOT], source[4096 + sizeof OLD_ROOT], word = SAY_GO;
  int given[MAX_GIVEN], count = 0;
  snprintf(folder, sizeof folder, "%s%s", staged ? OLD_ROOT : "", go->copy[0]);
  snprintf(source, sizeof source, "%s%s", staged ? OLD_ROOT : "", go->copy[1]);
  for (int i = 0; i < run.listen_count; i++) given[count++] = run.listen_fds[i];
  int disk = copy_disk(source, run.folder_fd, "workspace");
  if (go->uid >= 0 && fchown(disk, (uid_t)go->uid, (gid_t)go->gid) < 0) fail("copy", "owner");
  given[count++] = disk;
  given[count++] = run.log_fd;
  copy->connection = connect_in(folder);
  ask(copy->connection, given, count);
  close(disk);
  pid_t pid = answered(copy->connection);
  copy->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (copy->pidfd < 0) fail("copy", "pidfd");
  bring_into_cgroups(pid);
  if (send(copy->connection, &word, 1, MSG_NOSIGNAL) != 1) fail("copy", "go");
  return pid;
}
