#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

enum { PIECE = 1 << 20 };

static void copy_range(int from, int to, off_t start, off_t end) {
  static char piece[PIECE];
  while (start < end) {
    size_t most = end - start < PIECE ? (size_t)(end - start) : PIECE;
    ssize_t got = pread(from, piece, most, start);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || pwrite(to, piece, (size_t)got, start) != got) fail("copy", "disk");
    start += got;
  }
}

int copy_disk(const char *source, int folder, const char *name) {
  struct stat info;
  int from = open(source, O_RDONLY | O_CLOEXEC), to = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (from < 0 || to < 0 || fstat(from, &info) < 0) fail("copy", "disk");
  if (ioctl(to, FICLONE, from) == 0) return close(from), to;
  if (ftruncate(to, info.st_size) < 0) fail("copy", "disk");
  for (off_t at = 0; (at = lseek(from, at, SEEK_DATA)) >= 0;) {
    off_t end = lseek(from, at, SEEK_HOLE);
    if (end < 0) break;
    copy_range(from, to, at, end);
    at = end;
  }
  if (errno != ENXIO) fail("copy", "disk");
  close(from);
  return to;
}
