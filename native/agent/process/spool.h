/* What a process wrote and the host has not acknowledged: kept here, and the process waits when it is full. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* An output stream: a ring of what was read and not yet acknowledged. acked <= sent <= end. */
struct spool {
    int fd;
    bool used, eof, eof_sent, capped;
    uint8_t *ring;
    uint32_t cap, head;         /* head: index of the byte at `acked` */
    uint64_t acked, sent, end;
    uint64_t final;             /* when capped: nothing is read beyond */
    uint64_t barrier;           /* control output waits until this much of us was read, and sent */
};

/* Bytes that may still be read into it. */
uint64_t spool_space(const struct spool *s);

/* Nothing more comes: what is there stays until it is acknowledged. */
void spool_close(struct spool *s);

/* The host has everything before `offset`, which lies between `acked` and `sent`. */
void spool_ack(struct spool *s, uint64_t offset);

/* Reads up to `most` bytes into the spool. Returns what was read; 0 also when there was nothing, or the end. */
uint64_t spool_read(struct spool *s, uint64_t most);

/* Copies `n` bytes from `offset` on, which are there. */
void copy_from_spool(const struct spool *s, uint64_t offset, uint8_t *to, uint32_t n);
