#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "basics.h"
#include "events.h"
#include "forward/doors.h"
#include "forward/link.h"
#include "forward/names.h"
#include "forward/transfer.h"
#include "host/connect.h"
#include "host/conversation.h"
#include "host/fill.h"
#include "host/outbox.h"
#include "host/serial.h"
#include "limits/limits.h"
#include "process/process.h"
#include "process/reap.h"
#include "process/start.h"
#include "process/streams.h"
#include "protocol.h"
#include "watch/walker.h"
#include "watch/watchdogs.h"

enum { IDLE_MS = 1000 };

static bool idle_due;
static uint64_t idle_at;

/* Whether a whole frame is here that could be handled now: then nothing may wait. */
static bool frame_waiting(void) {
    if (!talk.greeted || host.len < HEADER || out_room() < OUT_RESERVE / 2) return false;
    uint32_t length = get32(host.in);
    return length > MAX_PAYLOAD || host.len >= HEADER + length;
}

static int next_timeout(void) {
    if (frame_waiting()) return 0;
    uint64_t at = UINT64_MAX, now = now_ms();
    for (const struct proc *p = processes.first; p; p = p->next) {
        const uint64_t times[] = {p->linger_ms, p->wall_at, p->grace_at, p->cpu_poll_at};
        for (size_t i = 0; i < 4; i++)
            if (times[i]) at = min64(at, times[i]);
    }
    if (watch.memory || watch.pids) at = min64(at, watch.next_ms);
    if (watch.disk && !walker.pid) {
        at = min64(at, walker.next_ms);
        uint64_t rested = walker.measured_ms + 3 * walker.took_ms;
        at = min64(at, walker.look_ms > rested ? walker.look_ms : rested);
    }
    if (walker.pid) at = min64(at, walker.started_ms + WALK_MS);
    if (idle_due) at = min64(at, idle_at);
    if (forward.again_ms) at = min64(at, forward.again_ms);
    return at == UINT64_MAX ? -1 : at <= now ? 0 : (int)min64(at - now, 60000);
}

/* After a second of quiet, empty buffers go back to the system. */
static void give_back_memory(void) {
    idle_due = false;
    for (struct proc *p = processes.first; p; p = p->next)
        for (int i = 0; i < 4; i++) {
            if (p->out[i].acked == p->out[i].end) free_pages(&p->out[i].ring, p->out[i].cap);
            if (p->in[i].len == 0) free_pages(&p->in[i].buf, INPUT_WINDOW);
        }
    for (struct link *l = links; l < links + MAX_FORWARDED; l++)
        if (l->len == 0) free_pages(&l->buf, LINK_WINDOW);
    if (host.fd < 0) return;
    if (host.len == 0) madvise(host.in, IN_CAP, MADV_DONTNEED);
    if (outbox.len == 0) madvise(outbox.bytes, OUT_CAP, MADV_DONTNEED);
}

static void serve_processes(void) {
    nfds_t i = 0;
    while (i < polled_count) {
        struct proc *p = slots[i].proc;
        if (!p) {
            i++;
            continue;
        }
        bool ready[4] = {false}, any = p->barrier_set;
        for (; i < polled_count && slots[i].proc == p; i++) {
            if (!polled[i].revents) continue;
            if (slots[i].what == STATUS) finish_start(p);
            else if (slots[i].what == INPUT) write_input(&p->in[slots[i].stream]);
            else any = ready[slots[i].stream] = true;
        }
        if (any && !talk.quiesced) read_outputs(p, ready);
    }
}

_Noreturn void loop(void) {
    for (;;) {
        choose_events();
        int n = poll(polled, polled_count, next_timeout());
        /* An agent that hears nothing is none: its end tells the host, where going round in circles would not. */
        if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOMEM) _exit(1);
        if (n > 0) {
            idle_due = true;
            idle_at = now_ms() + IDLE_MS;
        }
        bool host_ready = false, host_gone = false, line_ready = false;
        serve_processes();
        for (nfds_t i = 0; n > 0 && i < polled_count; i++) {
            if (!polled[i].revents || slots[i].proc) continue;
            if (slots[i].what == CHILDREN) reap();
            if (slots[i].what == LINE) {
                line_ready = polled[i].revents & POLLIN;
                if (polled[i].revents & (POLLHUP | POLLERR)) look_for_host();
            }
            if (slots[i].what == HOST) host_ready = polled[i].revents & (POLLIN | POLLHUP | POLLERR);
            if (slots[i].what == LINK) serve_link(&links[slots[i].stream], polled[i].events, polled[i].revents);
            if (slots[i].what == DOOR) accept_links(&forward.doors[slots[i].stream]);
            if (slots[i].what == QUESTIONS) answer_questions();
        }
        uint64_t now = now_ms();
        enforce_limits(now);
        run_watchdogs(now);
        if (line_ready) receive_serial();
        if (line_ready && candidate.fd == serial.fd) serve_candidate();
        if (host_ready && host.len < IN_CAP) host_gone = !receive(&host);
        if (serial.unplugged && host.fd == serial.fd) drop_host();
        bool served = host.fd < 0 || !talk.greeted || serve_host();
        if (host_gone && served && talk.quiesced && host.len == 0) suspend_host();
        else if (host_gone || !served) drop_host();
        for (nfds_t i = 0; n > 0 && i < polled_count; i++) {
            if (!polled[i].revents) continue;
            if (slots[i].what == CANDIDATE) serve_candidate();
            if (slots[i].what == CONNECTS) accept_candidate();
        }
        sweep();
        fill();
        flush_out();
        if (idle_due && now_ms() >= idle_at) give_back_memory();
    }
}
