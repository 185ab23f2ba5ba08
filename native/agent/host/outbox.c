#include "outbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "conversation.h"
#include "serial.h"

struct outbox outbox;

void put(struct payload *b, const void *data, size_t n) {
    if (b->len + n > sizeof b->bytes) abort();
    memcpy(b->bytes + b->len, data, n);
    b->len += n;
}

size_t out_room(void) {
    if (outbox.pos > 0 && OUT_CAP - outbox.len < MAX_CHUNK + OUT_RESERVE + HEADER) {
        memmove(outbox.bytes, outbox.bytes + outbox.pos, outbox.len - outbox.pos);
        outbox.len -= outbox.pos;
        outbox.pos = 0;
    }
    return OUT_CAP - outbox.len;
}

bool room_for_answer(void) { return host.fd < 0 || out_room() >= 2 * MAX_REPLY; }

uint8_t *frame_header(enum frame_type type, uint16_t flags, uint32_t id, uint32_t length) {
    uint8_t *p = outbox.bytes + outbox.len;
    uint16_t t = (uint16_t)type;
    memcpy(p, &length, 4);
    memcpy(p + 4, &t, 2);
    memcpy(p + 6, &flags, 2);
    memcpy(p + 8, &id, 4);
    outbox.len += HEADER + length;
    return p + HEADER;
}

void send_frame(enum frame_type type, uint16_t flags, uint32_t id, const struct payload *b) {
    if (host.fd < 0) return;
    if (out_room() < HEADER + b->len) {
        drop_host();
        return;
    }
    memcpy(frame_header(type, flags, id, (uint32_t)b->len), b->bytes, b->len);
}

void flush_out(void) {
    while (host.fd >= 0 && outbox.pos < outbox.len) {
        ssize_t n = host.fd == serial.fd ? write(host.fd, outbox.bytes + outbox.pos, outbox.len - outbox.pos)
                                         : send(host.fd, outbox.bytes + outbox.pos, outbox.len - outbox.pos, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) drop_host();
        if (n <= 0) return;
        outbox.pos += (size_t)n;
    }
    if (outbox.pos == outbox.len) outbox.pos = outbox.len = 0;
}
