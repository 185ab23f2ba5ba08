#include "devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

enum { WAIT_STEPS = 5000 };

void load_modules(void) {
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

int find_port(const char *name, char found[64]) {
  return find_device("/sys/class/virtio-ports", "name", name, found) && access(found, F_OK) == 0;
}

int find_disk(const char *serial, char found[64]) {
  static const char *const order[] = {"root", "tools", "workspace", "packages"};
  if (!vsock) return find_device("/sys/block", "serial", serial, found) && access(found, F_OK) == 0;
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    if (strcmp(order[i], serial) == 0) snprintf(found, 64, "/dev/vd%c", 'a' + (int)i);
  return access(found, F_OK) == 0;
}

void wait_for_device(int (*find)(const char *, char[64]), const char *name, char found[64]) {
  for (int i = 0; i < WAIT_STEPS; i++) {
    if (find(name, found)) return;
    pause_step();
  }
  errno = ENODEV;
  die("device", name);
}

void mount_disk(const char *serial, const char *target, const char *type, unsigned long flags, const char *options) {
  char device[64];
  wait_for_device(find_disk, serial, device);
  mount_on(device, target, type, flags, options);
}
