#include "connect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../basics.h"
#include "../protocol.h"
#include "../requests/dispatch.h"
#include "../settings.h"
#include "outbox.h"
#include "serial.h"

bool receive(struct conn *c) {
    if (c->fd == serial.fd) return true;    /* receive_serial has */
    ssize_t got = recv(c->fd, c->in + c->len, IN_CAP - c->len, MSG_DONTWAIT);
    if (got < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (got == 0 && c->len < IN_CAP) return false;
    if (got > 0) c->len += (uint32_t)got;
    return true;
}

static bool refuse(const char *text) {
    struct payload b = {0};
    put32(&b, EPROTO);
    put(&b, text, strlen(text));
    send_frame(ERROR, 0, 0, &b);
    flush_out();
    return false;
}

bool serve_host(void) {
    uint32_t at = 0;
    bool ok = true;
    while (ok && host.len - at >= HEADER && out_room() >= OUT_RESERVE / 2) {
        uint8_t *frame = host.in + at;
        uint32_t length = get32(frame);
        if (length > MAX_PAYLOAD) return refuse("frame too long");
        if (host.len - at < HEADER + length) break;
        ok = on_frame(get16(frame + 4), get16(frame + 6), get32(frame + 8), frame + HEADER, length);
        if (host.fd < 0) return false;
        at += HEADER + length;
    }
    if (!ok) return refuse("malformed frame");
    if (at > 0) memmove(host.in, host.in + at, host.len - at);
    host.len -= at;
    return true;
}

void drop_candidate(void) {
    if (candidate.fd == serial.fd) candidate.fd = -1;
    close_fd(&candidate.fd);
    free_pages(&candidate.in, IN_CAP);
    candidate.len = 0;
}

/* Where a sandbox cannot inherit a listening socket (gVisor), somebody on the host accepts, and sends us the connection. */
static int receive_connection(void) {
    int fd = -1;
    char byte, control[CMSG_SPACE(sizeof fd)];
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(settings.listen_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n == 0) _exit(1); /* nobody accepts any more: an agent that cannot be reached is none */
    struct cmsghdr *rights = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (!rights || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(sizeof fd)) return -1;
    memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    return fd;
}

void accept_candidate(void) {
    int fd = settings.accepts ? accept4(settings.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : receive_connection();
    if (fd < 0) return;
    drop_candidate();
    candidate = (struct conn){.fd = fd, .in = pages(IN_CAP)};
    if (!candidate.in) drop_candidate();
}

/* RESUME as the first frame of a connection goes on with the conversation that was suspended. */
static bool resume_with_candidate(void) {
    if (!talk.suspended || get64(candidate.in + HEADER) != talk.epoch) return false;
    talk.suspended = talk.quiesced = false;
    host.fd = candidate.fd;
    host.len = candidate.len - HEADER - 8;
    memcpy(host.in, candidate.in + HEADER + 8, host.len);
    candidate.fd = -1;
    drop_candidate();
    return true;
}

void serve_candidate(void) {
    if (!receive(&candidate)) {
        drop_candidate();
        return;
    }
    if (candidate.len < HEADER) return;
    uint32_t length = get32(candidate.in);
    if (get16(candidate.in + 4) == RESUME && length == 8) {
        if (candidate.len >= HEADER + length && !resume_with_candidate()) drop_candidate();
        return;
    }
    bool hello = get16(candidate.in + 4) == HELLO && length == 16 && get16(candidate.in + 6) == 0;
    if (hello && candidate.len < HEADER + length) return;
    if (!hello || !on_hello(&candidate, candidate.in + HEADER, length)) {
        drop_candidate();
        return;
    }
    host.len -= HEADER + length;
    memmove(host.in, host.in + HEADER + length, host.len);
}
