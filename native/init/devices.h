/* Modules and devices. */
#pragma once

/* What the kernel has built in is not in /modules. */
void load_modules(void);

/* Finds the virtio-serial port of that name; its path goes to `found`. Returns 0 when there is none (yet). */
int find_port(const char *name, char found[64]);

/* Finds the disk of that serial, as find_port does. */
int find_disk(const char *serial, char found[64]);

/* Waits until `find` finds it, for some seconds. */
void wait_for_device(int (*find)(const char *, char[64]), const char *name, char found[64]);

/* Waits for a disk and mounts it. `options`: of its file system, or NULL. */
void mount_disk(const char *serial, const char *target, const char *type, unsigned long flags, const char *options);
