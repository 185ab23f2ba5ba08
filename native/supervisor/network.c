#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "../shared/local-network.h"
#include "../shared/write-proc.h"
#include "prepare.h"
#include "report.h"

enum { BACKLOG = 1024 };   /* what finds no place is dropped, and sent again after seconds */

/*
 * Makes one that we may configure. Root's belongs to the host's user namespace, so that nobody in the sandbox has any
 * right over it; an ordinary user needs a user namespace around it, above that of the sandbox, to the same effect.
 */
static void unshare_network(void) {
  char map[64];
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (uid == 0) {
    if (unshare(CLONE_NEWNET) < 0) fail("unshare", "network namespace");
    return;
  }
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) fail("unshare", "user and network namespace");
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else the maps are root's to write; become_session takes it back */
  write_proc("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "%u %u 1", uid, uid);
  write_proc("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "%u %u 1", gid, gid);
  write_proc("/proc/self/gid_map", map);
  if (geteuid() != uid || getegid() != gid) {
    errno = EPERM;
    fail("unshare", "uid_map");
  }
}

void drop_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  if (syscall(SYS_capset, &header, none) < 0) fail("capset", "");
}

/* One of the sockets of `go`. Where the kernel has no IPv6 there is no such socket, and nobody who could want it. */
static void open_socket(char **fields) {
  int stream = strcmp(fields[1], "tcp") == 0, one = 1;
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(fields[3]))};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
  int six = inet_pton(AF_INET6, fields[2], &v6.sin6_addr) == 1;
  errno = EINVAL;
  if (!six && inet_pton(AF_INET, fields[2], &v4.sin_addr) != 1) fail("socket", fields[2]);
  int type = (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  int fd = socket(six ? AF_INET6 : AF_INET, type, 0);
  if (fd < 0 && six && errno == EAFNOSUPPORT) return;
  if (fd < 0) fail("socket", fields[2]);
  if (six) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  const struct sockaddr *address = six ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
  if (bind(fd, address, six ? sizeof v6 : sizeof v4) < 0) fail("bind", fields[2]);
  if (stream && listen(fd, BACKLOG) < 0) fail("listen", fields[2]);
  place(fd, atoi(fields[0]), fields[2]);
}

void make_network(const struct go *go) {
  unshare_network();
  unsigned device = loopback_up();
  if (!device) fail("network", "lo");
  if (!route_all_locally(AF_INET, device)) fail("network", "route");
  route_all_locally(AF_INET6, device); /* without: IPv6 addresses are unreachable, which is safe */
  for (int i = 0; i < go->socket_count; i++) open_socket(go->sockets + 4 * i);
}
