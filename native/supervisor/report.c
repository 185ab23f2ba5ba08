#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cgroups.h"
#include "run.h"

void say(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length < 0 || run.config_fd < 0) return;
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  send(run.config_fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void note(const char *format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length <= 0 || run.status_fd < 0) return;
  if (write(run.status_fd, line, (size_t)length) != length) return; /* a full disk: the server still hears it by socket */
}

void fail(const char *what, const char *which) {
  say("error %s %s: %s", what, which, strerror(errno));
  leave_cgroups();
  exit(1);
}

long long unix_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
