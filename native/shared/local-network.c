#include "local-network.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

unsigned loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0) return 0;
  request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
  if (ioctl(fd, SIOCSIFFLAGS, &request) < 0 || ioctl(fd, SIOCGIFINDEX, &request) < 0) return 0;
  close(fd);
  return (unsigned)request.ifr_ifindex;
}

int route_all_locally(unsigned char family, unsigned device) {
  struct {
    struct nlmsghdr header;
    struct rtmsg route;
    struct rtattr attribute;
    unsigned device;
  } ask = {
    .header = {sizeof ask, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, 1, 0},
    .route = {.rtm_family = family, .rtm_table = RT_TABLE_LOCAL, .rtm_protocol = RTPROT_STATIC,
              .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL},
    .attribute = {sizeof ask.attribute + sizeof ask.device, RTA_OIF},
    .device = device,
  };
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[512];
  } answer;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  ssize_t got = -1;
  if (fd >= 0 && send(fd, &ask, sizeof ask, 0) == (ssize_t)sizeof ask) got = recv(fd, &answer, sizeof answer, 0);
  if (fd >= 0) close(fd);
  if (got < (ssize_t)(sizeof answer.header + sizeof answer.error) || answer.header.nlmsg_type != NLMSG_ERROR) return 0;
  errno = -answer.error.error;
  return answer.error.error == 0;
}
