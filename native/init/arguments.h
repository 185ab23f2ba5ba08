/* The agent's command line, as it grows. */
#pragma once

extern char *agent_argv[80];
extern int agent_argc;

/* Appends an option and its value, which are kept as they are. */
void add_argument(const char *option, const char *value);

/* The same with a number. */
void add_number(const char *option, long value);
