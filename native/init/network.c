#include "network.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../shared/local-network.h"
#include "arguments.h"
#include "files.h"

enum { PROXY_PORT = 3128, DNS_PORT = 53, BACKLOG = 128 };

/* `six`: of all IPv6 addresses, else of all IPv4 ones. Without IPv6 in the kernel there is none, and nobody who could want it. */
static void open_door(const char *option, int six, int type, uint32_t address, int port) {
  int one = 1, fd = socket(six ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, 0);
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(address)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
  if (fd < 0 && six) return;
  if (fd < 0) die("socket", option);
  if (six) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  const struct sockaddr *to = six ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
  if (bind(fd, to, six ? sizeof v6 : sizeof v4) < 0) die("bind", option);
  if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0) die("listen", option);
  add_number(option, fd);
}

void make_network(int network) {
  unsigned device = loopback_up();
  if (!device) die("network", "lo");
  if (!network) return;
  if (!route_all_locally(AF_INET, device)) die("network", "route");
  route_all_locally(AF_INET6, device);
  for (int six = 0; six < 2; six++) {
    open_door("--proxy-fd", six, SOCK_STREAM, INADDR_ANY, PROXY_PORT);
    open_door("--redirect-fd", six, SOCK_STREAM, INADDR_ANY, 80);
    open_door("--redirect-fd", six, SOCK_STREAM, INADDR_ANY, 443);
  }
  open_door("--names-fd", 0, SOCK_DGRAM, INADDR_LOOPBACK, DNS_PORT);
}

int listen_to_host(const char *port) {
  struct sockaddr_vm own = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = (unsigned)strtoul(port, NULL, 10)};
  int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) < 0 || listen(fd, BACKLOG) < 0) die("listen", "vsock");
  return fd;
}
