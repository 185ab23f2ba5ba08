#include "content.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "state.h"
#include "report.h"

enum { BLOCK = 4096 };

uint8_t chunk[CHUNK];
bool chunk_is_whole;
bool reflinks = true;

static void digest_init(digest *d)
{
    *d = (digest){0};
    blake_init(&d->data);
    blake_init(&d->runs);
}

static void digest_end_run(digest *d)
{
    uint64_t run[2] = {d->start, d->end};
    if (d->end > d->start) blake_update(&d->runs, run, sizeof run);
}

static void digest_range(digest *d, uint64_t at, const uint8_t *p, size_t size)
{
    if (at != d->end || d->end == d->start) {
        digest_end_run(d);
        d->start = at;
    }
    d->end = at + size;
    d->nonzero += size;
    blake_update(&d->data, p, size);
}

void digest_hex(digest *d, char hex[HASH_HEX + 1])
{
    uint8_t parts[136], out[64];
    digest_end_run(d);
    blake_final(&d->data, parts);
    blake_final(&d->runs, parts + 64);
    memcpy(parts + 128, &d->size, 8);
    blake whole;
    blake_init(&whole);
    blake_update(&whole, parts, sizeof parts);
    blake_final(&whole, out);
    for (int i = 0; i < HASH_BYTES; i++) sprintf(hex + 2 * i, "%02x", out[i]);
}

static bool is_zero(const uint8_t *p, size_t size) { return p[0] == 0 && memcmp(p, p + 1, size - 1) == 0; }

static void write_at(int fd, const uint8_t *p, size_t size, uint64_t at)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, p, size, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail_errno("writing");
        p += n, size -= (size_t)n, at += (uint64_t)n;
    }
}

void take_blocks(digest *d, int to, uint64_t at, const uint8_t *p, size_t size)
{
    size_t from = 0;
    while (from < size) {
        size_t end = from;
        for (;;) {
            size_t step = size - end < BLOCK ? size - end : BLOCK;
            if (step == 0 || is_zero(p + end, step)) break;
            end += step;
        }
        if (end > from) {
            if (d) digest_range(d, at + from, p + from, end - from);
            if (to >= 0) write_at(to, p + from, end - from, at + from);
        }
        from = end + (size - end < BLOCK ? size - end : BLOCK);
    }
}

void read_file(int fd, int to, digest *d)
{
    uint64_t at = 0, chunks = 0, first = 1;
    digest_init(d);
    for (;; chunks++) {
        off_t data = lseek(fd, (off_t)at, SEEK_DATA);
        if (data < 0 && errno != ENXIO) data = (off_t)at; /* A file system that knows no holes. */
        else if (data < 0) break;
        at = (uint64_t)data / BLOCK * BLOCK;
        if (chunks == 0) first = at;
        ssize_t n = 0;
        size_t held = 0;
        while (held < CHUNK && (n = pread(fd, chunk + held, CHUNK - held, (off_t)(at + held))) != 0) {
            if (n < 0 && errno != EINTR) fail_errno("reading");
            if (n > 0) held += (size_t)n;
        }
        take_blocks(d, to, at, chunk, held);
        at += held;
        if (counts.bytes + d->nonzero > most.bytes) fail("too_large", "the files hold more than %" PRIu64 " bytes", most.bytes);
        if (held < CHUNK) break;
    }
    struct stat st;
    if (fstat(fd, &st) != 0) fail_errno("reading");
    d->size = (uint64_t)st.st_size;
    if (at > d->size) d->size = at;
    chunk_is_whole = chunks == 0 && at == d->size && first == 0;
    if (to >= 0 && ftruncate(to, (off_t)d->size) != 0) fail_errno("writing");
}

bool clone_file(int from, int to)
{
    if (reflinks && ioctl(to, FICLONE, from) == 0) return true;
    if (reflinks && errno != EINTR) {
        if (errno == ENOSPC || errno == EDQUOT) fail_errno("writing");
        reflinks = false;
    }
    return false;
}
