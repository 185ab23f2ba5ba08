#include "dispatch.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#include "../basics.h"
#include "../forward/doors.h"
#include "../forward/transfer.h"
#include "../host/conversation.h"
#include "../host/outbox.h"
#include "../limits/limits.h"
#include "../process/process.h"
#include "../protocol.h"
#include "../settings.h"
#include "../tree/kill.h"
#include "../watch/watchdogs.h"
#include "processes.h"
#include "renew.h"

/* As the first process of a machine or pid namespace our end takes everything with it. */
static _Noreturn void power_off(void) {
    kill_everything();
    sync();
    if (self.pid == 1) reboot(RB_POWER_OFF);
    _exit(0);
}

bool on_frame(uint16_t type, uint16_t flags, uint32_t id, uint8_t *payload, uint32_t n) {
    struct proc *p = find_proc(id);
    bool stream = type == DATA || type == END || type == ACK;
    if (!stream && flags != 0) return false;
    if (stream && flags == LINK_STREAM) return on_link_frame(type, id, payload, n);
    struct payload b = {0};
    switch (type) {
    case LISTEN:
        if (n != 0 || id != 0) return false;
        forward.listening = forward.door_count > 0;
        put32(&b, forward.door_count);
        send_frame(LISTENING, 0, 0, &b);
        return true;
    case CLOSED: return on_closed(id, payload, n);
    case SPAWN: return on_spawn(id, payload, n);
    case ATTACH: return on_attach(p, payload, n);
    case DATA: return on_input(p, flags, payload, n, false);
    case END: return on_input(p, flags, payload, n, true);
    case ACK: return on_ack(p, flags, payload, n);
    case SIGNAL: return on_signal(id, p, payload, n);
    case LIMIT:
        if (n != 20) return false;
        if (p && !p->ended) set_limits(p, get64(payload), get64(payload + 8), get32(payload + 16));
        return true;
    case RESIZE:
        if (n != 4) return false;
        if (p && p->flags & SPAWN_TERMINAL && p->out[1].fd >= 0)
            ioctl(p->out[1].fd, TIOCSWINSZ, &(struct winsize){.ws_row = get16(payload), .ws_col = get16(payload + 2)});
        return true;
    case FORGET:
        if (n != 0) return false;
        if (p && p->ended) p->gone = true;
        return true;
    case STATS: return on_stats(n);
    case WATCH: return set_watch(payload, n);
    case QUIESCE:
        talk.quiesced = true;
        send_frame(QUIESCED, 0, 0, &b);
        return n == 0;
    case RESUME:
        talk.quiesced = false;
        return n == 0;
    case CLOCK: return on_clock(payload, n);
    case RENEW: return id == 0 && on_renew(payload, n);
    case TAG: return on_tag(p, payload, n);
    case PING:
        if (n != 8) return false;
        put(&b, payload, 8);
        send_frame(PONG, 0, 0, &b);
        return true;
    case POWEROFF: power_off();
    default: return false;
    }
}
