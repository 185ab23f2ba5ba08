#include "events.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "basics.h"
#include "forward/link.h"
#include "forward/transfer.h"
#include "host/conversation.h"
#include "host/outbox.h"
#include "host/serial.h"
#include "process/streams.h"
#include "settings.h"

struct pollfd polled[MAX_POLLED];
struct slot slots[MAX_POLLED];
nfds_t polled_count;

static void want(int fd, short events, enum what what, struct proc *p, int stream) {
    polled[polled_count] = (struct pollfd){.fd = fd, .events = events};
    slots[polled_count++] = (struct slot){p, (uint8_t)what, (uint8_t)stream};
}

static void choose_forward_events(void) {
    if (talk.quiesced) return;
    if (forward.again_ms && now_ms() >= forward.again_ms) forward.again_ms = 0;
    if (!forward.again_ms && (!forward.listening || (forward.open < MAX_FORWARDED && room_for_answer())))
        for (uint32_t i = 0; i < forward.door_count; i++) want(forward.doors[i].fd, POLLIN, DOOR, NULL, (int)i);
    if (forward.names_fd >= 0) want(forward.names_fd, POLLIN, QUESTIONS, NULL, 0);
    for (int i = 0; i < MAX_FORWARDED && forward.open > 0; i++) {
        short events = link_events(&links[i]);
        if (links[i].fd > 0 && (events || !links[i].shut)) want(links[i].fd, events, LINK, NULL, i);
    }
}

static void choose_line_events(void) {
    bool full = host.fd == serial.fd && (host.len >= IN_CAP || out_room() < OUT_RESERVE / 2);
    short events = (short)((full ? 0 : POLLIN) | (host.fd == serial.fd && outbox.pos < outbox.len ? POLLOUT : 0));
    if (!serial.unplugged && events) want(serial.fd, events, LINE, NULL, 0);
}

void choose_events(void) {
    polled_count = 0;
    if (settings.listen_fd >= 0) want(settings.listen_fd, POLLIN, CONNECTS, NULL, 0);
    want(self.signal_fd, POLLIN, CHILDREN, NULL, 0);
    if (serial.fd >= 0) choose_line_events();
    else if (candidate.fd >= 0) want(candidate.fd, POLLIN, CANDIDATE, NULL, 0);
    if (host.fd >= 0 && host.fd != serial.fd) {
        bool room = host.len < IN_CAP && out_room() >= OUT_RESERVE / 2;
        want(host.fd, (short)((room ? POLLIN : 0) | (outbox.pos < outbox.len ? POLLOUT : 0)), HOST, NULL, 0);
    }
    choose_forward_events();
    for (struct proc *p = processes.first; p; p = p->next) {
        if (talk.quiesced) continue;
        if (p->status_fd >= 0 && room_for_answer()) want(p->status_fd, POLLIN, STATUS, p, 0);
        for (int i = 1; i <= 3; i++) {
            const struct spool *s = &p->out[i];
            if (s->fd < 0 || spool_space(s) == 0 || (i == 3 && p->barrier_set && !barrier_reached(p))) continue;
            want(s->fd, POLLIN, OUTPUT, p, i);
        }
        for (int i = 0; i <= 3; i += 3) {
            const struct inlet *in = &p->in[i];
            if (in->fd >= 0 && (in->len > in->pos || in->eof)) want(in->fd, POLLOUT, INPUT, p, i);
        }
    }
}
