#include "streams.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "../basics.h"
#include "../limits/limits.h"

enum { LINGER_MS = 200 };

static int readable_bytes(int fd) {
    int n = 0;
    return fd >= 0 && ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? n : 0;
}

/* `!` at the start of a control line lifts the limits: the kernel is done. */
static void watch_for_done(struct proc *p, uint64_t from, uint64_t to) {
    const struct spool *s = &p->out[3];
    bool armed = p->wall_at || p->cpu_ms || p->grace_at;
    for (uint64_t at = from; armed && at < to;) {
        uint32_t index = (uint32_t)((s->head + (at - s->acked)) % s->cap);
        uint32_t run = (uint32_t)min64(to - at, s->cap - index);
        if (p->line_start && s->ring[index] == '!') {
            set_limits(p, 0, 0, 0);
            armed = false;
        }
        const uint8_t *newline = memchr(s->ring + index, '\n', run);
        p->line_start = newline != NULL;
        at += newline ? (uint64_t)(newline - (s->ring + index)) + 1 : run;
    }
    if (to > from) p->line_start = s->ring[(s->head + (to - 1 - s->acked)) % s->cap] == '\n';
}

/* Fixes how much of stdout and stderr was there when control output became readable. */
static void set_barrier(struct proc *p) {
    p->control_quota = (uint32_t)readable_bytes(p->out[3].fd);
    if (p->control_quota == 0) p->control_quota = 1;    /* the end */
    for (int i = 1; i <= 2; i++) {
        struct spool *s = &p->out[i];
        s->barrier = s->end + (s->fd >= 0 ? (uint64_t)readable_bytes(s->fd) : 0);
    }
    p->barrier_set = true;
}

bool barrier_reached(const struct proc *p) {
    for (int i = 1; i <= 2; i++)
        if (p->out[i].fd >= 0 && p->out[i].end < p->out[i].barrier) return false;
    return true;
}

static void read_control(struct proc *p) {
    struct spool *s = &p->out[3];
    uint64_t from = s->end;
    uint64_t n = spool_read(s, p->control_quota);
    if (n > 0) watch_for_done(p, from, s->end);
    p->control_quota -= (uint32_t)n;
    if (n == 0 || p->control_quota == 0) {
        p->barrier_set = p->control_quota > 0 && s->fd >= 0 && spool_space(s) == 0;
    }
}

/* What a closed or capped spool was measured against is void: it will not grow. */
static void settle_barriers(struct proc *p) {
    for (int i = 1; i <= 2; i++)
        if (p->out[i].fd < 0) p->out[i].barrier = min64(p->out[i].barrier, p->out[i].end);
}

void read_outputs(struct proc *p, const bool ready[4]) {
    if (ready[3] && !p->barrier_set && p->out[3].fd >= 0) set_barrier(p);
    for (int i = 1; i <= 2; i++)
        if (ready[i] || p->barrier_set) spool_read(&p->out[i], MAX_CHUNK);
    settle_barriers(p);
    if (p->barrier_set && barrier_reached(p)) read_control(p);
    for (int i = 1; i <= 3; i++)
        if (p->out[i].capped && p->out[i].fd >= 0 && p->out[i].end == p->out[i].final) spool_close(&p->out[i]);
    settle_barriers(p);
}

void write_input(struct inlet *in) {
    while (in->fd >= 0 && in->pos < in->len) {
        ssize_t n = write(in->fd, in->buf + in->pos, in->len - in->pos);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) close_fd(&in->fd);
        else in->pos += (uint32_t)n;
        in->ack_due = true;
    }
    if (in->pos < in->len) in->ack_due = true;  /* nobody reads any more: the rest is taken and dropped */
    in->len = in->pos = 0;
    if (!in->eof) return;
    /* A terminal ends its input by ^D. */
    if (in->fd >= 0 && in->terminal && write(in->fd, "\4", 1) < 0 && errno == EAGAIN) return;
    close_fd(&in->fd);
    free_pages(&in->buf, INPUT_WINDOW);
}

void start_linger(struct proc *p) { p->linger_ms = now_ms() + LINGER_MS; }

void end_linger(struct proc *p) {
    p->linger_ms = 0;
    for (int i = 1; i <= 3; i++) {
        struct spool *s = &p->out[i];
        if (s->fd < 0) continue;
        s->final = s->end + (uint64_t)readable_bytes(s->fd);
        s->capped = true;
    }
    const bool all[4] = {false, true, true, true};
    read_outputs(p, all);
}
