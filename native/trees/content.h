/* What a file holds: its blocks that are not zero, where they lie, and its size. A hole and written zeros are the same. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blake2b.h"

enum { CHUNK = 1 << 20, HASH_BYTES = 32, HASH_HEX = 64 };

/* Of a file that is being read: hashes of its blocks and of where they lie, the run of blocks that grows, sizes. */
typedef struct {
    blake data, runs;
    uint64_t start, end, size, nonzero;
} digest;

/* What was read last. */
extern uint8_t chunk[CHUNK];
/* Whether `chunk` holds all of the file that was read last: then it need not be read again to be written. */
extern bool chunk_is_whole;

/* Whether the file system shares blocks between files; tried until it says that it does not. */
extern bool reflinks;

/* Reads a file whole, holes passed over; copies it to `to` unless that is -1. A file that grows or shrinks meanwhile ends where it ended. */
void read_file(int fd, int to, digest *d);

/* Takes in the blocks of `p` that are not zero (unless `d` is NULL), and writes them to `to` (unless -1). */
void take_blocks(digest *d, int to, uint64_t at, const uint8_t *p, size_t size);

/* The hash of what was read: of the blocks, of where they lie, and of the size. */
void digest_hex(digest *d, char hex[HASH_HEX + 1]);

/* Lets `to` share the blocks of `from`. Returns false when the file system does not do that. */
bool clone_file(int from, int to);
