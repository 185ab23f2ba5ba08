/* Writes into files that are there, as those of /proc. */
#pragma once

#include <stdbool.h>

/* Returns whether something was written: often it is only an improvement, and without the right to it the default stays. */
bool write_proc(const char *path, const char *text);
