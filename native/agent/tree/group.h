/* What the cgroup of user code says (--cgroup-fd): of all that runs in a machine, only that. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scan.h"

/* The numbers that stand after `names` at the start of lines of a file in it; name "": the first there is. Returns false when one is missing. */
bool group_figures(const char *file, const char *const *names, uint64_t *values, size_t count);

/* The processes in it; those of a machine's kernel, of which there are far more, are not looked at. Empty where it cannot tell them all: they changed meanwhile, there are very many, or some are dead. */
struct scan scan_group(void);
