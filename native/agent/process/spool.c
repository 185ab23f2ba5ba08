#include "spool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../basics.h"
#include "../host/conversation.h"

uint64_t spool_space(const struct spool *s) {
    uint64_t cap = s->ring ? s->cap : talk.window_bytes;
    uint64_t held = s->end - s->acked;
    uint64_t space = held < cap ? cap - held : 0;
    return s->capped ? min64(space, s->final - s->end) : space;
}

void spool_close(struct spool *s) {
    close_fd(&s->fd);
    s->eof = true;
    if (s->acked == s->end) free_pages(&s->ring, s->cap);
}

void spool_ack(struct spool *s, uint64_t offset) {
    uint64_t n = offset - s->acked;
    if (s->ring) s->head = (uint32_t)((s->head + n) % s->cap);
    s->acked = offset;
    if (s->acked != s->end) return;
    s->head = 0;
    if (s->eof) free_pages(&s->ring, s->cap);
}

uint64_t spool_read(struct spool *s, uint64_t most) {
    uint64_t want = min64(spool_space(s), most);
    if (s->fd < 0 || want == 0) return 0;
    if (!s->ring) {
        s->cap = (uint32_t)talk.window_bytes;
        s->ring = pages(s->cap);
        if (!s->ring) return 0;
        s->head = 0;
    }
    uint32_t tail = (uint32_t)((s->head + (s->end - s->acked)) % s->cap);
    uint64_t first = min64(want, s->cap - tail);
    struct iovec v[2] = {{s->ring + tail, first}, {s->ring, want - first}};
    ssize_t n = readv(s->fd, v, want > first ? 2 : 1);
    if (n > 0) {
        s->end += (uint64_t)n;
        return (uint64_t)n;
    }
    /* A terminal whose other side is closed says EIO. */
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) spool_close(s);
    return 0;
}

void copy_from_spool(const struct spool *s, uint64_t offset, uint8_t *to, uint32_t n) {
    uint32_t at = (uint32_t)((s->head + (offset - s->acked)) % s->cap);
    uint32_t first = n < s->cap - at ? n : s->cap - at;
    memcpy(to, s->ring + at, first);
    memcpy(to + first, s->ring, n - first);
}
