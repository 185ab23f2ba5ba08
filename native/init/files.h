/* Folders, mounts and files of a machine that is being made: each step comes off, or the machine ends. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

/* The port of Firecracker's vsock, or NULL: there is a serial line. */
extern const char *vsock;

/* Says what failed and why (errno) on the console, and ends the machine. */
_Noreturn void die(const char *what, const char *which);

/* Waits a millisecond. */
void pause_step(void);

/* Makes a folder unless it is there. */
void make_dir(const char *path, mode_t mode);

/* Mounts on a folder, which is made. */
void mount_on(const char *source, const char *target, const char *type, unsigned long flags, const char *options);

/* Makes a file with this text. */
void write_text(const char *path, const char *text);

/* In place of whatever the image has there. */
void put_file(const char *path, const char *text);

/* A symbolic link in place of whatever is there. */
void put_link(const char *target, const char *path);

/* Reads the first line of a small file. Returns 0 when there is none. */
int read_line(const char *path, char *to, size_t size);
