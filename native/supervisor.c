/*
 * supervisor: one per process sandbox, on the host's side.
 *
 * Node cannot join cgroups, arrange mounts, drop to a uid and pass descriptors in one exec; and when the server dies,
 * somebody must go on reaping and remember how the sandbox ended. Life:
 *
 *   1. prepare   (command line): socket, status file, descriptors, cgroups, a root of its own. Says "ready".
 *   2. wait      for a `go` on the configuration socket. Its end-of-file here means: clean up and leave.
 *   3. go        mounts, uid, fork, exec of the driver's process. Says "started".
 *   4. watch     until the process ends, or somebody says kill. The server may die meanwhile.
 *   5. remember  kill what is left, write the end into the status file, sync it, tell the server if it still listens.
 *
 * It never reads a byte that sandboxed code wrote.
 *
 *   supervisor --config-fd N [--socket NAME FD]... [--status NAME] [--log NAME] [--open FD PATH]
 *              [--cgroup DIR ORIGIN] [--follow heir] [--stage DIR] [--bind SRC DST] [--link TARGET DST] [--dir DST]
 *
 * NAMEs are in the current folder (the run folder). With `--follow heir` a process that ends well and leaves a child behind is not the end: that
 * child is watched in its place (Firecracker's jailer starts the machine in a pid namespace, and leaves). `--stage` makes an empty root over DIR in a mount namespace of its
 * own; binds, links and dirs that follow are made in it. The driver's process then needs no way through the folders of
 * the server, and sees nothing else of the host.
 *
 * go:       u32 length, then NUL-terminated fields: uid gid (-1: stay) cpus ("": leave, or "0,3") outlive (0|1), count and
 *           SRC DST of binds, count and FDs to inherit, count and argv, count and env, count and FD TYPE ADDRESS PORT of
 *           sockets (TYPE tcp: listening, or udp). With sockets, all that is started has a network namespace of its own,
 *           made here, in which every address is delivered locally, and in which nothing but these sockets answers.
 * commands: one byte `K`: kill.
 * says:     lines `ready`, `started PID`, `exit CODE`, `signal NUMBER`, `error TEXT`.
 * status:   `supervisor PID STARTTIME`, `started PID UNIXMS`, and at the end `exit CODE UNIXMS` or `signal NUMBER UNIXMS`.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <arpa/inet.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CGROUPS = 8, MAX_FDS = 16, MAX_GO = 1 << 20, MAX_FIELDS = 8192, KILL_ROUNDS = 200, MAX_SOCKETS = 8, BACKLOG = 128, MAX_LISTENERS = 4 };

static const char OLD_ROOT[] = "/.host/root";

static int config_fd = -1, status_fd = -1, log_fd = -1, listen_fds[MAX_LISTENERS], listen_count;
static int staged, outlive = 1, follows_heir;
static const char *stage_dir = "";
static int folder_fd = -1, children_fd = -1;
static char folder_path[4096];
static struct { int procs_fd; const char *dir, *origin; } cgroups[MAX_CGROUPS];
static int cgroup_count;

static void say(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length < 0 || config_fd < 0) return;
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  send(config_fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void note(const char *format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length <= 0 || status_fd < 0) return;
  if (write(status_fd, line, (size_t)length) != length) return; /* a full disk: the server still hears it by socket */
}

/* Removes the run folder with all that lies in it: nobody asked for this supervisor, and the server may be gone. */
static void remove_folder(void) {
  char path[4096 + sizeof OLD_ROOT];
  DIR *folder = folder_fd < 0 ? NULL : fdopendir(folder_fd);
  if (!folder) return;
  for (struct dirent *entry; (entry = readdir(folder));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) unlinkat(folder_fd, entry->d_name, 0);
  snprintf(path, sizeof path, "%s%s", staged ? OLD_ROOT : "", folder_path);
  rmdir(path);
  closedir(folder);
}

/* Goes back to the cgroups that it came from, so that the sandbox's directories can be removed, and removes them. */
static void leave_cgroups(void) {
  for (int i = 0; i < cgroup_count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s/cgroup.procs", staged ? OLD_ROOT : "", cgroups[i].origin);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) continue;
    int left = write(fd, "0", 1) == 1;
    close(fd);
    snprintf(path, sizeof path, "%s%s", staged ? OLD_ROOT : "", cgroups[i].dir);
    if (left) rmdir(path);
  }
}

static void fail(const char *what, const char *which) {
  say("error %s %s: %s", what, which, strerror(errno));
  leave_cgroups();
  exit(1);
}

static long long unix_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Field 22 of /proc/self/stat: with the pid it names this process for good. */
static unsigned long long start_time(void) {
  char text[1024];
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  return at ? strtoull(at + 1, NULL, 10) : 0;
}

/* ---- 1. prepare ---- */

static void place(int fd, int wanted, const char *what) {
  if (fd < 0) fail("open", what);
  if (fd == wanted) return;
  if (dup3(fd, wanted, O_CLOEXEC) < 0) fail("dup", what);
  close(fd);
}

static void make_socket(const char *name, int wanted) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(name) >= sizeof address.sun_path || listen_count == MAX_LISTENERS) {
    errno = ENAMETOOLONG;
    fail("socket", name);
  }
  strcpy(address.sun_path, name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket", name);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind", name);
  if (listen(fd, 8) < 0) fail("listen", name);
  place(fd, wanted, name);
  listen_fds[listen_count++] = wanted;
}

static void join_cgroup(const char *dir, const char *origin) {
  char path[4096];
  if (cgroup_count == MAX_CGROUPS) {
    errno = E2BIG;
    fail("cgroup", dir);
  }
  snprintf(path, sizeof path, "%s/cgroup.procs", dir);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("cgroup", dir);
  cgroups[cgroup_count].procs_fd = fd;
  cgroups[cgroup_count].dir = dir;
  cgroups[cgroup_count].origin = origin;
  cgroup_count++;
  if (write(fd, "0", 1) != 1) fail("cgroup", dir);
}

/* Makes the folder (or the empty file) that a mount will cover, and the folders above it. */
static void make_mount_point(const char *path, int is_dir) {
  char copy[4096];
  snprintf(copy, sizeof copy, "%s", path);
  for (char *at = strchr(copy + strlen(stage_dir) + 1, '/'); at; at = strchr(at + 1, '/')) {
    *at = 0;
    if (mkdir(copy, 0755) < 0 && errno != EEXIST) fail("mkdir", copy);
    *at = '/';
  }
  if (is_dir) {
    if (mkdir(copy, 0755) < 0 && errno != EEXIST) fail("mkdir", copy);
  } else {
    int fd = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) fail("create", copy);
    close(fd);
  }
}

static void bind_mount(const char *source, const char *target, unsigned long recursive) {
  char from[4096], to[4096];
  struct stat info;
  snprintf(from, sizeof from, "%s%s", *stage_dir ? "" : OLD_ROOT, source);
  snprintf(to, sizeof to, "%s%s", stage_dir, target);
  if (stat(from, &info) < 0) fail("stat", source);
  make_mount_point(to, S_ISDIR(info.st_mode));
  if (mount(from, to, NULL, MS_BIND | recursive, NULL) < 0) fail("bind", source);
}

static void stage_begin(const char *dir) {
  char path[4096];
  if (unshare(CLONE_NEWNS) < 0) fail("unshare", "mount namespace");
  /* Slave, not private: what the host unmounts later must not be held by a sandbox. */
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) fail("mount", "slave");
  if (mount("glovebox", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m,nr_inodes=256") < 0) fail("mount", dir);
  snprintf(path, sizeof path, "%s/.host", dir);
  if (mkdir(path, 0700) < 0) fail("mkdir", path); /* shut to the session's uid */
  snprintf(path, sizeof path, "%s%s", dir, OLD_ROOT);
  if (mkdir(path, 0700) < 0) fail("mkdir", path);
  stage_dir = dir;
}

static void stage_end(void) {
  char path[4096];
  if (!*stage_dir) return;
  snprintf(path, sizeof path, "%s%s", stage_dir, OLD_ROOT);
  if (syscall(SYS_pivot_root, stage_dir, path) < 0) fail("pivot_root", stage_dir);
  stage_dir = "";
  staged = 1;
  if (chdir("/") < 0) fail("chdir", "/");
}

static void close_all_but_config(void) {
  if (config_fd > 3) syscall(SYS_close_range, 3, config_fd - 1, 0);
  syscall(SYS_close_range, config_fd + 1, ~0U, 0);
  fcntl(config_fd, F_SETFD, FD_CLOEXEC);
}

static void write_proc(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, text, strlen(text)) < 0) { /* only an improvement; without the right to it, the default stays */
  }
  close(fd);
}

static int prepare_one(char **at) {
  const char *option = at[0];
  char path[4096];
  if (!at[1]) return 0;
  if (!strcmp(option, "--config-fd")) {
    config_fd = atoi(at[1]);
    close_all_but_config();
    folder_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0 || !getcwd(folder_path, sizeof folder_path)) fail("open", "run folder");
    return 2;
  }
  if (!strcmp(option, "--status")) {
    status_fd = open(at[1], O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (status_fd < 0) fail("open", at[1]);
    return 2;
  }
  if (!strcmp(option, "--log")) {
    log_fd = open(at[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) fail("open", at[1]);
    return 2;
  }
  if (!strcmp(option, "--follow") && !strcmp(at[1], "heir")) return follows_heir = 1, 2;
  if (!strcmp(option, "--stage")) return stage_begin(at[1]), 2;
  if (!strcmp(option, "--dir")) {
    snprintf(path, sizeof path, "%s%s", stage_dir, at[1]);
    return make_mount_point(path, 1), 2;
  }
  if (!at[2]) return 0;
  if (!strcmp(option, "--socket")) return make_socket(at[1], atoi(at[2])), 3;
  if (!strcmp(option, "--open")) return place(open(at[2], O_RDONLY | O_CLOEXEC), atoi(at[1]), at[2]), 3;
  if (!strcmp(option, "--cgroup")) return join_cgroup(at[1], at[2]), 3;
  if (!strcmp(option, "--bind")) return bind_mount(at[1], at[2], MS_REC), 3;
  if (!strcmp(option, "--link")) {
    snprintf(path, sizeof path, "%s%s", stage_dir, at[2]);
    if (symlink(at[1], path) < 0) fail("symlink", at[2]);
    return 3;
  }
  return 0;
}

/* ---- 2. wait, 3. go ---- */

struct go {
  long uid, gid;
  const char *cpus;
  int bind_count, fd_count, socket_count;
  char **binds, **fds, **argv, **env, **sockets;
};

static int read_all(int fd, void *into, size_t length) {
  for (char *at = into; length;) {
    ssize_t got = read(fd, at, length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    at += got;
    length -= (size_t)got;
  }
  return 1;
}

static char **take(char **fields, int *at, int count, const char *what) {
  if (*at + count > MAX_FIELDS) fail("go", what);
  char **list = calloc((size_t)count + 1, sizeof *list);
  if (!list) fail("go", what);
  for (int i = 0; i < count; i++) {
    list[i] = fields[(*at)++];
    if (!list[i]) fail("go", what);
  }
  return list;
}

/* 0: the server is gone, or has no use for this supervisor. */
static int read_go(struct go *go) {
  static char *fields[MAX_FIELDS + 1];
  uint32_t length;
  int count = 0, at = 4;
  if (!read_all(config_fd, &length, sizeof length)) return 0;
  errno = EINVAL;
  if (length < 16 || length > MAX_GO) fail("go", "length");
  char *text = malloc(length);
  if (!text || !read_all(config_fd, text, length)) return 0;
  if (text[length - 1]) fail("go", "end");
  for (char *field = text; field < text + length && count < MAX_FIELDS; field += strlen(field) + 1) fields[count++] = field;
  if (count < 8) fail("go", "fields");
  go->uid = atol(fields[0]);
  go->gid = atol(fields[1]);
  go->cpus = fields[2];
  outlive = atoi(fields[3]);
#define COUNT(what) (fields[at] ? atoi(fields[at++]) : -1)
  go->bind_count = COUNT();
  if (go->bind_count < 0 || go->bind_count > 64) fail("go", "binds");
  go->binds = take(fields, &at, go->bind_count * 2, "binds");
  go->fd_count = COUNT();
  if (go->fd_count < 0 || go->fd_count > MAX_FDS) fail("go", "fds");
  go->fds = take(fields, &at, go->fd_count, "fds");
  int argc = COUNT();
  if (argc < 1 || argc > MAX_FIELDS) fail("go", "argv");
  go->argv = take(fields, &at, argc, "argv");
  int envc = COUNT();
  if (envc < 0 || envc > MAX_FIELDS) fail("go", "env");
  go->env = take(fields, &at, envc, "env");
  go->socket_count = COUNT();
  if (go->socket_count < 0 || go->socket_count > MAX_SOCKETS) fail("go", "sockets");
  go->sockets = take(fields, &at, go->socket_count * 4, "sockets");
  return 1;
}

static void pin_cpus(const char *list) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const char *at = list; *at;) {
    char *end;
    long cpu = strtol(at, &end, 10);
    if (end == at || cpu < 0 || cpu >= CPU_SETSIZE) break;
    CPU_SET((size_t)cpu, &set);
    at = *end == ',' ? end + 1 : end;
  }
  if (CPU_COUNT(&set) == 0 || sched_setaffinity(0, sizeof set, &set) < 0) fail("affinity", list);
}

/* ---- the network namespace ---- */

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

/* Rights over the network namespace end with its making; over nothing else had an ordinary user any. */
static void drop_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  if (syscall(SYS_capset, &header, none) < 0) fail("capset", "");
}

static unsigned loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0) fail("network", "lo");
  request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
  if (ioctl(fd, SIOCSIFFLAGS, &request) < 0 || ioctl(fd, SIOCGIFINDEX, &request) < 0) fail("network", "lo");
  close(fd);
  return (unsigned)request.ifr_ifindex;
}

/* `ip route add local default dev lo`: every address is ours, so that who connects anywhere comes to our sockets. */
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
  if (got < (ssize_t)(sizeof answer.header + sizeof answer.error) || answer.header.nlmsg_type != NLMSG_ERROR) return 0;
  errno = -answer.error.error;
  return answer.error.error == 0;
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

static void make_network(const struct go *go) {
  unshare_network();
  unsigned device = loopback_up();
  if (!route_all_locally(AF_INET, device)) fail("network", "route");
  route_all_locally(AF_INET6, device); /* without: IPv6 addresses are unreachable, which is safe */
  for (int i = 0; i < go->socket_count; i++) open_socket(go->sockets + 4 * i);
}

static void become_session(const struct go *go) {
  for (int i = 0; i < go->bind_count; i++) {
    if (!staged) {
      errno = EPERM;
      fail("bind", go->binds[2 * i]);
    }
    bind_mount(go->binds[2 * i], go->binds[2 * i + 1], 0);
  }
  if (*go->cpus) pin_cpus(go->cpus);
  /* What a privileged process writes is also the least that its descendants may ever give themselves. */
  write_proc("/proc/self/oom_score_adj", "0");
  if (go->socket_count > 0) make_network(go);
  if (go->uid >= 0) {
    if (setgroups(0, NULL) < 0) fail("setgroups", "");
    if (setresgid((gid_t)go->gid, (gid_t)go->gid, (gid_t)go->gid) < 0) fail("setresgid", "");
    if (setresuid((uid_t)go->uid, (uid_t)go->uid, (uid_t)go->uid) < 0) fail("setresuid", "");
  }
  if (go->socket_count > 0 && geteuid() != 0) drop_capabilities();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("no_new_privs", "");
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a change of uid reset it */
}

static pid_t start(const struct go *go) {
  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) fail("fork", go->argv[0]);
  if (child > 0) return child;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  setpgid(0, 0);
  umask(022);
  /* Whatever kills the supervisor ends the sandbox too: without it nobody would remember. */
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != parent) _exit(127);
  if (log_fd >= 0) dup2(log_fd, 2);
  for (int i = 0; i < go->fd_count; i++) fcntl(atoi(go->fds[i]), F_SETFD, 0);
  execve(go->argv[0], go->argv, go->env);
  dprintf(2, "exec %s: %s\n", go->argv[0], strerror(errno));
  _exit(127);
}

/* ---- 4. watch, 5. remember ---- */

/* Kills every process of a list of pids that the kernel gives, and returns how many. */
static int kill_listed(int fd) {
  char text[65536];
  int killed = 0;
  ssize_t length = fd < 0 || lseek(fd, 0, SEEK_SET) < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0) return 0;
  text[length] = 0;
  for (char *at = text, *end; *at; at = end) {
    long pid = strtol(at, &end, 10);
    if (end == at) break;
    if (pid > 1 && pid != getpid() && kill((pid_t)pid, SIGKILL) == 0) killed++;
  }
  return killed;
}

/* Ends all that the child left: its group, the cgroup, and orphans, which come to us as their subreaper. */
static void kill_rest(pid_t child) {
  struct timespec pause = {0, 200000};
  kill(-child, SIGKILL);
  for (int round = 0; round < KILL_ROUNDS; round++) {
    int left = kill_listed(children_fd);
    for (int i = 0; i < cgroup_count; i++) left += kill_listed(cgroups[i].procs_fd);
    pid_t got;
    while ((got = waitpid(-1, NULL, WNOHANG)) > 0) {
    }
    if (left == 0 && got < 0) return;
    nanosleep(&pause, NULL);
    if (pause.tv_nsec < 5000000) pause.tv_nsec *= 2;
  }
}

/* The first child that we have, which is one that somebody left to us; 0: none. */
static pid_t first_child(void) {
  char text[32];
  ssize_t length = children_fd < 0 || lseek(children_fd, 0, SEEK_SET) < 0 ? -1 : read(children_fd, text, sizeof text - 1);
  if (length <= 0) return 0;
  text[length] = 0;
  return (pid_t)strtol(text, NULL, 10);
}

static int watch(pid_t child, int signals) {
  struct pollfd polled[2] = {{.fd = signals, .events = POLLIN}, {.fd = config_fd, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 2, -1) < 0 && errno != EINTR) return -1;
    if (polled[1].revents) {
      char command;
      ssize_t got = read(config_fd, &command, 1);
      if (got == 1 && command == 'K') kill(child, SIGKILL);
      if (got == 0 || (got < 0 && errno != EINTR)) {
        if (!outlive) kill(child, SIGKILL);
        close(config_fd);
        config_fd = polled[1].fd = -1;
      }
    }
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
      if (info.ssi_signo == SIGTERM) kill(child, SIGKILL);
    for (;;) {
      int status;
      pid_t got = waitpid(-1, &status, WNOHANG);
      if (got <= 0) break;
      if (got != child) continue;
      pid_t heir = follows_heir && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? first_child() : 0;
      if (heir <= 0) return status;
      child = heir;
    }
  }
}

static int block_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Before `go`, SIGTERM and the end of the configuration socket both mean: not needed. */
static int wait_for_go(struct go *go, int signals) {
  struct pollfd polled[2] = {{.fd = signals, .events = POLLIN}, {.fd = config_fd, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return 0;
    }
    if (polled[1].revents) return read_go(go);
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
      if (info.ssi_signo == SIGTERM) return 0;
  }
}

static void remember(int status) {
  const char *word = WIFSIGNALED(status) ? "signal" : "exit";
  int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  note("%s %d %lld\n", word, number, unix_ms());
  if (status_fd >= 0) fdatasync(status_fd);
  say("%s %d", word, number);
}

int main(int argc, char **argv) {
  (void)argc;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  umask(0);
  write_proc("/proc/self/oom_score_adj", "-900");
  int signals = -1;
  for (char **at = argv + 1; *at;) {
    int used = prepare_one(at);
    if (used == 0) {
      errno = EINVAL;
      fail("option", *at);
    }
    at += used;
    if (signals < 0) signals = block_signals();
  }
  if (config_fd < 0) return 2;
  unsigned long long started = start_time();
  char children[64];
  snprintf(children, sizeof children, "/proc/self/task/%d/children", getpid());
  children_fd = open(children, O_RDONLY | O_CLOEXEC); /* read long after the right to open it is gone */
  stage_end();
  note("supervisor %d %llu\n", getpid(), started);
  say("ready");

  struct go go;
  if (!wait_for_go(&go, signals)) {
    leave_cgroups();
    remove_folder();
    return 0;
  }
  close(folder_fd);
  become_session(&go);
  pid_t child = start(&go);
  for (int i = 0; i < listen_count; i++) close(listen_fds[i]); /* so that connecting fails once the agent is gone */
  for (int i = 0; i < go.socket_count; i++) close(atoi(go.sockets[4 * i]));
  note("started %d %lld\n", child, unix_ms());
  say("started %d", child);
  int status = watch(child, signals);
  kill_rest(child);
  remember(status);
  return 0;
}
