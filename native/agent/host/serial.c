#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "../basics.h"
#include "connect.h"
#include "conversation.h"
#include "outbox.h"

struct serial serial = {.fd = -1};

/* The word says to the host that what follows is for it. */
static void answer_key(void) {
    for (uint32_t at = 0; at < KEY_BYTES;) {
        ssize_t n = write(serial.fd, serial.word + at, KEY_BYTES - at);
        if (n < 0 && errno == EAGAIN && poll(&(struct pollfd){.fd = serial.fd, .events = POLLOUT}, 1, 1000) == 1) continue;
        if (n <= 0) return;
        at += (uint32_t)n;
    }
    candidate = (struct conn){.fd = serial.fd, .in = pages(IN_CAP)};
    if (!candidate.in) candidate.fd = -1;
}

/*
 * Looks for the key in what came. Returns how many bytes come before what is a new connection's; -1: there is none, and all of it is the
 * old one's. The first host of all brings the key along.
 */
static ssize_t find_key(const uint8_t *data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (serial.wording) {
            serial.word[serial.words++] = data[i];
            if (serial.words < KEY_BYTES) continue;
            serial.wording = false;
            answer_key();
            return (ssize_t)i + 1;
        }
        if (!serial.keyed) {
            serial.key[serial.matched++] = data[i];
        } else if (data[i] == serial.key[serial.matched]) {
            serial.matched++;
        } else {
            serial.matched = data[i] == serial.key[0];
            if (serial.matched) continue;
            const uint8_t *next = memchr(data + i, serial.key[0], n - i);
            if (!next) return -1;
            i = (size_t)(next - data) - 1;
            continue;
        }
        if (serial.matched < KEY_BYTES) continue;
        serial.keyed = serial.wording = true;
        serial.matched = serial.words = 0;
        drop_host();
        drop_candidate();
    }
    return -1;
}

void look_for_host(void) {
    struct pollfd now = {.fd = serial.fd, .events = POLLIN};
    serial.unplugged = poll(&now, 1, 0) == 1 && now.revents & (POLLHUP | POLLERR);
}

void receive_serial(void) {
    static uint8_t data[65536];
    struct conn *c = candidate.fd == serial.fd ? &candidate : &host;
    size_t room = c->fd == serial.fd ? IN_CAP - c->len : sizeof data;
    ssize_t n = read(serial.fd, data, room < sizeof data ? room : sizeof data);
    if (n == 0) look_for_host();
    if (n <= 0) return;
    size_t at = 0;
    for (ssize_t before; (before = find_key(data + at, (size_t)n - at)) >= 0; c = &candidate) at += (size_t)before;
    if (serial.wording || c->fd != serial.fd) return;
    memcpy(c->in + c->len, data + at, (size_t)n - at);
    c->len += (uint32_t)((size_t)n - at);
}

void open_serial(void) {
    fcntl(serial.fd, F_SETFD, FD_CLOEXEC);
    fcntl(serial.fd, F_SETOWN, getpid());
    fcntl(serial.fd, F_SETFL, O_NONBLOCK | O_ASYNC);
}
