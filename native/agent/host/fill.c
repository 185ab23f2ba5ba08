#include "fill.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../basics.h"
#include "../forward/doors.h"
#include "../forward/transfer.h"
#include "../process/process.h"
#include "../protocol.h"
#include "conversation.h"
#include "outbox.h"

static void put_exit(struct payload *b, const struct proc *p) {
    put32(b, (uint32_t)p->code);
    put32(b, (uint32_t)p->signo);
    put32(b, p->limit);
    put32(b, 0);
    put64(b, p->cpu_us);
    put64(b, p->max_rss_kb);
    put64(b, p->wall_us);
}

static void send_proc(const struct proc *p) {
    struct payload b = {0};
    put32(&b, p->ended ? 0 : (uint32_t)p->pid);
    put32(&b, (p->flags & 3) | (p->ended ? 4u : 0) | (p->in[0].eof ? 8u : 0) | (p->flags & SPAWN_BUILTIN ? 16u : 0));
    for (int i = 1; i <= 3; i++) {
        put64(&b, p->out[i].acked);
        put64(&b, p->out[i].end);
        put32(&b, p->out[i].eof);
    }
    put64(&b, p->in[0].received);
    put64(&b, p->in[3].received);
    if (p->ended) put_exit(&b, p);
    put16(&b, p->tag_len);
    put(&b, p->tag, p->tag_len);
    send_frame(PROC, 0, p->id, &b);
}

static void send_notice(uint32_t id, const struct notice *n) {
    struct payload b = {0};
    put32(&b, n->kind);
    put32(&b, n->action);
    put64(&b, n->value);
    send_frame(NOTICE, 0, id, &b);
}

static bool fill_stream(struct proc *p, int i) {
    struct spool *s = &p->out[i];
    if (!s->used || host.fd < 0) return false;
    uint64_t n = min64(s->end - s->sent, MAX_CHUNK);
    n = min64(n, s->acked + talk.window_bytes > s->sent ? s->acked + talk.window_bytes - s->sent : 0);
    if (n > 0 && out_room() >= HEADER + 8 + n + OUT_RESERVE) {
        uint8_t *to = frame_header(DATA, (uint16_t)i, p->id, (uint32_t)n + 8);
        memcpy(to, &s->sent, 8);
        copy_from_spool(s, s->sent, to + 8, (uint32_t)n);
        s->sent += n;
        return true;
    }
    if (s->eof && s->sent == s->end && !s->eof_sent) {
        struct payload b = {0};
        put64(&b, s->end);
        send_frame(END, (uint16_t)i, p->id, &b);
        s->eof_sent = true;
        return true;
    }
    return false;
}

static bool fill_process(struct proc *p) {
    bool any = false;
    for (int i = 0; i <= 3; i += 3) {
        if (!p->in[i].ack_due) continue;
        struct payload b = {0};
        put64(&b, p->in[i].received - (p->in[i].len - p->in[i].pos));
        send_frame(ACK, (uint16_t)i, p->id, &b);
        p->in[i].ack_due = false;
    }
    any |= fill_stream(p, 1);
    any |= fill_stream(p, 2);
    /* Text that was written before a message goes out before it. */
    if (p->out[1].sent >= p->out[1].barrier && p->out[2].sent >= p->out[2].barrier) any |= fill_stream(p, 3);
    for (uint32_t i = 0; i < p->notice_count; i++) send_notice(p->id, &p->notices[i]);
    p->notice_count = 0;
    bool all_sent = true;
    for (int i = 1; i <= 3; i++) all_sent &= !p->out[i].used || p->out[i].eof_sent;
    if (p->ended && all_sent && !p->exit_sent) {
        struct payload b = {0};
        put_exit(&b, p);
        send_frame(EXIT, 0, p->id, &b);
        p->exit_sent = true;
    }
    return any;
}

/* One chunk of each stream of each process. Returns whether there could be more. */
static bool fill_processes(void) {
    bool any = false;
    for (uint32_t k = 0; k < processes.count && host.fd >= 0; k++) {
        if (!processes.turn) processes.turn = processes.first;
        if (!processes.turn || out_room() < OUT_RESERVE + MAX_REPLY) return false;
        if (processes.turn->attached && processes.turn->status_fd < 0 && !processes.turn->gone) any |= fill_process(processes.turn);
        processes.turn = processes.turn->next;
    }
    return any;
}

void fill(void) {
    if (host.fd < 0) return;
    while (talk.greeting && out_room() > OUT_RESERVE + MAX_REPLY) {
        if (!talk.greet_next) {
            send_frame(READY, 0, 0, &(struct payload){0});
            talk.greeting = false;
            talk.greeted = true;
            break;
        }
        send_proc(talk.greet_next);
        talk.greet_next = talk.greet_next->next;
    }
    if (!talk.greeted || talk.quiesced) return;
    for (uint32_t i = 0; i < talk.notice_count; i++) send_notice(0, &talk.notices[i]);
    talk.notice_count = 0;
    forward.first = !forward.first;
    if (forward.first) fill_links();
    for (bool any = true; any && host.fd >= 0;) {
        any = fill_processes();
        any |= fill_links();
    }
}
