#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "../basics.h"
#include "../host/conversation.h"
#include "../host/outbox.h"
#include "../protocol.h"
#include "doors.h"

/* Reads from the program right into a frame: what is not sent stays in the kernel's buffer. */
static bool forward_bytes(struct link *l) {
    uint64_t n = LINK_WINDOW - (l->sent - l->acked);
    if (!l->readable || l->ended || l->closing || n == 0 || out_room() < HEADER + 8 + n + OUT_RESERVE) return false;
    ssize_t got = recv(l->fd, outbox.bytes + outbox.len + HEADER + 8, n, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) return true;
    if (got < 0) {
        l->readable = false;
        if (errno != EAGAIN) break_link(l, errno);
        return false;
    }
    if (got == 0) {
        l->ended = true;
        return false;
    }
    memcpy(frame_header(DATA, LINK_STREAM, l->id, (uint32_t)got + 8), &l->sent, 8);
    l->sent += (uint64_t)got;
    return true;
}

static bool fill_link(struct link *l) {
    struct payload b = {0};
    if (l->told) return false;
    if (l->ack_due && !l->closing && !l->reset) {
        put64(&b, l->received - (l->len - l->pos));
        send_frame(ACK, LINK_STREAM, l->id, &b);
        l->ack_due = false;
    }
    bool any = l->fd > 0 && forward_bytes(l);
    if (l->ended && !l->end_sent && !l->closing && !l->reset) {
        b.len = 0;
        put64(&b, l->sent);
        send_frame(END, LINK_STREAM, l->id, &b);
        l->end_sent = true;
    }
    if (!link_done(l)) return any;
    b.len = 0;
    put32(&b, l->error);
    send_frame(CLOSED, 0, l->id, &b);
    l->told = true;
    if (l->fd > 0) close(l->fd);
    l->fd = 0;
    if (l->closing) free_link(l);
    return any;
}

bool fill_links(void) {
    bool any = false;
    for (uint32_t k = 0; k < MAX_FORWARDED && forward.open > 0 && host.fd >= 0; k++) {
        struct link *l = &links[forward.turn];
        if (l->used && out_room() < OUT_RESERVE + MAX_REPLY) return false;
        if (l->used) any |= fill_link(l);
        forward.turn = (forward.turn + 1) % MAX_FORWARDED;
    }
    return any;
}

short link_events(const struct link *l) {
    short events = l->pos < l->len ? POLLOUT : 0;
    if (!l->readable && !l->ended && !l->closing && l->sent - l->acked < LINK_WINDOW) events |= POLLIN;
    return events;
}

void serve_link(struct link *l, short events, short got) {
    if (l->fd <= 0) return;
    if (got & (POLLIN | POLLHUP | POLLERR)) {
        if (events & POLLIN) l->readable = true;
        else if (got & (POLLHUP | POLLERR)) break_link(l, ECONNRESET);
    }
    if (got & POLLOUT) write_link(l);
}

static bool on_link_input(struct link *l, uint64_t offset, const uint8_t *data, uint32_t n, bool end) {
    if (l->closing || l->host_ended || offset != l->received) return false;
    if (l->len - l->pos + n > LINK_WINDOW || (n == 0) != end) return false;
    l->received += n;
    l->host_ended = end;
    if (l->reset) return true;
    if (n > 0 && !l->buf) l->buf = pages(LINK_WINDOW);
    if (n > 0 && !l->buf) {
        break_link(l, ENOMEM);
        return true;
    }
    if (n > 0) {
        memmove(l->buf, l->buf + l->pos, l->len - l->pos);
        l->len -= l->pos;
        l->pos = 0;
        memcpy(l->buf + l->len, data, n);
        l->len += n;
    }
    write_link(l);
    return true;
}

bool on_link_frame(uint16_t type, uint32_t id, const uint8_t *payload, uint32_t n) {
    struct link *l = find_link(id);
    if (!l || n < 8 || (type != DATA && n != 8)) return false;
    uint64_t offset = get64(payload);
    if (type != ACK) return on_link_input(l, offset, payload + 8, n - 8, type == END);
    if (l->closing || offset > l->sent || offset < l->acked) return false;
    l->acked = offset;
    return true;
}

bool on_closed(uint32_t id, const uint8_t *payload, uint32_t n) {
    struct link *l = find_link(id);
    if (!l || n != 4 || l->closing) return false;
    l->closing = l->host_ended = true;
    if (l->told) free_link(l);
    else if (l->reset) return true;
    else if (get32(payload) != 0) break_link(l, 0);
    else write_link(l);
    return true;
}
