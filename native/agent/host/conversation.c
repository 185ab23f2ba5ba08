#include "conversation.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "../basics.h"
#include "../forward/doors.h"
#include "../forward/link.h"
#include "../settings.h"
#include "serial.h"

struct conn host = {.fd = -1}, candidate = {.fd = -1};
struct talk talk = {.window_bytes = DEFAULT_WINDOW};

void drop_host(void) {
    talk.suspended = false;
    if (host.fd == serial.fd) host.fd = -1;
    close_fd(&host.fd);
    free_pages(&host.in, IN_CAP);
    host.len = 0;
    outbox.len = outbox.pos = 0;
    free_pages(&outbox.bytes, OUT_CAP);
    talk.greeted = talk.greeting = false;
    talk.stats_due = 0;
    end_links();
    for (struct proc *p = processes.first; p; p = p->next) p->attached = false;
}

void suspend_host(void) {
    close_fd(&host.fd);
    talk.suspended = true;
}

bool on_hello(struct conn *c, const uint8_t *payload, uint32_t n) {
    if (n != 16) return false;
    uint64_t asked = get64(payload + 4), window = get32(payload + 12);
    bool version = get16(payload) <= VERSION && VERSION <= get16(payload + 2);
    bool old = asked <= talk.epoch && talk.epoch > 0;
    if (!version || old || window < MIN_WINDOW || window > MAX_WINDOW) {
        const char *why = !version ? "no common version" : old ? "an epoch as high was here before" : "window out of range";
        uint8_t frame[HEADER + 64] = {0};
        uint32_t code = !version ? EPROTONOSUPPORT : old ? ESTALE : EINVAL, length = 4 + (uint32_t)strlen(why);
        uint16_t type = ERROR;
        memcpy(frame, &length, 4);
        memcpy(frame + 4, &type, 2);
        memcpy(frame + HEADER, &code, 4);
        memcpy(frame + HEADER + 4, why, length - 4);
        ssize_t sent = c->fd == serial.fd ? write(c->fd, frame, HEADER + length)
                                          : send(c->fd, frame, HEADER + length, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;     /* who does not take it is refused all the same */
        return false;
    }
    drop_host();
    sweep();    /* what is counted now is what will be listed */
    outbox.bytes = pages(OUT_CAP);
    if (!outbox.bytes) return false;
    host = *c;
    *c = (struct conn){.fd = -1};
    talk.epoch = asked;
    talk.window_bytes = window;
    talk.quiesced = false;
    talk.greeting = true;
    talk.greet_next = processes.first;
    struct payload b = {0};
    put16(&b, VERSION);
    put16(&b, 0);
    put32(&b, CAP_BUILTINS | CAP_TERMINAL | CAP_LIMITS | CAP_WATCH | CAP_TAG | (settings.renew_dir ? CAP_RENEW : 0) |
                  (forward.door_count > 0 ? CAP_FORWARD : 0));
    put64(&b, talk.boot_id);
    put64(&b, talk.epoch);
    put32(&b, processes.count);
    send_frame(HELLO_OK, 0, 0, &b);
    return true;
}
