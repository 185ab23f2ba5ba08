/* Reads of a length that is known before. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Waits for all of it. False: the end, or an error, came before. */
bool read_all(int fd, void *into, size_t length);
