#include "go.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "../shared/read-all.h"
#include "report.h"
#include "run.h"

enum { MAX_FDS = 16, MAX_GO = 1 << 20, MAX_FIELDS = 8192, MAX_SOCKETS = 8 };

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

int read_go(struct go *go) {
  static char *fields[MAX_FIELDS + 1];
  uint32_t length;
  int count = 0, at = 4;
  if (!read_all(run.config_fd, &length, sizeof length)) return 0;
  errno = EINVAL;
  if (length < 16 || length > MAX_GO) fail("go", "length");
  char *text = malloc(length);
  if (!text || !read_all(run.config_fd, text, length)) return 0;
  if (text[length - 1]) fail("go", "end");
  for (char *field = text; field < text + length && count < MAX_FIELDS; field += strlen(field) + 1) fields[count++] = field;
  if (count < 8) fail("go", "fields");
  go->uid = atol(fields[0]);
  go->gid = atol(fields[1]);
  go->cpus = fields[2];
  run.outlive = atoi(fields[3]);
#define COUNT(what) (fields[at] ? atoi(fields[at++]) : -1)
  go->bind_count = COUNT();
  if (go->bind_count < 0 || go->bind_count > 64) fail("go", "binds");
  go->binds = take(fields, &at, go->bind_count * 2, "binds");
  go->fd_count = COUNT();
  if (go->fd_count < 0 || go->fd_count > MAX_FDS) fail("go", "fds");
  go->fds = take(fields, &at, go->fd_count, "fds");
  int argc = COUNT();
  if (argc < 0 || argc > MAX_FIELDS) fail("go", "argv");
  go->argv = take(fields, &at, argc, "argv");
  int envc = COUNT();
  if (envc < 0 || envc > MAX_FIELDS) fail("go", "env");
  go->env = take(fields, &at, envc, "env");
  go->socket_count = COUNT();
  if (go->socket_count < 0 || go->socket_count > MAX_SOCKETS) fail("go", "sockets");
  go->sockets = take(fields, &at, go->socket_count * 4, "sockets");
  go->keeper = COUNT();
  int copies = COUNT();
  if (copies < 0 || copies > 1) fail("go", "copies");
  if (argc == 0 && copies == 0) fail("go", "argv");
  go->copy = copies ? take(fields, &at, 2, "copy") : NULL;
  return 1;
}
