/* Small things that every part uses: clocks, numbers on the wire, memory, descriptors. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Monotonic microseconds. */
uint64_t now_us(void);

/* Monotonic milliseconds: what deadlines are in. */
static inline uint64_t now_ms(void) { return now_us() / 1000; }

/* Numbers as they lie in frames: little-endian as both architectures are, and not aligned. */
static inline uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static inline uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }

static inline uint64_t min64(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Closes it unless it is -1, which it is then. */
void close_fd(int *fd);

/* Buffers come from mmap, so that what is given back is really given back. */
uint8_t *pages(size_t size);

/* Gives back what `pages` gave, unless it is NULL, which it is then. */
void free_pages(uint8_t **p, size_t size);

/* Moves a descriptor out of the way of a child's numbers, which are below 10. */
int raise_fd(int fd);

/* A pipe whose ends are both out of the way of the child's numbers; ours (`ours`: 0 reads, 1 writes) does not block. */
bool make_pipe(int *mine, int *theirs, int ours);
