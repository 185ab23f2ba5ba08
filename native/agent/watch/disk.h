/* Counts the bytes of a tree of files, each once, in the walker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MIN_FILE_BYTES = 1024 };

/* What the walker has seen of hard links; more of them than this count each time. */
enum { MAX_LINKS = 1 << 18 };
struct seen { ino_t ino[MAX_LINKS]; };

/* Whether a file was not seen before; it is then. */
bool first_sight(struct seen *seen, ino_t ino);

/* Takes the descriptor. A tree too deep to be counted counts as endless. */
uint64_t disk_use(int fd, struct seen *seen, dev_t device, int depth);
