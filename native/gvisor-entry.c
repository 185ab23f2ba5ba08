/*
 * gvisor-entry: the first program in a gVisor sandbox; it becomes the agent.
 *
 * What the supervisor does from outside for other sandboxes is done here, because this sandbox's kernel is its own: it removes
 * the device nodes that nobody needs; writes the files that tell the sandbox's name, which the agent renews in a copy of it; with a
 * network it makes every IPv4 address one of the loopback's own, so that who connects anywhere comes to our sockets, and makes those
 * sockets; it gives up the rights for that, and executes the agent. The agent stays root of the sandbox (which is nobody on the
 * host), because gVisor protects a process from another of its own user in nothing.
 *
 *   gvisor-entry NAMES [FD TYPE ADDRESS PORT]... -- agent WORD...
 *
 * NAMES is a folder in memory, to which `/etc/hosts` and `/etc/hostname` lead.
 *
 * TYPE is tcp (listening) or udp. Sockets of a family that there is not are left out. None at all: no network.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const NODES[] = {"/dev/fuse", "/dev/net/tun"};

enum { BACKLOG = 128, LAST_CAPABILITY = 63 };

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "gvisor-entry: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_file(const char *folder, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) fail(path);
    close(fd);
}

/* As the agent's on_renew does for a copy: what programs find of the host name that runsc gave. */
static void write_names(const char *folder) {
    char name[HOST_NAME_MAX + 1] = "", text[2 * sizeof name + 64];
    if (gethostname(name, sizeof name - 1) < 0) fail("gethostname");
    snprintf(text, sizeof text, "127.0.0.1 localhost %s\n::1 localhost %s\n", name, name);
    write_file(folder, "hosts", text);
    snprintf(text, sizeof text, "%s\n", name);
    write_file(folder, "hostname", text);
}

/* Gives the loopback an address with a prefix. gVisor's loopback answers for the whole of it, as Linux's does. */
static void add_address(int family, const char *text, unsigned char prefix) {
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg address;
        struct rtattr attribute;
        unsigned char bytes[16];
    } ask = {.header = {.nlmsg_type = RTM_NEWADDR, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE}};
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[512];
    } answer;
    unsigned short size = family == AF_INET ? 4 : 16;
    ask.header.nlmsg_len = (unsigned)(sizeof ask.header + sizeof ask.address + sizeof ask.attribute + size);
    ask.address = (struct ifaddrmsg){.ifa_family = (unsigned char)family, .ifa_prefixlen = prefix, .ifa_index = if_nametoindex("lo")};
    ask.attribute = (struct rtattr){(unsigned short)(sizeof ask.attribute + size), IFA_LOCAL};
    if (inet_pton(family, text, ask.bytes) != 1) fail(text);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || send(fd, &ask, ask.header.nlmsg_len, 0) < 0) fail("netlink");
    ssize_t got = recv(fd, &answer, sizeof answer, 0);
    close(fd);
    if (got < (ssize_t)(sizeof answer.header + sizeof answer.error) || answer.header.nlmsg_type != NLMSG_ERROR) fail("netlink");
    errno = -answer.error.error;
    if (errno) fail(text);
}

static void open_socket(char **fields) {
    int wanted = atoi(fields[0]), stream = strcmp(fields[1], "tcp") == 0, one = 1;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(fields[3]))};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
    int six = inet_pton(AF_INET6, fields[2], &v6.sin6_addr) == 1;
    errno = EINVAL;
    if (!six && inet_pton(AF_INET, fields[2], &v4.sin_addr) != 1) fail(fields[2]);
    int fd = socket(six ? AF_INET6 : AF_INET, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
    if (fd < 0 && six && errno == EAFNOSUPPORT) return;
    if (fd < 0) fail(fields[2]);
    if (six) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    const struct sockaddr *address = six ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    if (bind(fd, address, six ? sizeof v6 : sizeof v4) < 0) fail(fields[2]);
    if (stream && listen(fd, BACKLOG) < 0) fail(fields[2]);
    if (fd == wanted) return;
    if (dup2(fd, wanted) < 0) fail("descriptors");
    close(fd);
}

/* What the agent keeps: starting code as its user, ending it, looking at its processes and its disk, and (CAP_SYS_ADMIN) sethostname. */
static const int KEPT[] = {CAP_KILL, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN};

static void drop_rights(void) {
    for (int capability = 0; capability <= LAST_CAPABILITY; capability++) {
        int kept = 0;
        for (unsigned i = 0; i < sizeof KEPT / sizeof *KEPT; i++) kept |= KEPT[i] == capability;
        if (!kept) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
}

int main(int argc, char **argv) {
    char **at = argv + 1;
    errno = EINVAL;
    if (argc < 4) fail("usage");
    write_names(*at++);
    for (unsigned i = 0; i < sizeof NODES / sizeof *NODES; i++)
        if (unlink(NODES[i]) < 0 && errno != ENOENT) fail(NODES[i]);
    if (strcmp(*at, "--")) {
        /* Two halves: a prefix of no bits is none for many. */
        add_address(AF_INET, "127.0.0.2", 1);
        add_address(AF_INET, "198.18.0.1", 1);
    }
    for (; *at && strcmp(*at, "--"); at += 4) {
        errno = EINVAL;
        if (!at[1] || !at[2] || !at[3]) fail("usage");
        open_socket(at);
    }
    if (!*at || !at[1]) fail("usage");
    drop_rights();
    execv(at[1], at + 1);
    fail(at[1]);
}
