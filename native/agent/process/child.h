/* What happens between fork and exec. */
#pragma once

#include <stdint.h>

/* What is to be started. */
struct launch {
    uint32_t flags, argc, envc, nofile;
    uint16_t rows, cols;
    char *cwd, **argv, **env;
};

/* In the child. fds: 0 to 4 and the status pipe, each already above 9. */
_Noreturn void child(const struct launch *l, int fds[6]);

/* Gives every signal its default action, and lets all of them through. */
void reset_signals(void);

/* Closes all descriptors from `first` on. */
void close_from(unsigned first);
