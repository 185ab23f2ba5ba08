/*
 * What QEMU opens by a path that means something else to it than it believes.
 *
 * Its guest's memory: before 8.2 it opens the file for writing even where it maps it privately. The memory of a template is
 * shared by sandboxes that must not be able to change it, so that it is opened for reading here: a private mapping needs no
 * more. Newer ones are told so by `readonly=on,rom=off`.
 *
 * Its disk, which it opens again when the machine is saved, and when it goes on: in a copy the path is that of the original's.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "descriptors.h"

static const char MEMORY[] = "/vm/memory";

static int meant_flags(const char *path, int flags) {
  return strcmp(path, MEMORY) == 0 ? (flags & ~O_ACCMODE) | O_RDONLY : flags;
}

/* `open` by each of its names; programs that were hardened when they were built call the latter two. */
#define OPEN(name)                                                             \
  int name(const char *path, int flags, ...) {                                 \
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);             \
    va_list rest;                                                              \
    va_start(rest, flags);                                                     \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                  \
    va_end(rest);                                                              \
    return next(meant_path(path), meant_flags(path, flags), mode);             \
  }
#define OPEN_2(name)                                                           \
  int name(const char *path, int flags);                                       \
  int name(const char *path, int flags) {                                      \
    int (*next)(const char *, int) = dlsym(RTLD_NEXT, #name);                  \
    return next(meant_path(path), meant_flags(path, flags));                   \
  }

OPEN(open)
OPEN(open64)
OPEN_2(__open_2)
OPEN_2(__open64_2)
