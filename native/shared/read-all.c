#include "read-all.h"

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

bool read_all(int fd, void *into, size_t length) {
  for (char *at = into; length > 0;) {
    ssize_t got = read(fd, at, length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    length -= (size_t)got;
  }
  return true;
}
