/*
 * init: the first program of a microVM, from its initramfs. It makes the machine into what a sandbox is, and becomes the
 * guest agent (../agent). Everything here happens before any user code exists; a failure ends the machine, which the host
 * sees, with one line on the console.
 *
 *   /init memory=BYTES pids=N tmp=BYTES shm=BYTES [network] [vsock=PORT]      (the kernel's words after `--`)
 *
 * The initramfs holds /agent, /filter (the seccomp filter of user code) and /modules. Disks are known by their serial:
 * `root` and `tools` are squashfs, `packages` too and may be absent, `workspace` is ext4. With `vsock` the agent listens on that port
 * instead of taking the line named `agent`, and disks are known by their order: under Firecracker, which gives them no serial of ours. The root is an overlay that is
 * read-only in the end; /etc says nothing of the image's users, and /dev holds only what is harmless.
 */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arguments.h"
#include "devices.h"
#include "files.h"
#include "network.h"
#include "root.h"

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
