#include "root.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "devices.h"
#include "files.h"

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

/* What the host writes anew in each machine lies in /run: see on_renew of the agent. */
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

/* Writes out what has changed, so that no copy of the machine has it left to do. */
static void settle(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || syncfs(fd) < 0) die("sync", path);
  close(fd);
}

void make_root(const char *tmp_size, const char *shm_size, int network) {
  char options[64], device[64];
  mount_disk("root", "/image", "squashfs", MS_RDONLY | MS_NODEV, NULL);
  mount_disk("tools", "/tools", "squashfs", MS_RDONLY | MS_NODEV | MS_NOSUID, NULL);
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
    mount_disk("packages", "/new/glovebox/packages", "squashfs", MS_RDONLY | MS_NODEV | MS_NOSUID, NULL);
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
  /* Nobody fills the tables of its inodes with zeros: the disk is new and sparse, and every copy would do it. */
  mount_disk("workspace", "/new/workspace", "ext4", MS_NOSUID | MS_NODEV, "noinit_itable");
  if (chown("/new/workspace", USER, USER) < 0 || chmod("/new/workspace", 0755) < 0) die("chown", "/workspace");
  rmdir("/new/workspace/lost+found");
  settle("/new/workspace");
  /* The agent, as root, sees all; user code its own processes. */
  mount_on("proc", "/new/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2");
  if (mount("/new/run/glovebox/boot_id", "/new/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL) < 0) die("bind", "boot_id");
  if (mount(NULL, "/new", NULL, MS_REMOUNT | MS_RDONLY | MS_NODEV, NULL) < 0) die("mount", "/ read-only");
}
