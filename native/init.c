/*
 * init: the first program of a microVM, from its initramfs. It makes the machine into what a sandbox is, and becomes the
 * guest agent (agent.c). Everything here happens before any user code exists; a failure ends the machine, which the host
 * sees, with one line on the console.
 *
 *   /init memory=BYTES pids=N tmp=BYTES shm=BYTES [network] [vsock=PORT]      (the kernel's words after `--`)
 *
 * The initramfs holds /agent, /filter (the seccomp filter of user code) and /modules. Disks are known by their serial:
 * `root` and `tools` are squashfs, `packages` too and may be absent, `workspace` is ext4. With `vsock` the agent listens on that port
 * instead of taking the line named `agent`, and disks are known by their order: under Firecracker, which gives them no serial of ours. The root is an overlay that is
 * read-only in the end; /etc says nothing of the image's users, and /dev holds only what is harmless.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { USER = 1000, WAIT_STEPS = 5000, STEP_NS = 1000000, PROXY_PORT = 3128, DNS_PORT = 53, BACKLOG = 128 };

static char arguments[64][24];
static char *agent_argv[80];
static int agent_argc;
static const char *vsock;

static _Noreturn void die(const char *what, const char *which) {
  dprintf(2, "init: %s %s: %s\n", what, which, strerror(errno));
  /* Firecracker ends when its machine is reset, and only then. */
  reboot(vsock ? RB_AUTOBOOT : RB_POWER_OFF);
  _exit(1);
}

static void pause_step(void) { nanosleep(&(struct timespec){0, STEP_NS}, NULL); }

static void make_dir(const char *path, mode_t mode) {
  if (mkdir(path, mode) < 0 && errno != EEXIST) die("mkdir", path);
}

static void mount_on(const char *source, const char *target, const char *type, unsigned long flags, const char *options) {
  make_dir(target, 0755);
  if (mount(source, target, type, flags, options) < 0) die("mount", target);
}

static void write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) die("write", path);
  close(fd);
}

/* In place of whatever the image has there. */
static void put_file(const char *path, const char *text) {
  unlink(path);
  write_text(path, text);
}

static void put_link(const char *target, const char *path) {
  unlink(path);
  if (symlink(target, path) < 0) die("symlink", path);
}

static int read_line(const char *path, char *to, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);
  if (fd >= 0) close(fd);
  if (n < 0) return 0;
  to[n] = 0;
  to[strcspn(to, "\n")] = 0;
  return 1;
}

/* ---- modules and devices ---- */

/* What the kernel has built in is not in /modules. */
static void load_modules(void) {
  static const char *const names[] = {"virtio_ring", "virtio", "virtio_mmio", "virtio_console", "virtio_blk", "squashfs", "overlay",
                                      "vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64];
    snprintf(path, sizeof path, "/modules/%s.ko", names[i]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST) die("module", names[i]);
    close(fd);
    unlink(path);
  }
}

/* Finds the entry of `folder` whose file `file` says `word`; its name goes to `found`. */
static int find_device(const char *folder, const char *file, const char *word, char found[64]) {
  DIR *d = opendir(folder);
  int hit = 0;
  for (struct dirent *e; d && !hit && (e = readdir(d));) {
    char path[400], text[64];
    snprintf(path, sizeof path, "%s/%s/%s", folder, e->d_name, file);
    hit = e->d_name[0] != '.' && read_line(path, text, sizeof text) && strcmp(text, word) == 0;
    if (hit) snprintf(found, 64, "/dev/%.50s", e->d_name);
  }
  if (d) closedir(d);
  return hit;
}

static int find_port(const char *name, char found[64]) {
  return find_device("/sys/class/virtio-ports", "name", name, found) && access(found, F_OK) == 0;
}

static int find_disk(const char *serial, char found[64]) {
  static const char *const order[] = {"root", "tools", "workspace", "packages"};
  if (!vsock) return find_device("/sys/block", "serial", serial, found) && access(found, F_OK) == 0;
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    if (strcmp(order[i], serial) == 0) snprintf(found, 64, "/dev/vd%c", 'a' + (int)i);
  return access(found, F_OK) == 0;
}

static void wait_for_device(int (*find)(const char *, char[64]), const char *name, char found[64]) {
  for (int i = 0; i < WAIT_STEPS; i++) {
    if (find(name, found)) return;
    pause_step();
  }
  errno = ENODEV;
  die("device", name);
}

static void mount_disk(const char *serial, const char *target, const char *type, unsigned long flags) {
  char device[64];
  wait_for_device(find_disk, serial, device);
  mount_on(device, target, type, flags, NULL);
}

/* ---- the root as user code sees it, at /new ---- */

static void make_node(const char *name, unsigned major_number, unsigned minor_number) {
  char path[64];
  snprintf(path, sizeof path, "/new/dev/%s", name);
  if (mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number)) < 0 || chmod(path, 0666) < 0) die("mknod", name);
}

static void make_dev(const char *shm_size) {
  char options[64];
  mount_on("dev", "/new/dev", "tmpfs", MS_NOSUID, "mode=755,size=64k");
  make_node("null", 1, 3);
  make_node("zero", 1, 5);
  make_node("full", 1, 7);
  make_node("random", 1, 8);
  make_node("urandom", 1, 9);
  make_node("tty", 5, 0);
  put_link("pts/ptmx", "/new/dev/ptmx");
  put_link("/proc/self/fd", "/new/dev/fd");
  put_link("fd/0", "/new/dev/stdin");
  put_link("fd/1", "/new/dev/stdout");
  put_link("fd/2", "/new/dev/stderr");
  mount_on("devpts", "/new/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=666,mode=620,newinstance");
  snprintf(options, sizeof options, "mode=1777,size=%s", shm_size);
  mount_on("shm", "/new/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options);
  if (mount(NULL, "/new/dev", NULL, MS_REMOUNT | MS_NOSUID | MS_RDONLY, NULL) < 0) die("mount", "/dev read-only");
}

/* What the host writes anew in each machine lies in /run: see on_renew in agent.c. */
static void make_etc(int network) {
  make_dir("/new/etc", 0755);
  put_file("/new/etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\nglovebox:x:1000:1000:glovebox:/workspace:/bin/bash\n"
                              "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
  put_file("/new/etc/group", "root:x:0:\nglovebox:x:1000:\nnogroup:x:65534:\n");
  put_file("/new/etc/nsswitch.conf", network ? "passwd: files\ngroup: files\nhosts: files dns\n" : "passwd: files\ngroup: files\nhosts: files\n");
  if (network) put_file("/new/etc/resolv.conf", "nameserver 127.0.0.1\n");
  else unlink("/new/etc/resolv.conf");
  unlink("/new/etc/shadow");
  unlink("/new/etc/shadow-");
  unlink("/new/etc/gshadow");
  unlink("/new/etc/machine-id");
  put_link("/run/glovebox/hosts", "/new/etc/hosts");
  put_link("/run/glovebox/hostname", "/new/etc/hostname");
  make_dir("/new/run/glovebox", 0755);
  write_text("/new/run/glovebox/hosts", "127.0.0.1 localhost glovebox\n::1 localhost glovebox\n");
  write_text("/new/run/glovebox/hostname", "glovebox\n");
  write_text("/new/run/glovebox/boot_id", "00000000-0000-4000-8000-000000000000\n");
}

/* The host writes the bundle of `TRUST` in core/egress.ts when a sandbox starts; programs look for it in the system's place. */
static void make_trust(void) {
  if (access("/new/etc/ssl/certs/ca-certificates.crt", F_OK) != 0) return;
  if (rename("/new/etc/ssl/certs/ca-certificates.crt", "/new/etc/ssl/certs/system.crt") < 0) die("rename", "ca-certificates.crt");
  put_link("/glovebox/ca-bundle.pem", "/new/etc/ssl/certs/ca-certificates.crt");
}

static void bind_on(const char *source, const char *target) {
  make_dir(target, 0755);
  if (mount(source, target, NULL, MS_BIND, NULL) < 0) die("bind", target);
}

static void make_root(const char *tmp_size, const char *shm_size, int network) {
  char options[64], device[64];
  mount_disk("root", "/image", "squashfs", MS_RDONLY | MS_NODEV);
  mount_disk("tools", "/tools", "squashfs", MS_RDONLY | MS_NODEV | MS_NOSUID);
  mount_on("upper", "/upper", "tmpfs", 0, "mode=755,size=4m");
  make_dir("/upper/files", 0755);
  make_dir("/upper/work", 0755);
  make_dir("/upper/files/etc", 0755);
  /* Overlayfs takes this device for a file that was removed: there is nobody to trust without a network. */
  if (!network && mknod("/upper/files/etc/ssl", S_IFCHR, makedev(0, 0)) < 0) die("mknod", "/etc/ssl");
  mount_on("root", "/new", "overlay", MS_NODEV, "lowerdir=/image,upperdir=/upper/files,workdir=/upper/work");
  /* What the host adds when a sandbox starts is written here by the agent; to user code it is read-only. */
  mount_on("glovebox", "/new/glovebox", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=2m");
  bind_on("/tools/kernels", "/new/glovebox/kernels");
  bind_on("/tools/bin", "/new/glovebox/bin");
  make_dir("/new/glovebox/packages", 0755);
  if (find_disk("packages", device))
    mount_disk("packages", "/new/glovebox/packages", "squashfs", MS_RDONLY | MS_NODEV | MS_NOSUID);
  if (access("/new/node_modules", F_OK) != 0) put_link("/glovebox/packages/node/node_modules", "/new/node_modules");
  make_dir("/new/var", 0755);
  rmdir("/new/var/tmp");
  if (access("/new/var/tmp", F_OK) != 0) put_link("/tmp", "/new/var/tmp");
  mount_on("run", "/new/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=8m");
  make_etc(network);
  if (network) make_trust();
  make_dev(shm_size);
  snprintf(options, sizeof options, "mode=1777,size=%s", tmp_size);
  mount_on("tmp", "/new/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options);
  mount_disk("workspace", "/new/workspace", "ext4", MS_NOSUID | MS_NODEV);
  if (chown("/new/workspace", USER, USER) < 0 || chmod("/new/workspace", 0755) < 0) die("chown", "/workspace");
  rmdir("/new/workspace/lost+found");
  /* The agent, as root, sees all; user code its own processes. */
  mount_on("proc", "/new/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2");
  if (mount("/new/run/glovebox/boot_id", "/new/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL) < 0) die("bind", "boot_id");
  if (mount(NULL, "/new", NULL, MS_REMOUNT | MS_RDONLY | MS_NODEV, NULL) < 0) die("mount", "/ read-only");
}

/* ---- the network: as in supervisor.c, every address is delivered locally, to the sockets made here ---- */

static unsigned loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0) die("network", "lo");
  request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
  if (ioctl(fd, SIOCSIFFLAGS, &request) < 0 || ioctl(fd, SIOCGIFINDEX, &request) < 0) die("network", "lo");
  close(fd);
  return (unsigned)request.ifr_ifindex;
}

static int route_all_locally(unsigned char family, unsigned device) {
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
  return got >= (ssize_t)(sizeof answer.header + sizeof answer.error) && answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == 0;
}

static void add_argument(const char *option, const char *value) {
  agent_argv[agent_argc++] = (char *)option;
  agent_argv[agent_argc++] = (char *)value;
}

static void add_number(const char *option, long value) {
  static int used;
  snprintf(arguments[used], sizeof arguments[used], "%ld", value);
  add_argument(option, arguments[used++]);
}

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

static void make_network(int network) {
  unsigned device = loopback_up();
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

/* ---- limits of all user code together ---- */

static void make_cgroup(const char *memory, const char *pids) {
  mount_on("cgroup2", "/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  write_text("/cgroup/cgroup.subtree_control", "+memory +pids");
  make_dir("/cgroup/user", 0755);
  write_text("/cgroup/user/memory.max", memory);
  write_text("/cgroup/user/pids.max", pids);
  int fd = open("/cgroup/user", O_PATH | O_DIRECTORY);
  if (fd < 0) die("open", "cgroup");
  add_number("--cgroup-fd", fd);
}

static const char *option(char **argv, const char *name, const char *otherwise) {
  size_t n = strlen(name);
  for (char **at = argv + 1; *at; at++)
    if (strncmp(*at, name, n) == 0 && ((*at)[n] == '=' || !(*at)[n])) return *at + n + ((*at)[n] == '=');
  return otherwise;
}

static int keep_open(const char *path, int flags) {
  int fd = open(path, flags);
  if (fd < 0) die("open", path);
  return fd;
}

/* The host is who connects: user code may make no such socket, and the machine reaches no other by them. */
static int listen_to_host(const char *port) {
  struct sockaddr_vm own = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = (unsigned)strtoul(port, NULL, 10)};
  int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) < 0 || listen(fd, BACKLOG) < 0) die("listen", "vsock");
  return fd;
}

int main(int argc, char **argv) {
  (void)argc;
  char port[64];
  vsock = option(argv, "vsock", NULL);
  umask(022);
  mount_on("proc", "/proc", "proc", 0, NULL);
  mount_on("sys", "/sys", "sysfs", 0, NULL);
  mount_on("dev", "/dev", "devtmpfs", 0, NULL);
  int console = open("/dev/console", O_RDWR | O_CLOEXEC);
  if (console >= 0 && console != 2) dup2(console, 2);
  load_modules();
  int network = option(argv, "network", NULL) != NULL;
  const char *pids = option(argv, "pids", "256");
  add_argument("agent", NULL);
  agent_argc--;
  make_root(option(argv, "tmp", "64m"), option(argv, "shm", "32m"), network);
  make_cgroup(option(argv, "memory", "max"), pids);
  make_network(network);
  if (sethostname("glovebox", 8) < 0) die("sethostname", "");
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){1 << 16, 1 << 16});
  if (vsock) {
    add_number("--listen-fd", listen_to_host(vsock));
  } else {
    wait_for_device(find_port, "agent", port);
    add_number("--serial-fd", keep_open(port, O_RDWR | O_NONBLOCK));
  }
  add_number("--seccomp-fd", keep_open("/filter", O_RDONLY));
  add_number("--user", USER);
  add_argument("--workspace", "/workspace");
  add_argument("--renew-dir", "/run/glovebox");
  int agent = keep_open("/agent", O_RDONLY | O_CLOEXEC);
  if (chdir("/new") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0) die("switch", "root");
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 2 && null >= 0; fd++) dup2(null, fd);
  if (null > 2) close(null);
  char *none[] = {NULL};
  syscall(SYS_execveat, agent, "", agent_argv, none, AT_EMPTY_PATH);
  die("exec", "agent");
}
