#include "arguments.h"

#include <stdio.h>

static char arguments[64][24];
char *agent_argv[80];
int agent_argc;

void add_argument(const char *option, const char *value) {
  agent_argv[agent_argc++] = (char *)option;
  agent_argv[agent_argc++] = (char *)value;
}

void add_number(const char *option, long value) {
  static int used;
  snprintf(arguments[used], sizeof arguments[used], "%ld", value);
  add_argument(option, arguments[used++]);
}
