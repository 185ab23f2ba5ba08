/* What every command knows: its descriptors, its bounds, and what it has counted. */
#pragma once

#include <stdint.h>

enum { TREE_FD = 3, STORE_FD = 4, LIST_FD = 5, BASE_FD = 6 };
enum { MAX_DEPTH = 1000 };
/* Bits of a mode that are kept: set-uid and set-gid mean nothing in a sandbox, and would mean something outside. */
enum { KEPT_MODE = 01777 };

/* Of files and folders; bytes are those that are not zero. */
struct counts {
    uint64_t entries, bytes, stored_bytes, new_objects, skipped;
};
extern struct counts counts;

/* How much a capture may take. */
struct most {
    uint64_t entries, bytes;
};
extern struct most most;
