/* What the whole sandbox uses. */
#pragma once

#include <fcntl.h>
#include <stdint.h>

/* In bytes, microseconds, and threads. */
struct usage { uint64_t memory, cpu_us, pids; };

/* How memory is measured: not, quickly and rather too much, or as it is. */
enum accuracy { NO_MEMORY, AT_MOST, EXACT };

/* Looks at everything that runs. */
struct usage measure(enum accuracy memory);
