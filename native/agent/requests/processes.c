#include "processes.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../basics.h"
#include "../host/outbox.h"
#include "../process/start.h"
#include "../process/streams.h"
#include "../protocol.h"
#include "../settings.h"
#include "../tree/kill.h"
#include "../tree/scan.h"
#include "../tree/tree.h"

/* Cuts the next NUL-terminated string; NULL when there is none. */
static char *cut_string(char **at, const char *end) {
    char *s = *at, *nul = memchr(s, 0, (size_t)(end - s));
    if (!nul) return NULL;
    *at = nul + 1;
    return s;
}

bool on_spawn(uint32_t id, uint8_t *p, uint32_t n) {
    if (n < 40 || id == 0 || find_proc(id)) return false;
    struct launch l = {.flags = get32(p), .rows = get16(p + 4), .cols = get16(p + 6), .nofile = get32(p + 28)};
    l.argc = get16(p + 34);
    l.envc = get32(p + 36);
    uint32_t tag_len = get16(p + 32);
    bool own = l.flags & SPAWN_OWN;
    if (l.flags & ~31u || (own && (!(l.flags & SPAWN_BUILTIN) || !settings.user)) || l.argc == 0 || tag_len > MAX_TAG || n - 40 < tag_len) return false;
    if (l.envc > n || l.flags == (SPAWN_TERMINAL | SPAWN_NO_STDIN)) return false;
    char *at = (char *)p + 40 + tag_len, *end = (char *)p + n;
    char **strings = calloc(l.argc + l.envc + 2, sizeof *strings);
    if (!strings) return false;
    l.argv = strings;
    l.env = strings + l.argc + 1;
    bool ok = (l.cwd = cut_string(&at, end)) != NULL;
    for (uint32_t i = 0; ok && i < l.argc; i++) ok = (l.argv[i] = cut_string(&at, end)) != NULL;
    for (uint32_t i = 0; ok && i < l.envc; i++) ok = (l.env[i] = cut_string(&at, end)) != NULL;
    if (ok && at == end) start_process(id, &l, p);
    else ok = false;
    free(strings);
    return ok;
}

bool on_attach(struct proc *p, const uint8_t *payload, uint32_t n) {
    if (n != 24) return false;
    if (!p) return true;
    if (p->attached) return false;
    for (int i = 1; i <= 3; i++) {
        uint64_t offset = get64(payload + 8 * (i - 1));
        if (offset < p->out[i].acked || offset > p->out[i].end) return false;
    }
    for (int i = 1; i <= 3; i++) {
        struct spool *s = &p->out[i];
        spool_ack(s, get64(payload + 8 * (i - 1)));
        s->sent = s->acked;
        s->eof_sent = false;
    }
    p->attached = true;
    p->exit_sent = false;
    p->in[0].ack_due = true;
    p->in[3].ack_due = p->flags & SPAWN_CONTROL;
    return true;
}

bool on_input(struct proc *p, int stream, const uint8_t *payload, uint32_t n, bool end) {
    if (n < 8 || n - 8 > MAX_CHUNK || (end && n != 8) || (stream != 0 && stream != 3)) return false;
    if (!p) return true;
    struct inlet *in = &p->in[stream];
    uint64_t offset = get64(payload);
    if (offset != in->received || in->eof) return p->ended || (p->flags & SPAWN_NO_STDIN);
    if (stream == 3 && !(p->flags & SPAWN_CONTROL)) return false;
    if (end) {
        in->eof = true;
        write_input(in);
        return true;
    }
    n -= 8;
    if (in->len - in->pos + n > INPUT_WINDOW) return false;
    if (n > 0 && !in->buf) in->buf = pages(INPUT_WINDOW);
    if (n > 0 && !in->buf) return false;
    if (in->pos > 0) {
        memmove(in->buf, in->buf + in->pos, in->len - in->pos);
        in->len -= in->pos;
        in->pos = 0;
    }
    if (n > 0) memcpy(in->buf + in->len, payload + 8, n);
    in->len += n;
    in->received += n;
    write_input(in);
    return true;
}

bool on_ack(struct proc *p, int stream, const uint8_t *payload, uint32_t n) {
    if (n != 8 || stream < 1 || stream > 3) return false;
    if (!p) return true;
    struct spool *s = &p->out[stream];
    uint64_t offset = get64(payload);
    if (offset > s->sent) return false;
    if (offset > s->acked) spool_ack(s, offset);
    return true;
}

static int signal_tree(struct proc *p, int sig, bool with_root, uint32_t *count) {
    if (sig == SIGKILL) {
        int n = kill_members(p, with_root);
        if (n < 0 && with_root) kill_everything();
        *count = n > 0 ? (uint32_t)n : 0;
        return n < 0 && !with_root ? EAGAIN : 0;
    }
    struct scan s = scan_proc();
    mark_tree(&s, p, 0);
    *count = signal_new(&s, NULL, with_root ? 0 : p->pid, sig, false);
    free(s.e);
    return 0;
}

bool on_signal(uint32_t id, struct proc *p, const uint8_t *payload, uint32_t n) {
    if (n != 8) return false;
    uint32_t sig = get32(payload), scope = get32(payload + 4), count = 0;
    if (sig >= (uint32_t)NSIG || scope > DESCENDANTS) return false;
    int error = ESRCH;
    if (p && scope >= TREE) error = signal_tree(p, (int)sig, scope == TREE, &count);
    else if (p && !p->ended) error = kill(scope == ROOT ? p->pid : -p->pid, (int)sig) == 0 ? 0 : errno;
    if (error == 0 && scope < TREE) count = 1;
    struct payload b = {0};
    put32(&b, (uint32_t)error);
    put32(&b, count);
    send_frame(SIGNALLED, 0, id, &b);
    return true;
}

bool on_tag(struct proc *p, const uint8_t *payload, uint32_t n) {
    if (n > MAX_TAG) return false;
    if (!p) return true;
    memcpy(p->tag, payload, n);
    p->tag_len = (uint16_t)n;
    return true;
}
