/*
 * The guest agent: the first process of a sandbox. It starts programs, carries their streams to the host and back,
 * keeps what the host has not yet acknowledged, enforces limits, and reaps. docs/reference/agent-protocol.md is the
 * contract. One thread, one poll loop, no memory that grows with idleness.
 *
 *   agent --listen-fd N | --serial-fd N [--seccomp-fd N] [--workspace DIR] [--nproc N]
 *         [--proxy-fd N]... [--redirect-fd N]... [--names-fd N] [--user UID] [--cgroup-fd N] [--renew-dir DIR]
 *
 * The latter three are for a kernel of the sandbox's own, where the agent is root: user code becomes UID and joins the cgroup,
 * and names that a host renews after a restore are written into DIR.
 *
 * Where to start reading: main at the end, then serve_host, fill and read_outputs.
 * Everything that user code can influence (sizes, names, /proc) is bounded here; frames from the host are checked too,
 * because a fuzzer may be the host.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/random.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    VERSION = 1,
    HEADER = 12,
    MAX_PAYLOAD = 262144,
    MAX_CHUNK = 65536,          /* data bytes in one DATA frame */
    INPUT_WINDOW = 65536,       /* unacknowledged input per stream */
    DEFAULT_WINDOW = 262144,
    MIN_WINDOW = 4096,
    MAX_WINDOW = 1 << 22,
    MAX_TAG = 512,
    MAX_PROCS = 1024,
    IN_CAP = HEADER + MAX_PAYLOAD,
    OUT_CAP = 262144,
    OUT_RESERVE = 16384,        /* of OUT_CAP: kept for answers, never used for DATA */
    MAX_REPLY = 1024,
    LINGER_MS = 200,
    CPU_POLL_MS = 20,
    IDLE_MS = 1000,
    WALK_MS = 20000,            /* a walk that takes longer is tried again */
    MAX_FAILED_WALKS = 3,       /* so many in a row count as a full disk: user code can stop and kill the walker */
    MAX_FAILED_STARTS = 25,     /* the same for a walker that cannot be started at all, tried every START_AGAIN_MS */
    START_AGAIN_MS = 200,
    MAX_HIDERS = 10,            /* so many walks in a row that met processes which hide their files count as one, too */
    MAX_LOOK_MS = 500,
    KILL_MS = 500,              /* how long a hunt may take before the last resort */
    MAX_FORWARDED = 256,        /* forwarded connections at the same time; others wait in the kernel's queue */
    LINK_WINDOW = 32768,        /* unacknowledged bytes of a forwarded connection, each way */
    LINK_STREAM = 4,            /* the stream number of forwarded connections */
    MAX_DOORS = 8,
    MAX_REFUSED = 32,           /* connections refused in one turn, when nobody could take them */
    MAX_QUESTIONS = 32,         /* DNS messages answered in one turn */
    MAX_NAME = 253,
    NAMES = 4096,               /* names whose addresses are remembered */
    NAME_ADDRESSES = 31 * NAMES,
    NAME_TTL_S = 30,
    KEY_BYTES = 16,             /* of the key that begins a connection over a serial line, and of the word that answers it */
    MAX_HOST_NAME = 63,
};
static const uint32_t FIRST_NAME_ADDRESS = UINT32_C(0xc6120100);    /* 198.18.1.0, of 198.18.0.0/15 */

enum frame_type {
    HELLO = 1, HELLO_OK, PROC, READY, ERROR, ATTACH,
    SPAWN = 16, SPAWNED, SPAWN_FAILED, DATA, END, ACK, SIGNAL, SIGNALLED, LIMIT, RESIZE, FORGET, STATS, STATS_OK, WATCH,
    QUIESCE, QUIESCED, RESUME, CLOCK, PING, PONG, POWEROFF, NOTICE, EXIT,
    LISTEN, LISTENING, OPENED, CLOSED, TAG, RENEW,
};

enum { CAP_BUILTINS = 1, CAP_TERMINAL = 2, CAP_LIMITS = 4, CAP_WATCH = 8, CAP_FORWARD = 16, CAP_TAG = 32, CAP_RENEW = 64 };
enum spawn_flag { SPAWN_TERMINAL = 1, SPAWN_CONTROL = 2, SPAWN_NO_STDIN = 4, SPAWN_BUILTIN = 8, SPAWN_OWN = 16 };
enum limit_kind { NONE, WALL, CPU, MEMORY, DISK, PIDS };
enum scope { ROOT, GROUP, TREE, DESCENDANTS };
enum notice_action { INTERRUPTED = 1, KILLED = 2 };

/* An output stream: a ring of what was read and not yet acknowledged. acked <= sent <= end. */
struct spool {
    int fd;
    bool used, eof, eof_sent, capped;
    uint8_t *ring;
    uint32_t cap, head;         /* head: index of the byte at `acked` */
    uint64_t acked, sent, end;
    uint64_t final;             /* when capped: nothing is read beyond */
    uint64_t barrier;           /* control output waits until this much of us was read, and sent */
};

/* An input stream: what the host sent and the process has not taken yet. */
struct inlet {
    int fd;
    bool eof, ack_due, terminal;
    uint8_t *buf;
    uint32_t len, pos;
    uint64_t received;
};

struct notice { uint32_t kind, action; uint64_t value; };

struct proc {
    struct proc *next;
    uint32_t id, flags;
    pid_t pid;
    int status_fd;              /* >= 0 while exec has not happened yet */
    bool attached, ended, exit_sent, gone;
    uint64_t epoch;             /* of the connection that asked for it */
    struct spool out[4];        /* 1, 2, 3 */
    struct inlet in[4];         /* 0, 3 */
    bool barrier_set, line_start;
    uint32_t control_quota;
    uint64_t started_us, linger_ms;
    int32_t code, signo;
    uint32_t limit;             /* for which it was killed */
    uint64_t cpu_us, max_rss_kb, wall_us;
    /* limits; times are monotonic milliseconds, 0 is off */
    uint64_t wall_at, wall_ms, grace_at, grace_ms, cpu_ms, cpu_poll_at, arm_ticks;
    uint64_t orphan_us;         /* CPU time of its orphans that were reaped here */
    uint64_t cpu_last_us;
    int64_t cpu_base_us;
    uint32_t tripped;
    struct notice notices[4];
    uint32_t notice_count;
    uint16_t tag_len;
    uint8_t tag[MAX_TAG];
};

struct conn {
    int fd;
    uint8_t *in;
    uint32_t len;
};

/* A connection that a program made and the host serves. It lives as long as the connection to the host, at most. */
struct link {
    bool used;
    bool readable;              /* as far as poll said and read has not said otherwise */
    bool ended, end_sent;       /* the program's end was read, and told */
    bool host_ended, shut;      /* the host's end was told, and passed on */
    bool closing, told;         /* CLOSED was heard; was said: with both there is nothing left of it */
    bool reset;                 /* it broke */
    bool ack_due;
    int fd;                     /* 0: none any more */
    uint32_t id, error;
    uint64_t sent, acked;       /* to the host */
    uint64_t received;          /* from the host */
    uint8_t *buf;               /* what the program has not taken yet: pos to len */
    uint32_t len, pos;
};

static struct conn host = {.fd = -1}, candidate = {.fd = -1};

/* A serial line (virtio-serial) has no connections of its own: see "Over a serial line" in the protocol. */
static struct {
    int fd;
    bool unplugged;             /* no host at the other end: to be polled again after SIGIO */
    bool keyed;                 /* a host was here: `key` begins every further connection */
    uint8_t key[KEY_BYTES], word[KEY_BYTES];
    uint32_t matched, words;    /* bytes of the key seen at the end of what was read; bytes of the word that follows it */
    bool wording;
} serial = {.fd = -1};
static uint8_t *out;
static size_t out_len, out_pos;
static struct proc *procs, *greet_next, *turn;
static uint32_t proc_count;
static bool greeted, greeting, quiesced, idle_due;
static bool suspended;          /* the host left while we were quiet, and goes on with the same conversation later */
static uint64_t epoch, boot_id, window_bytes = DEFAULT_WINDOW, idle_at;
static int listen_fd = -1, signal_fd = -1;
static int accepts;             /* whether listen_fd is listened on; else connections are sent to it */
static const char *workspace = "/workspace";
static struct sock_fprog seccomp_filter;
static uid_t user;           /* of what is started; 0: the agent's own */
static int cgroup_fd = -1;   /* a cgroup v2 folder for what is started */
static const char *renew_dir;
static rlim_t max_processes; /* RLIMIT_NPROC of what is started; 0: none */
static struct rlimit initial_nofile;
static pid_t self, own_session;
static uint64_t ticks_per_s, cpu_count, reaped_us, oom_kills;

static struct {
    uint64_t memory, disk, pids, interval_ms, next_ms;
} watch;
static struct {
    pid_t pid;
    int fd;
    uint64_t bytes, started_ms, next_ms, measured_ms;
    uint64_t free, look_ms;     /* free bytes and inodes of the file system when the walk began; when to look at them again */
    uint64_t took_ms;
    uint32_t failures;          /* walks in a row that came to nothing */
    uint32_t failed_starts;     /* the same of attempts to start one */
    uint32_t hiders;            /* walks in a row after which processes that hide were found */
    bool known;
} walker = {.fd = -1};
/* A listening socket that the supervisor made. Of the proxy's own: who comes by the loopback says to it where to go. */
struct door { int fd; bool proxy; };

static struct {
    struct door doors[MAX_DOORS];
    uint32_t door_count, next_id, open, turn;
    uint64_t again_ms;          /* accepting failed: when to try again */
    int names_fd;               /* where programs ask for names */
    bool listening, first;
} forward = {.names_fd = -1};
static struct link links[MAX_FORWARDED];
static uint32_t stats_due;
static struct notice sandbox_notices[8];
static uint32_t sandbox_notice_count;

/* ---- small things ---- */

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
static uint64_t now_ms(void) { return now_us() / 1000; }

static uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }

static uint64_t min64(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Deadlines that the host names are bounded, so that sums cannot overflow. */
static uint64_t bounded_ms(uint64_t ms) { return min64(ms, UINT64_C(1) << 40); }

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Buffers come from mmap, so that what is given back is really given back. */
static uint8_t *pages(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}
static void free_pages(uint8_t **p, size_t size) {
    if (*p) munmap(*p, size);
    *p = NULL;
}

static bool write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = write(fd, text, strlen(text)) > 0;
    close(fd);
    return ok;
}

static struct proc *find_proc(uint32_t id) {
    for (struct proc *p = procs; p; p = p->next)
        if (p->id == id && !p->gone) return p;
    return NULL;
}

/* ---- frames to the host ---- */

struct payload { size_t len; uint8_t bytes[MAX_REPLY]; };

static void put(struct payload *b, const void *data, size_t n) {
    if (b->len + n > sizeof b->bytes) abort();
    memcpy(b->bytes + b->len, data, n);
    b->len += n;
}
static void put16(struct payload *b, uint16_t v) { put(b, &v, 2); }
static void put32(struct payload *b, uint32_t v) { put(b, &v, 4); }
static void put64(struct payload *b, uint64_t v) { put(b, &v, 8); }

/* A connection whose other end is lost is reset, so that the program can tell that from an end. */
static void reset_socket(int fd) {
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(fd);
}

static void end_links(void) {
    for (struct link *l = links; l < links + MAX_FORWARDED; l++) {
        if (l->fd > 0) reset_socket(l->fd);
        free_pages(&l->buf, LINK_WINDOW);
        *l = (struct link){0};
    }
    forward.listening = false;
    forward.open = 0;
    forward.next_id = 1;
}

static void drop_host(void) {
    suspended = false;
    if (host.fd == serial.fd) host.fd = -1;
    close_fd(&host.fd);
    free_pages(&host.in, IN_CAP);
    host.len = 0;
    out_len = out_pos = 0;
    free_pages(&out, OUT_CAP);
    greeted = greeting = false;
    stats_due = 0;
    end_links();
    for (struct proc *p = procs; p; p = p->next) p->attached = false;
}

static size_t out_room(void) {
    if (out_pos > 0 && OUT_CAP - out_len < MAX_CHUNK + OUT_RESERVE + HEADER) {
        memmove(out, out + out_pos, out_len - out_pos);
        out_len -= out_pos;
        out_pos = 0;
    }
    return OUT_CAP - out_len;
}

static bool room_for_answer(void) { return host.fd < 0 || out_room() >= 2 * MAX_REPLY; }

static uint8_t *frame_header(enum frame_type type, uint16_t flags, uint32_t id, uint32_t length) {
    uint8_t *p = out + out_len;
    uint16_t t = (uint16_t)type;
    memcpy(p, &length, 4);
    memcpy(p + 4, &t, 2);
    memcpy(p + 6, &flags, 2);
    memcpy(p + 8, &id, 4);
    out_len += HEADER + length;
    return p + HEADER;
}

/* Callers have made sure of room (OUT_RESERVE); a host that made us run out all the same is dropped. */
static void send_frame(enum frame_type type, uint16_t flags, uint32_t id, const struct payload *b) {
    if (host.fd < 0) return;
    if (out_room() < HEADER + b->len) {
        drop_host();
        return;
    }
    memcpy(frame_header(type, flags, id, (uint32_t)b->len), b->bytes, b->len);
}

static void flush_out(void) {
    while (host.fd >= 0 && out_pos < out_len) {
        ssize_t n = host.fd == serial.fd ? write(host.fd, out + out_pos, out_len - out_pos)
                                         : send(host.fd, out + out_pos, out_len - out_pos, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) drop_host();
        if (n <= 0) return;
        out_pos += (size_t)n;
    }
    if (out_pos == out_len) out_pos = out_len = 0;
}

/* ---- spools ---- */

static uint64_t spool_space(const struct spool *s) {
    uint64_t cap = s->ring ? s->cap : window_bytes;
    uint64_t held = s->end - s->acked;
    uint64_t space = held < cap ? cap - held : 0;
    return s->capped ? min64(space, s->final - s->end) : space;
}

static void spool_close(struct spool *s) {
    close_fd(&s->fd);
    s->eof = true;
    if (s->acked == s->end) free_pages(&s->ring, s->cap);
}

static void spool_ack(struct spool *s, uint64_t offset) {
    uint64_t n = offset - s->acked;
    if (s->ring) s->head = (uint32_t)((s->head + n) % s->cap);
    s->acked = offset;
    if (s->acked != s->end) return;
    s->head = 0;
    if (s->eof) free_pages(&s->ring, s->cap);
}

/* Reads up to `most` bytes into the spool. Returns what was read; 0 also when there was nothing, or the end. */
static uint64_t spool_read(struct spool *s, uint64_t most) {
    uint64_t want = min64(spool_space(s), most);
    if (s->fd < 0 || want == 0) return 0;
    if (!s->ring) {
        s->cap = (uint32_t)window_bytes;
        s->ring = pages(s->cap);
        if (!s->ring) return 0;
        s->head = 0;
    }
    uint32_t tail = (uint32_t)((s->head + (s->end - s->acked)) % s->cap);
    uint64_t first = min64(want, s->cap - tail);
    struct iovec v[2] = {{s->ring + tail, first}, {s->ring, want - first}};
    ssize_t n = readv(s->fd, v, want > first ? 2 : 1);
    if (n > 0) {
        s->end += (uint64_t)n;
        return (uint64_t)n;
    }
    /* A terminal whose other side is closed says EIO. */
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) spool_close(s);
    return 0;
}

static void copy_from_spool(const struct spool *s, uint64_t offset, uint8_t *to, uint32_t n) {
    uint32_t at = (uint32_t)((s->head + (offset - s->acked)) % s->cap);
    uint32_t first = n < s->cap - at ? n : s->cap - at;
    memcpy(to, s->ring + at, first);
    memcpy(to + first, s->ring, n - first);
}

static bool open_streams(const struct proc *p) {
    for (int i = 1; i <= 3; i++)
        if (p->out[i].used && !p->out[i].eof) return true;
    return false;
}

/* ---- what is sent to the host, in its order ---- */

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
    n = min64(n, s->acked + window_bytes > s->sent ? s->acked + window_bytes - s->sent : 0);
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

static bool fill_links(void);

/* One chunk of each stream of each process. Returns whether there could be more. */
static bool fill_processes(void) {
    bool any = false;
    for (uint32_t k = 0; k < proc_count && host.fd >= 0; k++) {
        if (!turn) turn = procs;
        if (!turn || out_room() < OUT_RESERVE + MAX_REPLY) return false;
        if (turn->attached && turn->status_fd < 0 && !turn->gone) any |= fill_process(turn);
        turn = turn->next;
    }
    return any;
}

/* Moves what may be sent into the out buffer. Processes and connections take turns in being first. */
static void fill(void) {
    if (host.fd < 0) return;
    while (greeting && out_room() > OUT_RESERVE + MAX_REPLY) {
        if (!greet_next) {
            send_frame(READY, 0, 0, &(struct payload){0});
            greeting = false;
            greeted = true;
            break;
        }
        send_proc(greet_next);
        greet_next = greet_next->next;
    }
    if (!greeted || quiesced) return;
    for (uint32_t i = 0; i < sandbox_notice_count; i++) send_notice(0, &sandbox_notices[i]);
    sandbox_notice_count = 0;
    forward.first = !forward.first;
    if (forward.first) fill_links();
    for (bool any = true; any && host.fd >= 0;) {
        any = fill_processes();
        any |= fill_links();
    }
}

/* ---- /proc: who is there, and whose tree is it ---- */

struct entry {
    pid_t pid, ppid, pgrp, sid;
    char state;
    int8_t member;              /* -1 not known yet */
    uint32_t threads;
    uint64_t cpu_us, start;
};
struct scan { struct entry *e; size_t n, cap; };

static bool parse_stat(pid_t pid, struct entry *e) {
    char path[48], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return false;
    text[n] = 0;
    char *p = strrchr(text, ')');
    if (!p || p[1] != ' ') return false;
    long long f[20] = {0};      /* f[0] is field 4, the parent */
    e->state = p[2];
    p += 3;
    for (int i = 0; i < 20; i++) f[i] = strtoll(p, &p, 10);
    e->pid = pid;
    e->ppid = (pid_t)f[0];
    e->pgrp = (pid_t)f[1];
    e->sid = (pid_t)f[2];
    e->cpu_us = (uint64_t)(f[10] + f[11] + f[12] + f[13]) * 1000000 / ticks_per_s;
    e->threads = (uint32_t)f[16];
    e->start = (uint64_t)f[18];
    e->member = -1;
    return true;
}

/* The sum of the KiB figures of two lines of a /proc file, in bytes; -1 when neither is there. */
static int64_t proc_figures(pid_t pid, const char *file, const char *one, const char *other) {
    char path[48], text[4096];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return -1;
    text[n] = 0;
    const char *first = strstr(text, one), *second = strstr(text, other);
    if (!first && !second) return -1;
    long long kib = (first ? strtoll(first + strlen(one), NULL, 10) : 0) + (second ? strtoll(second + strlen(other), NULL, 10) : 0);
    return kib * 1024;
}

/*
 * What a process holds of memory that is its own: not the pages of files, which are shared, and tmpfs is counted as a
 * whole. `exact` divides what forks share among them; it costs more, and a process can hide from it, but not from the other.
 */
static uint64_t own_memory(pid_t pid, bool exact) {
    int64_t bytes = exact ? proc_figures(pid, "smaps_rollup", "\nPss_Anon:", "\nPss_Shmem:") : -1;
    if (bytes < 0) bytes = proc_figures(pid, "status", "\nRssAnon:", "\nRssShmem:");
    if (bytes < 0) bytes = proc_figures(pid, "status", "\nVmRSS:", "\nVmRSS:") / 2;
    return bytes > 0 ? (uint64_t)bytes : 0;
}

static int by_pid(const void *a, const void *b) {
    pid_t x = ((const struct entry *)a)->pid, y = ((const struct entry *)b)->pid;
    return (x > y) - (x < y);
}

static struct entry *entry_of(const struct scan *s, pid_t pid) {
    struct entry key = {.pid = pid};
    return s->n ? bsearch(&key, s->e, s->n, sizeof key, by_pid) : NULL;
}

static struct scan scan_proc(void) {
    struct scan s = {0};
    DIR *d = opendir("/proc");
    if (!d) return s;
    for (struct dirent *entry; (entry = readdir(d));) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        if (s.n == s.cap) {
            size_t cap = s.cap ? s.cap * 2 : 64;
            struct entry *more = realloc(s.e, cap * sizeof *more);
            if (!more) break;
            s.e = more;
            s.cap = cap;
        }
        if (parse_stat((pid_t)atoi(entry->d_name), &s.e[s.n])) s.n++;
    }
    closedir(d);
    if (s.n) qsort(s.e, s.n, sizeof *s.e, by_pid);
    return s;
}

static const struct proc *held_root(pid_t pid) {
    for (const struct proc *p = procs; p; p = p->next)
        if (p->pid == pid && !p->ended) return p;
    return NULL;
}
static const struct proc *held_session(pid_t sid) {
    for (const struct proc *p = procs; p; p = p->next)
        if (p->pid == sid && !p->gone) return p;
    return NULL;
}

/* Whether an entry is of p's tree by itself (not through its parent). */
static bool is_anchor(const struct entry *e, const struct proc *p, uint64_t since_ticks) {
    if (e->pid == p->pid && !p->ended) return true;
    if (e->ppid != self || e->pid == walker.pid || held_root(e->pid)) return false;
    const struct proc *owner = held_session(e->sid);
    if (owner) return owner == p || (owner->pid == p->pid && owner->ended);
    return e->sid != own_session && e->start >= since_ticks;
}

/* Marks what belongs to p: its root and descendants, and orphans (see "Tree" in the protocol). p NULL: everything. */
static void mark_tree(struct scan *s, const struct proc *p, uint64_t since_ticks) {
    for (size_t i = 0; i < s->n; i++) s->e[i].member = -1;
    for (size_t i = 0; i < s->n; i++) {
        /* Climb until the answer is known, then write it down on the way. */
        struct entry *e = &s->e[i];
        int8_t answer = 0;
        for (int depth = 0; e && depth < 65536; depth++) {
            if (e->member >= 0) { answer = e->member; break; }
            if (e->pid == self || e->pid == walker.pid) break;
            if (p ? is_anchor(e, p, since_ticks) : e->ppid == self) { answer = 1; break; }
            if (e->ppid == self || e->ppid == e->pid) break;
            e = entry_of(s, e->ppid);
        }
        for (e = &s->e[i]; e && e->member < 0; e = entry_of(s, e->ppid)) {
            if (e->pid == self) { e->member = 0; break; }
            e->member = answer;
            if (e->ppid == self) break;
        }
    }
}

static void notify(struct proc *p, uint32_t kind, uint32_t action, uint64_t value) {
    if (p->notice_count < 4) p->notices[p->notice_count++] = (struct notice){kind, action, value};
}

/* As pid 1 this is one atomic blow, which no fork bomb survives; a plain process has to hunt for its descendants. */
static void kill_everything(void);

/*
 * Signals the members that `known` does not have yet, and their process groups, which the kernel signals in one piece.
 * Returns how many were new, whether they could still be hit or not: who is gone may have forked before.
 */
static uint32_t signal_new(const struct scan *s, const struct scan *known, pid_t except, int sig, bool groups) {
    const struct entry *spared = except ? entry_of(s, except) : NULL;
    uint32_t count = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct entry *e = &s->e[i];
        if (e->member != 1 || e->pid == except || e->state == 'Z' || e->state == 'X') continue;
        const struct entry *before = known ? entry_of(known, e->pid) : NULL;
        if (before && before->member == 1 && before->start == e->start) continue;
        if (groups && e->pgrp > 1 && e->sid != own_session && !(spared && spared->pgrp == e->pgrp)) kill(-e->pgrp, sig);
        kill(e->pid, sig);
        count++;
    }
    return count;
}

/* Looks again, signals who is new, and remembers this look as `seen`. */
static uint32_t signal_round(struct scan *seen, const struct proc *p, pid_t except, int sig) {
    struct scan s = scan_proc();
    mark_tree(&s, p, 0);
    uint32_t fresh = signal_new(&s, seen, except, sig, true);
    free(seen->e);
    *seen = s;
    return fresh;
}

/*
 * Kills a tree. It is stopped first, until no look finds new members any more, so that nothing wins by forking fast.
 * Descendants of a root that goes on are stopped only when they do not end otherwise, because their parent would
 * notice. Returns how many were killed, or -1 when it did not come to an end.
 */
static int kill_members(const struct proc *p, bool with_root) {
    pid_t except = with_root || !p ? 0 : p->pid;
    uint64_t deadline = now_ms() + KILL_MS;
    struct scan seen = {0};
    uint32_t total = 0, fresh = 1;
    for (int round = 0; fresh > 0 && now_ms() < deadline; round++) {
        if (round == (with_root ? 0 : 3)) {
            while (signal_round(&seen, p, except, SIGSTOP) > 0 && now_ms() < deadline) continue;
            total += signal_new(&seen, NULL, except, SIGKILL, true);
        }
        fresh = signal_round(&seen, p, except, SIGKILL);
        total += fresh;
    }
    free(seen.e);
    return fresh > 0 ? -1 : (int)total;
}

static void kill_everything(void) {
    if (self == 1) kill(-1, SIGKILL);
    else kill_members(NULL, true);
}

static int kill_tree(const struct proc *p) {
    int killed = kill_members(p, true);
    if (killed >= 0) return killed;
    kill_everything();
    return 1;
}

static void kill_for_limit(struct proc *p, uint32_t kind, uint64_t value) {
    if (p->limit == NONE) p->limit = kind;
    notify(p, kind, KILLED, value);
    kill_tree(p);
}

/* ---- starting processes ---- */

static int applet_main(int argc, char **argv);

struct launch {
    uint32_t flags, argc, envc, nofile;
    uint16_t rows, cols;
    char *cwd, **argv, **env;
};

static void apply_seccomp(void) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (seccomp_filter.len && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &seccomp_filter) != 0) _exit(126);
}

/* The user code must go first when memory runs out. */
static void offer_to_oom_killer(bool builtin) {
    if (write_file("/proc/self/oom_score_adj", "1000") || builtin) return;
    /* An undumpable process does not own its /proc files. The filter is in place by now, so a debugger gains nothing. */
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    write_file("/proc/self/oom_score_adj", "1000");
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void search_and_exec(const struct launch *l) {
    if (strchr(l->argv[0], '/')) {
        execve(l->argv[0], l->argv, l->env);
        return;
    }
    const char *path = "/usr/local/bin:/usr/bin:/bin";
    for (uint32_t i = 0; i < l->envc; i++)
        if (strncmp(l->env[i], "PATH=", 5) == 0) path = l->env[i] + 5;
    int error = ENOENT;
    for (;;) {
        size_t n = strcspn(path, ":");
        char full[PATH_MAX];
        if (snprintf(full, sizeof full, "%.*s%s%s", (int)n, path, n ? "/" : "", l->argv[0]) < (int)sizeof full) {
            execve(full, l->argv, l->env);
            if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return;
            if (errno == EACCES && access(full, F_OK) == 0) error = EACCES;
        }
        if (!path[n]) break;
        path += n + 1;
    }
    errno = error;
}

static void reset_signals(void) {
    for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_from(unsigned first) {
    if (syscall(SYS_close_range, first, INT_MAX, 0) == 0) return; /* gVisor refuses a number that is no descriptor's */
    for (unsigned fd = first; fd < 65536; fd++) close((int)fd);
}

/* In the child: a place in the cgroup of user code, so that its limits hold all of it. */
static void join_cgroup(void) {
    if (cgroup_fd < 0) return;
    int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1) _exit(126);
    close(fd);
}

/* In the child. From here on nothing of it is root's; its capabilities went with the uid, and none can come back. */
static void become_user(bool stay) {
    if (!user || stay) return;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (setgroups(0, NULL) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) _exit(126);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* In the child. fds: 0 to 4 and the status pipe, each already above 9. */
static _Noreturn void child(const struct launch *l, int fds[6]) {
    setsid();
    reset_signals();
    if (!(l->flags & SPAWN_OWN)) join_cgroup();
    for (int i = 0; i < 5; i++) {
        if (fds[i] >= 0) dup2(fds[i], i);
        else close(i);
    }
    dup3(fds[5], 5, O_CLOEXEC);
    close_from(6);
    if (l->flags & SPAWN_TERMINAL) ioctl(0, TIOCSCTTY, 0);
    umask(022);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    /* Counted in the sandbox's user namespace; the agent itself has no such limit and can always fork. */
    if (max_processes) setrlimit(RLIMIT_NPROC, &(struct rlimit){max_processes, max_processes});
    struct rlimit files = initial_nofile;
    if (l->nofile) files.rlim_cur = files.rlim_max = min64(l->nofile, files.rlim_max);
    bool builtin = l->flags & SPAWN_BUILTIN;
    if (!builtin || l->nofile) setrlimit(RLIMIT_NOFILE, &files);
    int error = 0;
    become_user(l->flags & SPAWN_OWN);
    if (chdir(l->cwd[0] ? l->cwd : workspace) != 0) error = errno;
    apply_seccomp();
    offer_to_oom_killer(builtin);
    if (!error && builtin) {
        close(5);
        _exit(applet_main((int)l->argc, l->argv));
    }
    if (!error) {
        search_and_exec(l);
        error = errno;
    }
    if (write(5, &error, sizeof error) < 0) _exit(126);
    _exit(127);
}

static int raise_fd(int fd) {
    if (fd < 0 || fd >= 10) return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    close(fd);
    return high;
}

/* A pipe whose ends are both out of the way of the child's numbers; ours (`ours`: 0 reads, 1 writes) does not block. */
static bool make_pipe(int *mine, int *theirs, int ours) {
    int p[2];
    if (pipe2(p, O_CLOEXEC) != 0) return false;
    *mine = raise_fd(p[ours]);
    *theirs = raise_fd(p[1 - ours]);
    if (*mine < 0 || *theirs < 0) return false;
    fcntl(*mine, F_SETFL, O_NONBLOCK);
    return true;
}

static bool open_terminal(struct proc *p, const struct launch *l, int fds[6]) {
    int unlock = 0;
    unsigned number;
    int master = raise_fd(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    p->out[1].fd = master;
    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0 || ioctl(master, TIOCGPTN, &number) != 0) return false;
    char name[32];
    snprintf(name, sizeof name, "/dev/pts/%u", number);
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return false;
    fds[0] = raise_fd(slave);
    fds[1] = fcntl(fds[0], F_DUPFD_CLOEXEC, 10);
    fds[2] = fcntl(fds[0], F_DUPFD_CLOEXEC, 10);
    p->in[0].fd = fcntl(master, F_DUPFD_CLOEXEC, 10);
    p->in[0].terminal = true;
    ioctl(master, TIOCSWINSZ, &(struct winsize){.ws_row = l->rows, .ws_col = l->cols});
    return fds[1] >= 0 && fds[2] >= 0 && p->in[0].fd >= 0;
}

static bool open_stdio(struct proc *p, const struct launch *l, int fds[6]) {
    p->out[1].used = true;
    if (l->flags & SPAWN_CONTROL) {
        p->out[3].used = true;
        if (!make_pipe(&p->in[3].fd, &fds[3], 1) || !make_pipe(&p->out[3].fd, &fds[4], 0)) return false;
    }
    if (l->flags & SPAWN_TERMINAL) return open_terminal(p, l, fds);
    p->out[2].used = true;
    if (l->flags & SPAWN_NO_STDIN) {
        fds[0] = raise_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (fds[0] < 0 && make_pipe(&p->in[0].fd, &fds[0], 1)) close_fd(&p->in[0].fd);
        p->in[0].eof = true;
    } else if (!make_pipe(&p->in[0].fd, &fds[0], 1)) {
        return false;
    }
    return make_pipe(&p->out[1].fd, &fds[1], 0) && make_pipe(&p->out[2].fd, &fds[2], 0);
}

static void close_proc(struct proc *p) {
    close_fd(&p->status_fd);
    for (int i = 0; i < 4; i++) {
        close_fd(&p->out[i].fd);
        close_fd(&p->in[i].fd);
        free_pages(&p->out[i].ring, p->out[i].cap);
        free_pages(&p->in[i].buf, INPUT_WINDOW);
    }
}

static void free_proc(struct proc *p) {
    for (struct proc **at = &procs; *at; at = &(*at)->next) {
        if (*at != p) continue;
        *at = p->next;
        proc_count--;
        break;
    }
    if (turn == p) turn = p->next;
    if (greet_next == p) greet_next = p->next;
    close_proc(p);
    free(p);
}

static struct proc *new_proc(uint32_t id, const uint8_t *tag, uint16_t tag_len) {
    struct proc *p = proc_count < MAX_PROCS ? calloc(1, sizeof *p) : NULL;
    if (!p) return NULL;
    p->id = id;
    p->status_fd = -1;
    for (int i = 0; i < 4; i++) p->out[i].fd = p->in[i].fd = -1;
    p->attached = p->line_start = true;
    p->epoch = epoch;
    p->tag_len = tag_len;
    memcpy(p->tag, tag, tag_len);
    p->next = procs;
    procs = p;
    proc_count++;
    return p;
}

static void send_spawn_failed(uint32_t id, int error) {
    struct payload b = {0};
    put32(&b, (uint32_t)error);
    const char *text = strerror(error);
    put(&b, text, strlen(text));
    send_frame(SPAWN_FAILED, 0, id, &b);
}

static void set_limits(struct proc *p, uint64_t wall, uint64_t cpu, uint32_t grace);

static void start_process(uint32_t id, const struct launch *l, const uint8_t *frame) {
    struct proc *p = new_proc(id, frame + 40, get16(frame + 32));
    if (!p) {
        send_spawn_failed(id, EAGAIN);
        return;
    }
    p->flags = l->flags;
    int fds[6] = {-1, -1, -1, -1, -1, -1};
    bool ok = open_stdio(p, l, fds) && make_pipe(&p->status_fd, &fds[5], 0);
    p->started_us = now_us();
    pid_t pid = ok ? fork() : -1;
    if (pid == 0) child(l, fds);
    int error = errno;
    for (int i = 0; i < 6; i++) close_fd(&fds[i]);
    if (pid < 0) {
        free_proc(p);
        send_spawn_failed(id, error ? error : EAGAIN);
        return;
    }
    p->pid = pid;
    set_limits(p, get64(frame + 8), get64(frame + 16), get32(frame + 24));
}

/* The status pipe tells: closed without a word, exec happened; else errno. */
static void finish_start(struct proc *p) {
    int error = 0;
    if (!room_for_answer()) return;
    ssize_t n = read(p->status_fd, &error, sizeof error);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    close_fd(&p->status_fd);
    if (n != sizeof error) {
        struct payload b = {0};
        put32(&b, (uint32_t)p->pid);
        if (p->epoch == epoch) send_frame(SPAWNED, 0, p->id, &b);
        return;
    }
    if (p->epoch == epoch && host.fd >= 0) {
        send_spawn_failed(p->id, error);
        p->gone = true;
    }   /* else the next host has been told of it, and sees it exit with 127 */
}

/* ---- forwarded connections: programs' to the host and back (see "Forwarding" in the protocol) ---- */

static void free_link(struct link *l) {
    if (!l->used) return;       /* gone with the host */
    if (l->fd > 0) close(l->fd);
    free_pages(&l->buf, LINK_WINDOW);
    *l = (struct link){0};
    forward.open--;
}

/* The host hears of it by CLOSED, when there is room to say so. */
static void break_link(struct link *l, int error) {
    if (l->fd > 0) reset_socket(l->fd);
    l->fd = 0;
    l->len = l->pos = 0;
    l->reset = true;
    l->error = (uint32_t)error;
}

/* The whole of it is over: both ends said all, or the host let go and the program has taken what there was. */
static bool link_done(const struct link *l) {
    return l->reset || (l->shut && (l->closing || l->end_sent));
}

/* Gives the program what came for it. */
static void write_link(struct link *l) {
    while (l->fd > 0 && l->pos < l->len) {
        ssize_t n = send(l->fd, l->buf + l->pos, l->len - l->pos, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) {
            break_link(l, errno);
            return;
        }
        l->pos += (uint32_t)n;
        l->ack_due = true;
    }
    l->len = l->pos = 0;
    if (!l->host_ended || l->shut || l->fd <= 0) return;
    shutdown(l->fd, SHUT_WR);
    l->shut = true;
}

/* ---- names: each that is asked for gets an address of its own, by which its connections are known again ---- */

static struct { uint32_t index; uint8_t length; char text[MAX_NAME]; } names[NAMES];
static uint32_t name_hashes[NAMES];     /* apart, so that looking through all of them is quick */
static uint32_t names_given;    /* modulo NAME_ADDRESSES, of which NAMES is a divisor */

static uint32_t address_of_name(const char *text, size_t length) {
    uint32_t hash = 2166136261u, slot = names_given % NAMES;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    for (uint32_t i = 0; i < NAMES; i++)
        if (name_hashes[i] == hash && names[i].length == length && memcmp(names[i].text, text, length) == 0)
            return FIRST_NAME_ADDRESS + names[i].index;
    name_hashes[slot] = hash;
    names[slot].index = names_given;
    names[slot].length = (uint8_t)length;
    memcpy(names[slot].text, text, length);
    names_given = (names_given + 1) % NAME_ADDRESSES;
    return FIRST_NAME_ADDRESS + names[slot].index;
}

/* The slot of the name that has an address, or -1: none has, or none any more. */
static int name_of_address(uint32_t address) {
    uint32_t index = address - FIRST_NAME_ADDRESS;
    int slot = (int)(index % NAMES);
    return index < NAME_ADDRESSES && names[slot].length > 0 && names[slot].index == index ? slot : -1;
}

enum { DNS_HEADER = 12, DNS_MAX = 512, DNS_FORMERR = 1, DNS_NOTIMP = 4, DNS_A = 1, DNS_AAAA = 28, DNS_IN = 1 };

static uint16_t net16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

/* The name at the start of a question, in lower case. Returns its length on the wire, or 0 when it is not a host's name. */
static size_t parse_name(const uint8_t *p, size_t n, char text[MAX_NAME], size_t *length) {
    size_t at = 0;
    *length = 0;
    while (at < n && p[at] != 0) {
        size_t label = p[at++];
        if (label > 63 || label > n - at || *length + (*length > 0) + label > MAX_NAME) return 0;
        if (*length > 0) text[(*length)++] = '.';
        for (size_t i = 0; i < label; i++, at++) {
            if (!isalnum(p[at]) && p[at] != '-' && p[at] != '_') return 0;
            text[(*length)++] = (char)tolower(p[at]);
        }
    }
    return at < n && *length > 0 ? at + 1 : 0;
}

static bool is_localhost(const char *text, size_t n) {
    static const char word[] = "localhost";
    size_t size = sizeof word - 1;
    return n >= size && memcmp(text + n - size, word, size) == 0 && (n == size || text[n - size - 1] == '.');
}

/* Turns a question into its answer, in place. Returns its length; 0: there is none. */
static size_t answer_question(uint8_t m[DNS_MAX], size_t n) {
    char text[MAX_NAME];
    size_t length = 0;
    if (n < DNS_HEADER || m[2] & 0x80) return 0;
    uint8_t error = m[2] & 0x78 ? DNS_NOTIMP : 0;
    bool one = net16(m + 4) == 1 && net16(m + 6) == 0 && net16(m + 8) == 0 && net16(m + 10) <= 1;
    size_t wire = error || !one ? 0 : parse_name(m + DNS_HEADER, n - DNS_HEADER, text, &length);
    if (!error && (wire == 0 || n - DNS_HEADER - wire < 4)) error = DNS_FORMERR;
    const uint8_t *kind = m + DNS_HEADER + wire;
    if (!error && net16(kind + 2) != DNS_IN) error = DNS_NOTIMP;
    if (!error && net16(kind) != DNS_A && net16(kind) != DNS_AAAA) error = DNS_NOTIMP;
    bool address = !error && net16(kind) == DNS_A;
    m[2] = (uint8_t)(0x80 | (m[2] & 0x79));
    m[3] = 0x80 | error;
    memset(m + 4, 0, 8);
    if (error) return DNS_HEADER;
    m[5] = 1;
    n = DNS_HEADER + wire + 4;
    if (!address) return n;
    uint32_t found = is_localhost(text, length) ? INADDR_LOOPBACK : address_of_name(text, length);
    const uint8_t answer[16] = {0xc0, DNS_HEADER, 0, DNS_A, 0, DNS_IN, 0, 0, 0, NAME_TTL_S, 0, 4,
        (uint8_t)(found >> 24), (uint8_t)(found >> 16), (uint8_t)(found >> 8), (uint8_t)found};
    m[7] = 1;
    memcpy(m + n, answer, sizeof answer);   /* the longest question takes 271 bytes */
    return n + sizeof answer;
}

static void answer_questions(void) {
    for (int i = 0; i < MAX_QUESTIONS; i++) {
        uint8_t m[DNS_MAX + 1];
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(forward.names_fd, m, sizeof m, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
        if (n < 0) return;
        size_t length = n > DNS_MAX ? 0 : answer_question(m, (size_t)n);
        if (length > 0) sendto(forward.names_fd, m, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from, size);
    }
}

/* ---- accepting ---- */

static bool to_loopback(const struct sockaddr_storage *to) {
    if (to->ss_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)to)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr) >> 24 == 127;
}

/* Where a connection wanted to go: a name that was asked for, or an address. Nothing: to the proxy. */
static void put_target(struct payload *b, const struct sockaddr_storage *to, bool proxy) {
    const struct sockaddr_in *v4 = (const void *)to;
    const struct sockaddr_in6 *v6 = (const void *)to;
    char text[INET6_ADDRSTRLEN] = "";
    if (proxy) {
        put32(b, 0);
        return;
    }
    int slot = to->ss_family == AF_INET ? name_of_address(ntohl(v4->sin_addr.s_addr)) : -1;
    if (to->ss_family == AF_INET) inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    else inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    size_t length = slot >= 0 ? names[slot].length : strlen(text);
    put16(b, ntohs(v4->sin_port));              /* at the same place in both families */
    put16(b, (uint16_t)length);
    put(b, slot >= 0 ? names[slot].text : text, length);
}

static struct link *free_place(void) {
    for (struct link *l = links; l < links + MAX_FORWARDED; l++)
        if (!l->used) return l;
    return NULL;
}

static void accept_links(const struct door *door) {
    for (int refused = 0; refused < MAX_REFUSED;) {
        bool wanted = forward.listening && forward.next_id != 0;
        struct link *l = wanted && room_for_answer() ? free_place() : NULL;
        if (wanted && !l) return;
        struct sockaddr_storage to = {0};
        socklen_t size = sizeof to;
        int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && errno == EAGAIN) return;
        fd = raise_fd(fd);
        if (fd < 0) {
            /* Without a descriptor it stays in the queue, and must not keep us busy there. */
            forward.again_ms = now_ms() + START_AGAIN_MS;
            return;
        }
        bool known = getsockname(fd, (struct sockaddr *)&to, &size) == 0, loopback = to_loopback(&to);
        /* Of the loopback the proxy's port alone is ours: at the others nobody listens, as far as programs know. */
        if (!wanted || !known || (loopback && !door->proxy)) {
            reset_socket(fd);
            refused++;
            continue;
        }
        *l = (struct link){.used = true, .fd = fd, .id = forward.next_id++, .readable = true};
        forward.open++;
        struct payload b = {0};
        put_target(&b, &to, loopback);
        send_frame(OPENED, 0, l->id, &b);
    }
}

/* ---- moving ---- */

/* Reads from the program right into a frame: what is not sent stays in the kernel's buffer. */
static bool forward_bytes(struct link *l) {
    uint64_t n = LINK_WINDOW - (l->sent - l->acked);
    if (!l->readable || l->ended || l->closing || n == 0 || out_room() < HEADER + 8 + n + OUT_RESERVE) return false;
    ssize_t got = recv(l->fd, out + out_len + HEADER + 8, n, MSG_DONTWAIT);
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

/* One step of each connection, beginning with another one each time. Returns whether there could be more. */
static bool fill_links(void) {
    bool any = false;
    for (uint32_t k = 0; k < MAX_FORWARDED && forward.open > 0 && host.fd >= 0; k++) {
        struct link *l = &links[forward.turn];
        if (l->used && out_room() < OUT_RESERVE + MAX_REPLY) return false;
        if (l->used) any |= fill_link(l);
        forward.turn = (forward.turn + 1) % MAX_FORWARDED;
    }
    return any;
}

/* Nothing is polled that nothing could be done about; the end of the other side, though, is seen whenever it can come. */
static short link_events(const struct link *l) {
    short events = l->pos < l->len ? POLLOUT : 0;
    if (!l->readable && !l->ended && !l->closing && l->sent - l->acked < LINK_WINDOW) events |= POLLIN;
    return events;
}

static void serve_link(struct link *l, short events, short got) {
    if (l->fd <= 0) return;
    if (got & (POLLIN | POLLHUP | POLLERR)) {
        if (events & POLLIN) l->readable = true;
        else if (got & (POLLHUP | POLLERR)) break_link(l, ECONNRESET);
    }
    if (got & POLLOUT) write_link(l);
}

static struct link *find_link(uint32_t id) {
    for (struct link *l = links; l < links + MAX_FORWARDED; l++)
        if (l->used && l->id == id) return l;
    return NULL;
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

static bool on_link_frame(uint16_t type, uint32_t id, const uint8_t *payload, uint32_t n) {
    struct link *l = find_link(id);
    if (!l || n < 8 || (type != DATA && n != 8)) return false;
    uint64_t offset = get64(payload);
    if (type != ACK) return on_link_input(l, offset, payload + 8, n - 8, type == END);
    if (l->closing || offset > l->sent || offset < l->acked) return false;
    l->acked = offset;
    return true;
}

/*
 * The host lets go: with 0 after the program has taken what came before, else at once. Or it has heard that we did: until
 * then the place stays taken, so that programs cannot make more connections than the host has got round to.
 */
static bool on_closed(uint32_t id, const uint8_t *payload, uint32_t n) {
    struct link *l = find_link(id);
    if (!l || n != 4 || l->closing) return false;
    l->closing = l->host_ended = true;
    if (l->told) free_link(l);
    else if (l->reset) return true;
    else if (get32(payload) != 0) break_link(l, 0);
    else write_link(l);
    return true;
}

/* ---- reading what processes write, writing what they read ---- */

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

static bool barrier_reached(const struct proc *p) {
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

static void read_outputs(struct proc *p, const bool ready[4]) {
    if (ready[3] && !p->barrier_set && p->out[3].fd >= 0) set_barrier(p);
    for (int i = 1; i <= 2; i++)
        if (ready[i] || p->barrier_set) spool_read(&p->out[i], MAX_CHUNK);
    settle_barriers(p);
    if (p->barrier_set && barrier_reached(p)) read_control(p);
    for (int i = 1; i <= 3; i++)
        if (p->out[i].capped && p->out[i].fd >= 0 && p->out[i].end == p->out[i].final) spool_close(&p->out[i]);
    settle_barriers(p);
}

static void write_input(struct inlet *in) {
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

static void start_linger(struct proc *p) { p->linger_ms = now_ms() + LINGER_MS; }

/* Descendants keep the pipes open: takes what is there, and lets go. */
static void end_linger(struct proc *p) {
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

/* ---- the end of processes ---- */

static uint64_t timeval_us(struct timeval t) { return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec; }

static void root_ended(struct proc *p, int status, const struct rusage *usage) {
    if (p->status_fd >= 0) finish_start(p);
    set_limits(p, 0, 0, 0);
    p->ended = true;
    p->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    p->signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    p->cpu_us = timeval_us(usage->ru_utime) + timeval_us(usage->ru_stime);
    p->max_rss_kb = (uint64_t)usage->ru_maxrss;
    p->wall_us = now_us() - p->started_us;
    for (int i = 0; i < 4; i++) {
        close_fd(&p->in[i].fd);
        write_input(&p->in[i]);
        if (p->in[i].buf) free_pages(&p->in[i].buf, INPUT_WINDOW);
    }
    if (open_streams(p)) start_linger(p);
}

static void walk_ended(void);

/* An orphan's time counts for the tree that it came from, as long as that can be told. */
static void credit_orphan(const struct entry *e, uint64_t us) {
    for (struct proc *p = procs; p; p = p->next)
        if (p->cpu_ms && is_anchor(e, p, p->arm_ticks)) p->orphan_us += us;
}

static void reap(void) {
    struct signalfd_siginfo info[8];
    for (ssize_t got; (got = read(signal_fd, info, sizeof info)) > 0;)
        for (size_t i = 0; i < (size_t)got / sizeof *info; i++)
            if (info[i].ssi_signo == SIGIO) serial.unplugged = false;
    siginfo_t stop = {0};
    /* User code has the walker's uid. One that was stopped counts as failed at once. */
    if (walker.pid && waitid(P_PID, (id_t)walker.pid, &stop, WSTOPPED | WNOHANG) == 0 && stop.si_pid) kill(walker.pid, SIGKILL);
    for (;;) {
        siginfo_t si = {0};
        if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) != 0 || si.si_pid == 0) return;
        struct entry e;
        bool seen = si.si_pid != walker.pid && !held_root(si.si_pid) && parse_stat(si.si_pid, &e);
        int status;
        struct rusage usage;
        if (wait4(si.si_pid, &status, WNOHANG, &usage) != si.si_pid) return;
        uint64_t us = timeval_us(usage.ru_utime) + timeval_us(usage.ru_stime);
        reaped_us += us;
        if (seen) {
            e.ppid = self;
            credit_orphan(&e, us);
        }
        if (si.si_pid == walker.pid) walk_ended();
        for (struct proc *p = procs; p; p = p->next)
            if (p->pid == si.si_pid && !p->ended) root_ended(p, status, &usage);
    }
}

/* ---- limits of one process tree ---- */

static uint64_t uptime_ticks(void) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * ticks_per_s + (uint64_t)t.tv_nsec * ticks_per_s / 1000000000;
}

static uint64_t tree_cpu_us(struct proc *p, struct scan *s) {
    uint64_t sum = p->orphan_us;
    mark_tree(s, p, p->arm_ticks);
    for (size_t i = 0; i < s->n; i++)
        if (s->e[i].member == 1) sum += s->e[i].cpu_us;
    /* Time that nobody waited for vanishes from /proc; it stays counted. */
    if (sum < p->cpu_last_us) p->cpu_base_us -= (int64_t)(p->cpu_last_us - sum);
    p->cpu_last_us = sum;
    int64_t used = (int64_t)sum - p->cpu_base_us;
    return used > 0 ? (uint64_t)used : 0;
}

static void set_limits(struct proc *p, uint64_t wall, uint64_t cpu, uint32_t grace) {
    uint64_t now = now_ms();
    p->wall_ms = bounded_ms(wall);
    p->wall_at = wall ? now + p->wall_ms : 0;
    p->cpu_ms = bounded_ms(cpu);
    p->grace_ms = grace;
    p->grace_at = 0;
    p->tripped = NONE;
    p->cpu_poll_at = cpu ? now + CPU_POLL_MS : 0;
    if (!cpu) return;
    p->arm_ticks = uptime_ticks();
    p->orphan_us = p->cpu_last_us = 0;
    p->cpu_base_us = 0;
    if (p->started_us + 1000 > now_us()) return;    /* just started: nothing was used before */
    struct scan s = scan_proc();
    p->cpu_base_us = (int64_t)tree_cpu_us(p, &s);
    free(s.e);
}

static void trip(struct proc *p, uint32_t kind, uint64_t value) {
    uint64_t grace = p->grace_ms;
    set_limits(p, 0, 0, 0);
    if (grace == 0) {
        kill_for_limit(p, kind, value);
        return;
    }
    kill(-p->pid, SIGINT);
    notify(p, kind, INTERRUPTED, value);
    p->tripped = kind;
    p->wall_ms = value;
    p->grace_at = now_ms() + grace;
}

static void enforce_limits(uint64_t now) {
    struct scan s = {0};
    for (struct proc *p = procs; p; p = p->next) {
        if (p->linger_ms && now >= p->linger_ms) end_linger(p);
        if (p->ended) continue;
        if (p->grace_at && now >= p->grace_at) {
            uint32_t kind = p->tripped;
            uint64_t value = p->wall_ms;
            set_limits(p, 0, 0, 0);
            kill_for_limit(p, kind, value);
        }
        if (p->wall_at && now >= p->wall_at) trip(p, WALL, p->wall_ms);
        if (!p->cpu_poll_at || now < p->cpu_poll_at) continue;
        if (!s.e) s = scan_proc();
        uint64_t used = tree_cpu_us(p, &s) / 1000;
        if (used >= p->cpu_ms) {
            trip(p, CPU, used);
            continue;
        }
        /* Sooner than this it cannot be used up. */
        uint64_t soonest = (p->cpu_ms - used) / cpu_count;
        p->cpu_poll_at = now + (soonest < CPU_POLL_MS ? CPU_POLL_MS : min64(soonest, 1000));
    }
    free(s.e);
}

/*
 * ---- applets: file work in a forked child ----
 *
 * They run with the rights (and the seccomp filter) of user code, start in the workspace, talk over their stdio, and
 * end with 0 or an errno. `flags` is a set of letters. Paths are bytes.
 */

static char output[65536];
static size_t output_len;
static const char *unfinished_name;     /* of the temporary file that a signal must remove */
static int unfinished_dir = -1;

static _Noreturn void fail(int error, const char *what) {
    if (unfinished_name) unlinkat(unfinished_dir, unfinished_name, 0);
    dprintf(2, "%s: %s", what, strerror(error));
    _exit(error > 0 && error < 126 ? error : EIO);
}

static void write_all(int fd, const char *data, size_t n, const char *what) {
    while (n > 0) {
        ssize_t done = write(fd, data, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) fail(errno, what);
        data += done;
        n -= (size_t)done;
    }
}
static void flush_output(void) {
    write_all(1, output, output_len, "output");
    output_len = 0;
}
static void emit(const char *data, size_t n) {
    if (output_len + n > sizeof output) flush_output();
    if (n > sizeof output) {
        write_all(1, data, n, "output");
        return;
    }
    memcpy(output + output_len, data, n);
    output_len += n;
}
static void emit_text(const char *text) { emit(text, strlen(text)); }

__attribute__((format(printf, 1, 2))) static void emit_format(const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    emit(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

/* Reads until `n` bytes are there or the input ends. */
static size_t read_full(int fd, char *to, size_t n, const char *what) {
    size_t got = 0;
    while (got < n) {
        ssize_t r = read(fd, to + got, n - got);
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) fail(errno, what);
        if (r == 0) break;
        got += (size_t)r;
    }
    return got;
}

/* Length of the valid UTF-8 sequence at s, or 0. */
static size_t utf8_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))) return 0;
    if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))) return 0;
    return n;
}

/* A JSON string. Bytes that are not UTF-8 become lone surrogates (U+DC80 + byte - 0x80), from which the host finds them again. */
static void emit_json(const char *text) {
    emit("\"", 1);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = utf8_length(s);
        if (n == 0) emit_format("\\udc%02x", *s);
        else if (*s == '"' || *s == '\\') emit_format("\\%c", *s);
        else if (*s < 0x20) emit_format("\\u%04x", *s);
        else emit((const char *)s, n);
        s += n ? n : 1;
    }
    emit("\"", 1);
}

/* A folder that paths start from; `beneath`: they may not lead out of it. */
struct base { int fd; bool beneath; };

static bool has_letter(const char *flags, char letter) { return strchr(flags, letter) != NULL; }

/* Without openat2 (old kernels, gVisor): component by component, and no symlink at all is followed. */
static int open_stepwise(int from, const char *path, int flags, mode_t mode) {
    int dir = fcntl(from, F_DUPFD_CLOEXEC, 3);
    char name[NAME_MAX + 1];
    while (dir >= 0) {
        size_t n = strcspn(path, "/");
        const char *rest = path + n + strspn(path + n, "/");
        if (n > NAME_MAX || (n == 2 && memcmp(path, "..", 2) == 0)) {
            close(dir);
            errno = n > NAME_MAX ? ENAMETOOLONG : EXDEV;
            return -1;
        }
        memcpy(name, path, n);
        name[n] = 0;
        int how = *rest ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : flags | O_NOFOLLOW;
        int next = openat(dir, n ? name : ".", how, mode);
        if (next < 0 && errno == ENOTDIR) {
            struct stat st;
            if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) errno = ELOOP;
            else errno = ENOTDIR;
        }
        int error = errno;
        close(dir);
        errno = error;
        if (next < 0 || !*rest) return next;
        dir = next;
        path = rest;
    }
    return -1;
}

static int open_in(struct base base, const char *path, int flags, mode_t mode) {
    flags |= O_CLOEXEC;
    if (!base.beneath) return openat(base.fd, path, flags, mode);
    struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    for (int tries = 0; tries < 64; tries++) {
        int fd = (int)syscall(SYS_openat2, base.fd, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN) {
            if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return open_stepwise(base.fd, path, flags, mode);
            return fd;
        }
    }
    return -1;
}

/* Absolute paths into the workspace become relative to it; any other absolute path leads out. */
static const char *relative_path(const char *path, bool beneath) {
    if (!*path) fail(ENOENT, "empty path");
    if (!beneath || path[0] != '/') return path;
    size_t n = strlen(workspace);
    while (n > 1 && workspace[n - 1] == '/') n--;
    if (strncmp(path, workspace, n) != 0 || (path[n] && path[n] != '/')) fail(EXDEV, path);
    path += n + strspn(path + n, "/");
    return *path ? path : ".";
}

static struct base base_for(const char *flags) {
    struct base base = {AT_FDCWD, has_letter(flags, 'w')};
    if (base.beneath) base.fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base.fd == -1) fail(errno, workspace);
    return base;
}

/* mkdir -p. The symlinks on the way are followed as far as `base` allows. */
static void make_folders(struct base base, const char *path) {
    char text[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof text) fail(ENAMETOOLONG, path);
    memcpy(text, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (text[i] != '/' && text[i]) continue;
        char kept = text[i];
        text[i] = 0;
        int fd = open_in(base, text, O_PATH | O_DIRECTORY, 0);
        if (fd < 0 && errno == ENOENT) {
            char *slash = strrchr(text, '/');
            if (slash && slash != text) *slash = 0;
            int parent = slash ? open_in(base, slash == text ? "/" : text, O_PATH | O_DIRECTORY, 0) : open_in(base, ".", O_PATH | O_DIRECTORY, 0);
            if (slash && slash != text) *slash = '/';
            const char *name = slash ? slash + 1 : text;
            if (parent < 0 || (mkdirat(parent, name, 0777) != 0 && errno != EEXIST)) fail(errno, path);
            close(parent);
            fd = open_in(base, text, O_PATH | O_DIRECTORY, 0);
        }
        if (fd < 0) fail(errno, path);
        close(fd);
        text[i] = kept;
    }
}

/* The folder that holds `path`, and its last name. With `parents` the folder is made when absent. */
static int open_parent(struct base base, const char *path, bool parents, char name[NAME_MAX + 1]) {
    char folder[PATH_MAX];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    size_t start = n;
    while (start > 0 && path[start - 1] != '/') start--;
    if (n - start > NAME_MAX || start >= sizeof folder) fail(ENAMETOOLONG, path);
    memcpy(name, path + start, n - start);
    name[n - start] = 0;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) fail(strcmp(name, "..") == 0 && base.beneath ? EXDEV : EISDIR, path);
    memcpy(folder, path, start);
    folder[start] = 0;
    const char *at = start ? folder : ".";
    if (parents) make_folders(base, at);
    int fd = open_in(base, at, O_PATH | O_DIRECTORY, 0);
    if (fd < 0) fail(errno, path);
    return fd;
}

/* read FLAGS OFFSET LIMIT PATH - regular files only; w: within the workspace; LIMIT -1: all. */
static int applet_read(char **a) {
    uint64_t offset = strtoull(a[1], NULL, 10), left = a[2][0] == '-' ? UINT64_MAX : strtoull(a[2], NULL, 10);
    struct base base = base_for(a[0]);
    int fd = open_in(base, relative_path(a[3], base.beneath), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) fail(errno, a[3]);
    if (!S_ISREG(st.st_mode)) fail(S_ISDIR(st.st_mode) ? EISDIR : EINVAL, a[3]);
    if (offset > 0 && lseek(fd, (off_t)min64(offset, INT64_MAX), SEEK_SET) < 0) fail(errno, a[3]);
    while (left > 0) {
        ssize_t n = read(fd, output, min64(sizeof output, left));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(errno, a[3]);
        if (n == 0) break;
        write_all(1, output, (size_t)n, "output");
        left -= (uint64_t)n;
    }
    return 0;
}

static void give_up(int sig) {
    if (unfinished_name) unlinkat(unfinished_dir, unfinished_name, 0);
    _exit(sig == SIGTERM ? EINTR : EIO);
}

static uint64_t copy_input(int fd, const char *what) {
    uint64_t size = 0;
    for (ssize_t n; (n = read(0, output, sizeof output)) != 0; size += (uint64_t)n) {
        if (n < 0 && errno != EINTR) fail(errno, what);
        if (n < 0) n = 0;
        else write_all(fd, output, (size_t)n, what);
    }
    return size;
}

static mode_t parse_mode(const char *text, mode_t otherwise) {
    return text[0] == '-' ? otherwise : (mode_t)strtoul(text, NULL, 8) & 07777;
}

/*
 * write FLAGS MODE PATH - a: append; p: parents; w: within the workspace. MODE in octal, or - for the old file's, or 0644.
 * A symlink as the last name is replaced, not followed (with `a`: followed). Prints the size written.
 */
static int applet_write(char **a) {
    struct base base = base_for(a[0]);
    const char *path = relative_path(a[2], base.beneath);
    char name[NAME_MAX + 1], temporary[32];
    int dir = open_parent(base, path, has_letter(a[0], 'p'), name);
    struct stat st;
    bool exists = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) fail(S_ISDIR(st.st_mode) ? EISDIR : EINVAL, a[2]);
    if (path[strlen(path) - 1] == '/') fail(EISDIR, a[2]);
    uint64_t size;
    if (has_letter(a[0], 'a')) {
        int fd = open_in(base, path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, parse_mode(a[1], 0644));
        if (fd < 0 || fstat(fd, &st) != 0) fail(errno, a[2]);
        if (!S_ISREG(st.st_mode)) fail(EINVAL, a[2]);
        size = copy_input(fd, a[2]);
        if (a[1][0] != '-' && fchmod(fd, parse_mode(a[1], 0)) != 0) fail(errno, a[2]);
    } else {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) < 0) random = now_us();
        snprintf(temporary, sizeof temporary, ".%016llx.part", (unsigned long long)random);
        int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0) fail(errno, a[2]);
        unfinished_dir = dir;
        unfinished_name = temporary;
        signal(SIGTERM, give_up);
        signal(SIGPIPE, give_up);
        size = copy_input(fd, a[2]);
        mode_t mode = parse_mode(a[1], exists && S_ISREG(st.st_mode) ? st.st_mode & 07777 : 0644);
        if (fchmod(fd, mode) != 0 || close(fd) != 0 || renameat(dir, temporary, dir, name) != 0) fail(errno, a[2]);
        unfinished_name = NULL;
    }
    emit_format("%llu\n", (unsigned long long)size);
    return 0;
}

/* {"p": path, "k": kind, "s": size, "m": mode, "t": mtime in ms, "l": target of a symlink} */
static void emit_stat(int dir, const char *name, const char *path, const struct stat *st) {
    const char *kind = S_ISREG(st->st_mode) ? "file" : S_ISDIR(st->st_mode) ? "dir" : S_ISLNK(st->st_mode) ? "symlink" : "other";
    emit_text("{\"p\":");
    emit_json(path);
    emit_format(",\"k\":\"%s\",\"s\":%llu,\"m\":%u,\"t\":%lld", kind, (unsigned long long)st->st_size, (unsigned)(st->st_mode & 07777),
                (long long)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000);
    char target[PATH_MAX];
    ssize_t n = S_ISLNK(st->st_mode) ? readlinkat(dir, name, target, sizeof target - 1) : -1;
    if (n >= 0) {
        target[n] = 0;
        emit_text(",\"l\":");
        emit_json(target);
    }
    emit_text("}\n");
}

/* stat FLAGS PATH - of a symlink itself; w: within the workspace. */
static int applet_stat(char **a) {
    struct base base = base_for(a[0]);
    int fd = open_in(base, relative_path(a[1], base.beneath), O_PATH | O_NOFOLLOW, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) fail(errno, a[1]);
    emit_stat(fd, "", a[1], &st);
    return 0;
}

/* A path that grows and shrinks while a tree is walked. */
static char walk_path[65536];

static size_t extend_path(size_t n, const char *name) {
    size_t more = strlen(name);
    if (n + 1 + more >= sizeof walk_path) fail(ENAMETOOLONG, name);
    if (n) walk_path[n++] = '/';
    memcpy(walk_path + n, name, more + 1);
    return n + more;
}

static bool is_dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

static DIR *open_folder(int dir, const char *name, const char *what, int extra) {
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | extra);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) fail(errno, what);
    return d;
}

static uint64_t list_left;

static void list_folder(DIR *d, size_t path_len, bool recursive) {
    for (struct dirent *e; list_left > 0 && (e = readdir(d));) {
        struct stat st;
        if (is_dots(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        size_t n = extend_path(path_len, e->d_name);
        emit_stat(dirfd(d), e->d_name, walk_path, &st);
        list_left--;
        if (!recursive || !S_ISDIR(st.st_mode)) continue;
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *sub = fd < 0 ? NULL : fdopendir(fd);
        if (!sub && errno != EACCES && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) fail(errno, walk_path);
        if (sub) list_folder(sub, n, true);
        walk_path[path_len] = 0;
    }
    closedir(d);
}

/* list FLAGS LIMIT PATH - r: recursive. Folders that may not be read are listed without what is in them. */
static int applet_list(char **a) {
    list_left = a[1][0] == '-' ? UINT64_MAX : strtoull(a[1], NULL, 10);
    list_folder(open_folder(AT_FDCWD, relative_path(a[2], false), a[2], 0), 0, has_letter(a[0], 'r'));
    return 0;
}

/* mkdir FLAGS PATH - p: parents, and no error when it is there. */
static int applet_mkdir(char **a) {
    relative_path(a[1], false);
    if (has_letter(a[0], 'p')) make_folders((struct base){AT_FDCWD, false}, a[1]);
    else if (mkdir(a[1], 0777) != 0) fail(errno, a[1]);
    return 0;
}

/* rename FROM TO */
static int applet_rename(char **a) {
    if (rename(a[0], a[1]) != 0) fail(errno, a[0]);
    return 0;
}

static void remove_at(int dir, const char *name, bool recursive, const char *what) {
    if (unlinkat(dir, name, 0) == 0) return;
    if (errno != EISDIR) fail(errno, what);
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0) return;
    if (!recursive || (errno != ENOTEMPTY && errno != EEXIST)) fail(errno, what);
    DIR *d = open_folder(dir, name, what, O_NOFOLLOW);
    for (struct dirent *e; (e = readdir(d));)
        if (!is_dots(e->d_name)) remove_at(dirfd(d), e->d_name, true, what);
    closedir(d);
    if (unlinkat(dir, name, AT_REMOVEDIR) != 0 && errno != ENOENT) fail(errno, what);
}

/* remove FLAGS PATH - r: with all that is in it. Symlinks are removed, never followed. */
static int applet_remove(char **a) {
    relative_path(a[1], false);
    remove_at(AT_FDCWD, a[1], has_letter(a[0], 'r'), a[1]);
    return 0;
}

/* -- watch -- */

enum { MAX_WATCHES = 8192 };
static char **watched;          /* by watch descriptor: the folder's path from the watched one */
static int watched_count;

static void watch_folder(int notify_fd, const char *root, const char *path, bool recursive) {
    char full[PATH_MAX];
    uint32_t mask = IN_CREATE | IN_DELETE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_EXCL_UNLINK | (*path ? IN_ONLYDIR | IN_DONT_FOLLOW : 0);
    if (snprintf(full, sizeof full, "%s%s%s", root, *path ? "/" : "", path) >= (int)sizeof full) return;
    int wd = inotify_add_watch(notify_fd, full, mask);
    if (wd < 0 && (*path == 0 || errno == ENOSPC || errno == ENOMEM)) fail(errno, root);
    if (wd < 0) return;
    if (wd >= MAX_WATCHES) fail(ENOSPC, root);
    if (wd >= watched_count) {
        char **more = realloc(watched, (size_t)(wd + 1) * sizeof *more);
        if (!more) fail(ENOMEM, root);
        watched = more;
        while (watched_count <= wd) watched[watched_count++] = NULL;
    }
    free(watched[wd]);
    watched[wd] = strdup(path);
    DIR *d = recursive ? opendir(full) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        char sub[PATH_MAX];
        if (is_dots(e->d_name) || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)) continue;
        if (snprintf(sub, sizeof sub, "%s%s%s", path, *path ? "/" : "", e->d_name) < (int)sizeof sub)
            watch_folder(notify_fd, root, sub, true);
    }
    if (d) closedir(d);
}

static void emit_change(const struct inotify_event *e, const char *path) {
    const char *change = e->mask & IN_Q_OVERFLOW ? "overflow"
        : e->mask & IN_CREATE                    ? "created"
        : e->mask & (IN_DELETE | IN_MOVED_FROM)  ? "removed"
        : e->mask & IN_MOVED_TO                  ? "renamed"
                                                 : "modified";
    emit_text("{\"p\":");
    emit_json(path);
    emit_format(",\"c\":\"%s\"}\n", change);
}

/* watch FLAGS PATH - r: recursive. {"p": path from the watched folder, "c": change}, until its stdin ends. */
static int applet_watch(char **a) {
    bool recursive = has_letter(a[0], 'r');
    int fd = inotify_init1(IN_CLOEXEC);
    if (fd < 0) fail(errno, a[1]);
    watch_folder(fd, relative_path(a[1], false), "", recursive);
    emit_text("{\"ready\":true}\n");
    for (;;) {
        flush_output();
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR) fail(errno, a[1]);
        if (p[1].revents) return 0;
        if (!p[0].revents) continue;
        _Alignas(struct inotify_event) char events[16384];
        ssize_t n = read(fd, events, sizeof events);
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(const void *)(events + at);
            at += (ssize_t)(sizeof *e + e->len);
            const char *folder = e->wd >= 0 && e->wd < watched_count && watched[e->wd] ? watched[e->wd] : "";
            char path[PATH_MAX];
            if (e->mask & IN_IGNORED) continue;
            if (snprintf(path, sizeof path, "%s%s%s", folder, *folder && e->len ? "/" : "", e->len ? e->name : "") >= (int)sizeof path) continue;
            emit_change(e, path);
            if (recursive && e->mask & IN_ISDIR && e->mask & (IN_CREATE | IN_MOVED_TO)) watch_folder(fd, a[1], path, true);
        }
    }
}

/* -- tar: ustar, with pax records for what does not fit -- */

struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6], version[2], user[32], group[32],
        major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == 512, "a tar block");

static void pad_block(uint64_t size) {
    static const char zeros[512];
    if (size % 512) emit(zeros, 512 - size % 512);
}

static unsigned tar_sum(const struct tar_header *h) {
    unsigned sum = 0;
    const unsigned char *bytes = (const unsigned char *)h;
    for (size_t i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? ' ' : bytes[i];
    return sum;
}

static void emit_header(char type, const char *name, const char *link, uint64_t size, unsigned mode, uint64_t mtime) {
    struct tar_header h = {0};
    memcpy(h.name, name, strnlen(name, sizeof h.name));
    memcpy(h.link, link, strnlen(link, sizeof h.link));
    snprintf(h.mode, sizeof h.mode, "%07o", mode & 0777);
    snprintf(h.uid, sizeof h.uid, "%07o", 0);
    snprintf(h.gid, sizeof h.gid, "%07o", 0);
    snprintf(h.size, sizeof h.size, "%011llo", (unsigned long long)(size < (UINT64_C(1) << 33) ? size : 0));
    snprintf(h.mtime, sizeof h.mtime, "%011llo", (unsigned long long)min64(mtime, (UINT64_C(1) << 33) - 1));
    h.type = type;
    memcpy(h.magic, "ustar", 6);
    memcpy(h.version, "00", 2);
    snprintf(h.sum, sizeof h.sum, "%06o", tar_sum(&h));
    h.sum[7] = ' ';
    emit((const char *)&h, sizeof h);
}

static char pax[2 * 65536 + 256];
static size_t pax_len;

static void add_pax(const char *key, const char *value) {
    size_t body = strlen(key) + strlen(value) + 3, digits = 1;
    for (size_t n = body + 1; n >= 10; n /= 10) digits++;
    for (char text[24]; snprintf(text, sizeof text, "%zu", body + digits) > (int)digits;) digits++;
    int n = snprintf(pax + pax_len, sizeof pax - pax_len, "%zu %s=%s\n", body + digits, key, value);
    if (n < 0 || (size_t)n >= sizeof pax - pax_len) fail(ENAMETOOLONG, key);
    pax_len += (size_t)n;
}

static void pack_entry(char type, const char *path, const char *link, uint64_t size, const struct stat *st) {
    char number[24];
    pax_len = 0;
    if (strlen(path) > 100) add_pax("path", path);
    if (strlen(link) > 100) add_pax("linkpath", link);
    snprintf(number, sizeof number, "%llu", (unsigned long long)size);
    if (size >= UINT64_C(1) << 33) add_pax("size", number);
    uint64_t mtime = st->st_mtim.tv_sec > 0 ? (uint64_t)st->st_mtim.tv_sec : 0;
    if (pax_len) {
        emit_header('x', "pax", "", pax_len, 0644, mtime);
        emit(pax, pax_len);
        pad_block(pax_len);
    }
    emit_header(type, path, link, size, st->st_mode, mtime);
}

/* A file that shrinks meanwhile is filled with zeros, one that grows is cut: the archive stays whole. */
static void pack_file(int dir, const char *name, const char *path) {
    static char block[65536];
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && (errno == ENOENT || errno == ELOOP)) return;
    if (fd < 0 || fstat(fd, &st) != 0) fail(errno, path);
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return;
    }
    uint64_t size = (uint64_t)st.st_size;
    pack_entry('0', path, "", size, &st);
    for (uint64_t left = size; left > 0;) {
        size_t n = min64(left, sizeof block), got = read_full(fd, block, n, path);
        memset(block + got, 0, n - got);
        emit(block, n);
        left -= n;
    }
    pad_block(size);
    close(fd);
}

static void pack_folder(DIR *d, size_t path_len) {
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (is_dots(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        size_t n = extend_path(path_len, e->d_name);
        if (S_ISREG(st.st_mode)) pack_file(dirfd(d), e->d_name, walk_path);
        if (S_ISLNK(st.st_mode)) {
            char target[PATH_MAX];
            ssize_t got = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
            if (got < 0) continue;
            target[got] = 0;
            pack_entry('2', walk_path, target, 0, &st);
        }
        if (S_ISDIR(st.st_mode)) {
            int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            DIR *sub = fd < 0 ? NULL : fdopendir(fd);
            if (!sub && errno != ENOENT) fail(errno, walk_path);
            if (!sub) continue;
            memcpy(walk_path + n, "/", 2);
            pack_entry('5', walk_path, "", 0, &st);
            walk_path[n] = 0;
            pack_folder(sub, n);
        }
    }
    closedir(d);
}

/* pack PATH - a folder's content, or one file. Sockets, pipes and devices are left out; hard links become copies. */
static int applet_pack(char **a) {
    static const char end[1024];
    struct stat st;
    if (lstat(relative_path(a[0], false), &st) != 0) fail(errno, a[0]);
    if (S_ISREG(st.st_mode)) {
        const char *slash = strrchr(a[0], '/');
        extend_path(0, slash ? slash + 1 : a[0]);
        pack_file(AT_FDCWD, a[0], walk_path);
    } else {
        pack_folder(open_folder(AT_FDCWD, a[0], a[0], 0), 0);
    }
    emit(end, sizeof end);
    return 0;
}

static char entry_path[65536], entry_link[65536];
static bool long_path, long_link, long_size;
static uint64_t pax_size;

static uint64_t tar_number(const char *field, size_t n) {
    uint64_t value = 0;
    if (field[0] & 0x80) {
        if ((unsigned char)field[0] != 0x80) fail(EBADMSG, "number in the archive");
        for (size_t i = 1; i < n; i++) {
            if (value >> 55) fail(EBADMSG, "number in the archive");
            value = value << 8 | (unsigned char)field[i];
        }
        return value;
    }
    size_t i = 0;
    while (i < n && field[i] == ' ') i++;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) value = value << 3 | (uint64_t)(field[i] - '0');
    if (i < n && field[i] && field[i] != ' ') fail(EBADMSG, "number in the archive");
    return value;
}

static void skip_input(uint64_t n) {
    while (n > 0) {
        size_t part = min64(n, sizeof output);
        if (read_full(0, output, part, "archive") != part) fail(EBADMSG, "the archive is cut off");
        n -= part;
    }
}

/* The content of a special entry (a long name, pax records) as a string without NULs in it. */
static size_t read_special(uint64_t size, char *to, size_t room) {
    if (size >= room) fail(ENAMETOOLONG, "record in the archive");
    if (read_full(0, to, size, "archive") != size) fail(EBADMSG, "the archive is cut off");
    to[size] = 0;
    skip_input((512 - size % 512) % 512);
    return size;
}

static void copy_value(char *to, size_t room, const char *from, size_t n) {
    if (n >= room || memchr(from, 0, n)) fail(EBADMSG, "name in the archive");
    memcpy(to, from, n);
    to[n] = 0;
}

static void read_pax(uint64_t size, bool global) {
    size_t n = read_special(size, pax, sizeof pax), at = 0;
    while (at < n) {
        char *rest;
        unsigned long length = strtoul(pax + at, &rest, 10);
        char *equals = rest < pax + n && *rest == ' ' ? memchr(rest, '=', (size_t)(pax + n - rest)) : NULL;
        if (length == 0 || length > n - at || !equals || equals >= pax + at + length || pax[at + length - 1] != '\n')
            fail(EBADMSG, "pax record in the archive");
        char *key = rest + 1, *value = equals + 1;
        size_t key_len = (size_t)(equals - key), value_len = (size_t)(pax + at + length - 1 - value);
        at += length;
        if (key_len >= 10 && memcmp(key, "GNU.sparse", 10) == 0) fail(EXDEV, "sparse entry in the archive");
        if (global) continue;
        if (key_len == 4 && memcmp(key, "path", 4) == 0) {
            copy_value(entry_path, sizeof entry_path, value, value_len);
            long_path = true;
        } else if (key_len == 8 && memcmp(key, "linkpath", 8) == 0) {
            copy_value(entry_link, sizeof entry_link, value, value_len);
            long_link = true;
        } else if (key_len == 4 && memcmp(key, "size", 4) == 0) {
            pax_size = strtoull(value, NULL, 10);
            long_size = true;
        }
    }
}

/* Tidies a member's path in place: no empty or "." parts, nothing absolute, no "..". */
static void clean_path(char *path) {
    char *to = path;
    if (path[0] == '/') fail(EXDEV, path);
    for (char *from = path; *from;) {
        size_t n = strcspn(from, "/");
        if (n == 2 && memcmp(from, "..", 2) == 0) fail(EXDEV, path);
        if (n > NAME_MAX) fail(ENAMETOOLONG, path);
        if (n > 0 && !(n == 1 && *from == '.')) {
            if (to != path) *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n;
        while (*from == '/') from++;
    }
    *to = 0;
}

/* The folder of a member, made where absent; symlinks are never followed. Sets `name` to the last part. */
static int member_folder(int root, const char *path, const char **name) {
    int dir = fcntl(root, F_DUPFD_CLOEXEC, 3);
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        char part[NAME_MAX + 1];
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = 0;
        if (mkdirat(dir, part, 0777) != 0 && errno != EEXIST) fail(errno, path);
        int next = openat(dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (next < 0 && fstatat(dir, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) fail(ELOOP, path);
        if (next < 0) fail(errno, path);
        close(dir);
        dir = next;
    }
    *name = path;
    return dir;
}

/* A symlink may climb with leading ".." as far as the root of what is unpacked, and not otherwise. */
static void check_link(const char *path, const char *target) {
    int depth = 0;
    bool down = false;
    for (const char *p = path; (p = strchr(p, '/')); p++) depth++;
    if (target[0] == '/' || !target[0]) fail(EXDEV, path);
    while (*target) {
        size_t n = strcspn(target, "/");
        if (n == 2 && memcmp(target, "..", 2) == 0) {
            if (down || --depth < 0) fail(EXDEV, path);
        } else if (n > 0 && !(n == 1 && *target == '.')) {
            down = true;
        }
        target += n + strspn(target + n, "/");
    }
}

static void make_way(int dir, const char *name) {
    if (unlinkat(dir, name, 0) != 0 && errno != ENOENT) fail(errno, name);
}

static uint64_t unpack_file(int dir, const char *name, uint64_t size, const struct tar_header *h) {
    static char block[65536];
    make_way(dir, name);
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) fail(errno, name);
    for (uint64_t left = size; left > 0;) {
        size_t n = min64(left, sizeof block);
        if (read_full(0, block, n, "archive") != n) fail(EBADMSG, "the archive is cut off");
        write_all(fd, block, n, name);
        left -= n;
    }
    skip_input((512 - size % 512) % 512);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)min64(tar_number(h->mtime, 12), INT32_MAX * UINT64_C(8))}};
    if (fchmod(fd, tar_number(h->mode, 8) & 0777) != 0) fail(errno, name);
    futimens(fd, times);
    close(fd);
    return size;
}

static void unpack_hard_link(int root, int dir, const char *name) {
    const char *from_name;
    struct stat st;
    clean_path(entry_link);
    int from = member_folder(root, entry_link, &from_name);
    if (fstatat(from, from_name, &st, AT_SYMLINK_NOFOLLOW) != 0) fail(errno, entry_link);
    if (!S_ISREG(st.st_mode)) fail(EXDEV, entry_link);
    make_way(dir, name);
    if (linkat(from, from_name, dir, name, 0) != 0) fail(errno, name);
    close(from);
}

/* One member, whose header was read. Returns bytes written. */
static uint64_t unpack_member(int root, const struct tar_header *h, uint64_t size) {
    uint64_t written = 0;
    const char *name;
    clean_path(entry_path);
    if (!*entry_path) {
        if (h->type != '5') fail(EBADMSG, "member without a name");
        skip_input(size + (512 - size % 512) % 512);
        return 0;
    }
    int dir = member_folder(root, entry_path, &name);
    switch (h->type) {
    case '0': case 0: case '7':
        return written = unpack_file(dir, name, size, h), close(dir), written;
    case '5':
        if (mkdirat(dir, name, (tar_number(h->mode, 8) & 0777) | 0700) != 0) {
            struct stat st;
            int error = errno;
            if (error != EEXIST || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) fail(error, entry_path);
            if (!S_ISDIR(st.st_mode)) fail(S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR, entry_path);
        }
        break;
    case '2':
        check_link(entry_path, entry_link);
        make_way(dir, name);
        if (symlinkat(entry_link, dir, name) != 0) fail(errno, entry_path);
        break;
    case '1':
        unpack_hard_link(root, dir, name);
        break;
    default:
        fail(EXDEV, entry_path);
    }
    close(dir);
    skip_input(size + (512 - size % 512) % 512);
    return 0;
}

static void header_names(const struct tar_header *h) {
    bool prefixed = memcmp(h->magic, "ustar", 6) == 0 && h->prefix[0];
    if (!long_path)
        snprintf(entry_path, sizeof entry_path, "%.*s%s%.*s", prefixed ? 155 : 0, h->prefix, prefixed ? "/" : "", 100, h->name);
    if (!long_link) snprintf(entry_link, sizeof entry_link, "%.*s", 100, h->link);
}

/* unpack PATH - prints {"files", "bytes"}. Devices, sparse files and whatever leads out end it with EXDEV or ELOOP. */
static int applet_unpack(char **a) {
    struct tar_header h;
    uint64_t files = 0, bytes = 0;
    int root = open(relative_path(a[0], false), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) fail(errno, a[0]);
    for (;;) {
        size_t got = read_full(0, (char *)&h, sizeof h, "archive");
        if (got != sizeof h) fail(EBADMSG, "the archive is cut off");
        unsigned sum = tar_sum(&h);
        if (sum == 8 * ' ') break;      /* a block of zeros: the end */
        if (tar_number(h.sum, 8) != sum) fail(EBADMSG, "not a tar archive");
        uint64_t size = tar_number(h.size, 12);
        if (h.type == 'x' || h.type == 'g') {
            read_pax(size, h.type == 'g');
        } else if (h.type == 'L' || h.type == 'K') {
            char *to = h.type == 'L' ? entry_path : entry_link;
            read_special(size, to, sizeof entry_path);
            *(h.type == 'L' ? &long_path : &long_link) = true;
        } else {
            header_names(&h);
            if (long_size) size = pax_size;
            if (size >> 62) fail(EBADMSG, "size in the archive");
            if ((h.type == '2' || h.type == '1' || h.type == '5') && size != 0 && h.type != '5') fail(EBADMSG, "link with content");
            bytes += unpack_member(root, &h, size);
            files += h.type != '5';
            long_path = long_link = long_size = false;
        }
    }
    while (read(0, output, sizeof output) > 0) continue;    /* padding */
    emit_format("{\"files\":%llu,\"bytes\":%llu}\n", (unsigned long long)files, (unsigned long long)bytes);
    return 0;
}

static const struct { const char *name; int argc; int (*run)(char **); } applets[] = {
    {"read", 4, applet_read},     {"write", 3, applet_write},   {"list", 3, applet_list}, {"stat", 2, applet_stat},
    {"mkdir", 2, applet_mkdir},   {"rename", 2, applet_rename}, {"remove", 2, applet_remove}, {"watch", 2, applet_watch},
    {"pack", 1, applet_pack},     {"unpack", 1, applet_unpack},
};

static int applet_main(int argc, char **argv) {
    umask(022);
    for (size_t i = 0; i < sizeof applets / sizeof *applets; i++) {
        if (strcmp(argv[0], applets[i].name) != 0) continue;
        if (argc - 1 != applets[i].argc) fail(EINVAL, argv[0]);
        int result = applets[i].run(argv + 1);
        flush_output();
        return result;
    }
    fail(ENOSYS, argv[0]);
}

/* ---- watchdogs over the whole sandbox ---- */

static bool is_tmpfs(const struct statfs *f) { return f->f_type == 0x01021994; }

static uint64_t tmpfs_use(void) {
    static const char *const places[] = {"/tmp", "/dev/shm"};
    uint64_t sum = 0;
    dev_t seen = 0;
    for (size_t i = 0; i < 2; i++) {
        struct statfs f;
        struct stat st;
        if (statfs(places[i], &f) != 0 || !is_tmpfs(&f) || stat(places[i], &st) != 0 || st.st_dev == seen) continue;
        sum += (f.f_blocks - f.f_bfree) * (uint64_t)f.f_bsize;
        seen = st.st_dev;
    }
    return sum;
}

struct usage { uint64_t memory, cpu_us, pids; };

enum accuracy { NO_MEMORY, AT_MOST, EXACT };

static struct usage measure(enum accuracy memory) {
    struct usage u = {.memory = memory ? tmpfs_use() : 0, .cpu_us = reaped_us};
    struct scan s = scan_proc();
    mark_tree(&s, NULL, 0);
    for (size_t i = 0; i < s.n; i++) {
        const struct entry *e = &s.e[i];
        if (e->member != 1 || e->state == 'Z') continue;
        u.pids += e->threads;
        u.cpu_us += e->cpu_us;
        if (memory) u.memory += own_memory(e->pid, memory == EXACT);
    }
    free(s.e);
    return u;
}

static void kill_sandbox(uint32_t kind, uint64_t value) {
    if (kind == MEMORY) oom_kills++;
    for (struct proc *p = procs; p; p = p->next) {
        if (p->ended || p->gone) continue;
        if (p->limit == NONE) p->limit = kind;
        notify(p, kind, KILLED, value);
    }
    if (sandbox_notice_count < 8) sandbox_notices[sandbox_notice_count++] = (struct notice){kind, KILLED, value};
    kill_everything();
}

/* What the walker has seen of hard links; more of them than this count each time. */
enum { MAX_LINKS = 1 << 18, MAX_DEPTH = 4096, MIN_FILE_BYTES = 1024 };
struct seen { ino_t ino[MAX_LINKS]; };

static bool first_sight(struct seen *seen, ino_t ino) {
    size_t at = (size_t)((uint64_t)ino * UINT64_C(0x9E3779B97F4A7C15) >> 46);
    for (size_t i = 0; i < 64; i++, at = (at + 1) % MAX_LINKS) {
        if (seen->ino[at] == ino) return false;
        if (seen->ino[at] == 0) {
            seen->ino[at] = ino;
            break;
        }
    }
    return true;
}

/* An empty file has no blocks, but an inode and a name: without a price on them inodes could be had without end. */
static uint64_t price_of(const struct stat *st) {
    uint64_t bytes = (uint64_t)st->st_blocks * 512;
    return bytes > MIN_FILE_BYTES ? bytes : MIN_FILE_BYTES;
}

/* Opens a folder that is closed to its owner: what fills it through a file that is open already counts, too. */
static int open_shut(int in, const char *name) {
    int path = openat(in, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (path < 0) return -1;
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", path);
    int fd = chmod(self, 0700) == 0 ? openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    close(path);
    return fd;
}

/* Takes the descriptor. A tree too deep to be counted counts as endless. */
static uint64_t disk_use(int fd, struct seen *seen, dev_t device, int depth) {
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        bool deep = errno == EMFILE || errno == ENFILE;
        if (fd >= 0) close(fd);
        return deep ? UINT64_C(1) << 60 : 0;
    }
    uint64_t sum = 0;
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_dev != device) continue;
        if (st.st_nlink < 2 || S_ISDIR(st.st_mode) || first_sight(seen, st.st_ino)) sum += price_of(&st);
        if (!S_ISDIR(st.st_mode)) continue;
        if (depth >= MAX_DEPTH) {
            sum += UINT64_C(1) << 60;
            continue;
        }
        bool shut = (st.st_mode & 0500) != 0500;
        int sub = shut ? open_shut(dirfd(d), e->d_name) : openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int again = shut && sub >= 0 ? dup(sub) : -1;
        sum += disk_use(sub, seen, device, depth + 1);
        if (again >= 0) {
            fchmod(again, st.st_mode & 07777);
            close(again);
        }
    }
    closedir(d);
    return sum;
}

/* What a walker found out: bytes, and how many processes would not let it look at their files. */
struct finding { uint64_t bytes, hidden; };

static bool is_number(const char *name) { return isdigit((unsigned char)name[0]); }

/*
 * Opens the list of a thread's descriptors: each can have some of its own. NULL, with EACCES, when it may not be seen:
 * a process that runs a program which it may not read is undumpable.
 */
static DIR *open_fds(const char *pid, const char *tid) {
    char path[600];
    struct entry e;
    snprintf(path, sizeof path, "/proc/%s/task/%s/fd", pid, tid);
    DIR *fds = opendir(path);
    if (fds || errno != EACCES) return fds;
    /* The dead look the same, and hold nothing. */
    bool dead = !parse_stat((pid_t)atoi(tid), &e) || e.state == 'Z' || e.state == 'X';
    errno = dead ? ESRCH : EACCES;
    return NULL;
}

static DIR *open_threads(const char *pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    return opendir(path);
}

/* Files that are deleted but still open use the disk all the same. */
static uint64_t deleted_use(struct seen *seen, dev_t device, uint64_t *hidden) {
    uint64_t sum = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        DIR *threads = is_number(e->d_name) && atoi(e->d_name) != self ? open_threads(e->d_name) : NULL;
        for (struct dirent *t; threads && (t = readdir(threads));) {
            DIR *fds = is_number(t->d_name) ? open_fds(e->d_name, t->d_name) : NULL;
            if (!fds && is_number(t->d_name) && errno == EACCES) ++*hidden;
            for (struct dirent *f; fds && (f = readdir(fds));) {
                struct stat st;
                if (!is_number(f->d_name) || fstatat(dirfd(fds), f->d_name, &st, 0) != 0) continue;
                if (S_ISREG(st.st_mode) && st.st_nlink == 0 && st.st_dev == device && first_sight(seen, st.st_ino))
                    sum += (uint64_t)st.st_blocks * 512;
            }
            if (fds) closedir(fds);
        }
        if (threads) closedir(threads);
    }
    if (d) closedir(d);
    return sum;
}

static bool hides(const char *pid) {
    bool hidden = false;
    DIR *threads = open_threads(pid);
    for (struct dirent *t; !hidden && threads && (t = readdir(threads));) {
        if (!is_number(t->d_name)) continue;
        DIR *fds = open_fds(pid, t->d_name);
        if (fds) closedir(fds);
        else hidden = errno == EACCES;
    }
    if (threads) closedir(threads);
    return hidden;
}

/*
 * Kills the processes whose files cannot be seen, and so not counted. Our own work cannot be looked at either, nor what
 * has not come to its program yet. Returns how many.
 */
static uint32_t kill_hiders(void) {
    uint32_t count = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        pid_t pid = (pid_t)atoi(e->d_name);
        if (!is_number(e->d_name) || pid == self || pid == walker.pid) continue;
        const struct proc *p = held_root(pid);
        if (p && (p->flags & SPAWN_BUILTIN || p->status_fd >= 0)) continue;
        if (hides(e->d_name) && kill(pid, SIGKILL) == 0) count++;
    }
    if (d) closedir(d);
    return count;
}

static void kill_sandbox(uint32_t kind, uint64_t value);

/* Without a walker the disk has no limit, and user code may be why there is none. */
static void start_failed(void) {
    close_fd(&walker.fd);
    walker.next_ms = now_ms() + START_AGAIN_MS;
    if (++walker.failed_starts < MAX_FAILED_STARTS || !watch.disk) return;
    walker.failed_starts = 0;
    kill_sandbox(DISK, walker.bytes);
}

/* With inodes at their price. */
static uint64_t free_bytes(void) {
    struct statfs f;
    if (statfs(workspace, &f) != 0) return 0;
    return (uint64_t)f.f_bfree * (uint64_t)f.f_bsize + (uint64_t)f.f_ffree * MIN_FILE_BYTES;
}

/*
 * Many files make walks slow, and the pauses between them long. So walks begin early when the file system has lost so
 * much that it could have been us: others may have used it, which costs one walk.
 */
static bool could_be_full(uint64_t now) {
    if (now < walker.look_ms || now < walker.measured_ms + 3 * walker.took_ms) return false;
    walker.look_ms = now + watch.interval_ms;
    uint64_t left = free_bytes();
    return left < walker.free && walker.free - left + walker.bytes > watch.disk;
}

static void start_walk(void) {
    int theirs = -1;
    if (walker.pid) return;
    if (!make_pipe(&walker.fd, &theirs, 0)) {
        close_fd(&theirs);
        start_failed();
        return;
    }
    walker.started_ms = now_ms();
    walker.free = free_bytes();
    walker.pid = fork();
    if (walker.pid == 0) {
        reset_signals();
        dup2(theirs, 0);
        close_from(1);
        struct seen *seen = (struct seen *)(void *)pages(sizeof *seen);
        int fd = open(workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        if (!seen || fd < 0 || fstat(fd, &st) != 0) _exit(1);
        struct finding found = {.bytes = disk_use(fd, seen, st.st_dev, 0)};
        found.bytes += deleted_use(seen, st.st_dev, &found.hidden);
        _exit(write(0, &found, sizeof found) == sizeof found ? 0 : 1);
    }
    close(theirs);
    if (walker.pid > 0) {
        walker.failed_starts = 0;
        return;
    }
    walker.pid = 0;
    start_failed();
}

/* How often the kernel killed for memory in the cgroup of user code. */
static uint64_t cgroup_oom_kills(void) {
    char text[512];
    int fd = cgroup_fd < 0 ? -1 : openat(cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    const char *line = strstr(text, "\noom_kill ");
    return line ? strtoull(line + 10, NULL, 10) : 0;
}

static void answer_stats(void) {
    struct usage u = measure(EXACT);
    struct payload b = {0};
    put64(&b, u.memory);
    put64(&b, u.cpu_us);
    put32(&b, (uint32_t)u.pids);
    put32(&b, 0);
    put64(&b, walker.bytes);
    put64(&b, oom_kills + cgroup_oom_kills());
    uint32_t due = stats_due;
    stats_due = 0;
    while (due-- > 0) send_frame(STATS_OK, 0, 0, &b);
}

static void walk_ended(void) {
    struct finding found = {0};
    uint64_t now = now_ms(), took = now - walker.started_ms;
    bool counted = read(walker.fd, &found, sizeof found) == sizeof found;
    if (counted) walker.bytes = found.bytes;
    walker.hiders = watch.disk && found.hidden > 0 && kill_hiders() > 0 ? walker.hiders + 1 : 0;
    walker.failures = counted ? 0 : walker.failures + 1;
    close_fd(&walker.fd);
    walker.pid = 0;
    walker.known = true;
    walker.measured_ms = now;
    walker.took_ms = took;
    /* Walking may take a twentieth of one CPU at most. */
    walker.next_ms = now + (took * 20 > watch.interval_ms ? took * 20 : watch.interval_ms);
    if (stats_due && !quiesced) answer_stats();
    bool unknown = walker.failures >= MAX_FAILED_WALKS || walker.hiders >= MAX_HIDERS;
    if (watch.disk && (walker.bytes > watch.disk || unknown)) {
        walker.failures = walker.hiders = 0;
        kill_sandbox(DISK, walker.bytes);
    }
}

static void run_watchdogs(uint64_t now) {
    if ((watch.memory || watch.pids) && now >= watch.next_ms) {
        struct usage u = measure(watch.memory ? AT_MOST : NO_MEMORY);
        if (watch.memory && u.memory > watch.memory) u = measure(EXACT);
        /* Looking may take a twentieth of one CPU, too, where a system call is dear (gVisor); but twice a second it is done. */
        uint64_t ended = now_ms(), rest = min64((ended - now) * 20, MAX_LOOK_MS);
        watch.next_ms = ended + (rest > watch.interval_ms ? rest : watch.interval_ms);
        if (watch.memory && u.memory > watch.memory) kill_sandbox(MEMORY, u.memory);
        else if (watch.pids && u.pids > watch.pids) kill_sandbox(PIDS, u.pids);
    }
    if (watch.disk && !walker.pid && (now >= walker.next_ms || could_be_full(now))) start_walk();
    if (walker.pid && now >= walker.started_ms + WALK_MS) {
        kill(walker.pid, SIGKILL);
        walker.started_ms = now;
    }
}

/* ---- frames from the host; false means: malformed, end the connection ---- */

static bool refuse(const char *text) {
    struct payload b = {0};
    put32(&b, EPROTO);
    put(&b, text, strlen(text));
    send_frame(ERROR, 0, 0, &b);
    flush_out();
    return false;
}

/* Cuts the next NUL-terminated string; NULL when there is none. */
static char *cut_string(char **at, const char *end) {
    char *s = *at, *nul = memchr(s, 0, (size_t)(end - s));
    if (!nul) return NULL;
    *at = nul + 1;
    return s;
}

static bool on_spawn(uint32_t id, uint8_t *p, uint32_t n) {
    if (n < 40 || id == 0 || find_proc(id)) return false;
    struct launch l = {.flags = get32(p), .rows = get16(p + 4), .cols = get16(p + 6), .nofile = get32(p + 28)};
    l.argc = get16(p + 34);
    l.envc = get32(p + 36);
    uint32_t tag_len = get16(p + 32);
    bool own = l.flags & SPAWN_OWN;
    if (l.flags & ~31u || (own && (!(l.flags & SPAWN_BUILTIN) || !user)) || l.argc == 0 || tag_len > MAX_TAG || n - 40 < tag_len) return false;
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

static bool on_attach(struct proc *p, const uint8_t *payload, uint32_t n) {
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

static bool on_input(struct proc *p, int stream, const uint8_t *payload, uint32_t n, bool end) {
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

static bool on_ack(struct proc *p, int stream, const uint8_t *payload, uint32_t n) {
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

static bool on_signal(uint32_t id, struct proc *p, const uint8_t *payload, uint32_t n) {
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

/* Frees what was forgotten. Only where nobody walks the list. */
static void sweep(void) {
    for (struct proc *p = procs, *next; p; p = next) {
        next = p->next;
        if (p->gone) free_proc(p);
    }
}

static bool on_hello(struct conn *c, const uint8_t *payload, uint32_t n) {
    if (n != 16) return false;
    uint64_t asked = get64(payload + 4), window = get32(payload + 12);
    bool version = get16(payload) <= VERSION && VERSION <= get16(payload + 2);
    bool old = asked <= epoch && epoch > 0;
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
    out = pages(OUT_CAP);
    if (!out) return false;
    host = *c;
    *c = (struct conn){.fd = -1};
    epoch = asked;
    window_bytes = window;
    quiesced = false;
    greeting = true;
    greet_next = procs;
    struct payload b = {0};
    put16(&b, VERSION);
    put16(&b, 0);
    put32(&b, CAP_BUILTINS | CAP_TERMINAL | CAP_LIMITS | CAP_WATCH | CAP_TAG | (renew_dir ? CAP_RENEW : 0) |
                  (forward.door_count > 0 ? CAP_FORWARD : 0));
    put64(&b, boot_id);
    put64(&b, epoch);
    put32(&b, proc_count);
    send_frame(HELLO_OK, 0, 0, &b);
    return true;
}

/* As the first process of a machine or pid namespace our end takes everything with it. */
static _Noreturn void power_off(void) {
    kill_everything();
    sync();
    if (self == 1) reboot(RB_POWER_OFF);
    _exit(0);
}

static bool set_watch(const uint8_t *payload, uint32_t n) {
    if (n != 24) return false;
    watch.memory = get64(payload);
    watch.disk = get64(payload + 8);
    watch.pids = get32(payload + 16);
    watch.interval_ms = get32(payload + 20);
    if (watch.interval_ms == 0) watch.interval_ms = 100;
    if (watch.interval_ms < 10) watch.interval_ms = 10;
    watch.next_ms = walker.next_ms = 0;
    return true;
}

static void set_clock(uint64_t ns) {
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    clock_settime(CLOCK_REALTIME, &t);
}

/* Mixes 32 bytes of the host's into the kernel's random state, and has it draw on them at once. */
static void stir(const uint8_t seed[32]) {
    uint8_t pool[8 + 32];       /* struct rand_pool_info: bits, bytes, the bytes */
    memcpy(pool, &(int[]){256, 32}, 8);
    memcpy(pool + 8, seed, 32);
    int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (ioctl(fd, RNDADDENTROPY, pool) != 0 && write(fd, seed, 32) < 0) errno = 0;   /* as far as we may */
    ioctl(fd, RNDRESEEDCRNG);
    close(fd);
}

static bool on_clock(const uint8_t *payload, uint32_t n) {
    if (n != 40) return false;
    set_clock(get64(payload));
    stir(payload + 8);
    return true;
}

static void write_name(const char *file, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", renew_dir, file);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0) errno = 0;    /* a tmpfs of ours: it has room */
    close_fd(&fd);
}

static bool is_host_name(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-') return false;
    return n > 0 && n <= MAX_HOST_NAME;
}

/* The host keeps the first byte of a key out of the rest of it, so that a search that fails in the middle can go on there. */
static bool is_key(const uint8_t *key) { return memchr(key + 1, key[0], KEY_BYTES - 1) == NULL; }

/*
 * This machine is a copy of another: it gets a clock, random state, names and a key of its own. u64 clock, 32 random bytes, the
 * new key, the host's name.
 */
static bool on_renew(const uint8_t *payload, uint32_t n) {
    const uint32_t fixed = 8 + 32 + KEY_BYTES;
    char name[MAX_HOST_NAME + 1] = "", text[2 * MAX_HOST_NAME + 64];
    uint8_t id[16];
    if (!renew_dir || n <= fixed || !is_host_name((const char *)payload + fixed, n - fixed) || !is_key(payload + 40)) return false;
    memcpy(name, payload + fixed, n - fixed);
    set_clock(get64(payload));
    stir(payload + 8);
    memcpy(serial.key, payload + 40, KEY_BYTES);
    if (getrandom(&boot_id, sizeof boot_id, 0) != sizeof boot_id || getrandom(id, sizeof id, 0) != sizeof id) return false;
    sethostname(name, strlen(name));
    snprintf(text, sizeof text, "127.0.0.1 localhost %s\n::1 localhost %s\n", name, name);
    write_name("hosts", text);
    snprintf(text, sizeof text, "%s\n", name);
    write_name("hostname", text);
    snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", id[0], id[1], id[2], id[3], id[4], id[5],
             id[6] & 15, id[7], (id[8] & 63) | 128, id[9], id[10], id[11], id[12], id[13], id[14], id[15]);
    write_name("boot_id", text);
    send_frame(PONG, 0, 0, &(struct payload){.len = 8});
    return true;
}

/* A process that was started for whoever would come gets the tag of who came, and its output counts from there. */
static bool on_tag(struct proc *p, const uint8_t *payload, uint32_t n) {
    if (n > MAX_TAG) return false;
    if (!p) return true;
    memcpy(p->tag, payload, n);
    p->tag_len = (uint16_t)n;
    return true;
}

static bool on_stats(uint32_t n) {
    if (n != 0 || stats_due >= 64) return false;
    stats_due++;
    /* Only the first has to wait until the disk was measured once. */
    if (!walker.known || now_ms() - walker.measured_ms > 2000) start_walk();
    if (walker.known || !walker.pid) answer_stats();
    return true;
}

static bool on_frame(uint16_t type, uint16_t flags, uint32_t id, uint8_t *payload, uint32_t n) {
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
        quiesced = true;
        send_frame(QUIESCED, 0, 0, &b);
        return n == 0;
    case RESUME:
        quiesced = false;
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

static void drop_candidate(void);

/* ---- over a serial line ---- */

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

/* Without a host poll would never wait. SIGIO says when there is one again: it may have come since poll looked. */
static void look_for_host(void) {
    struct pollfd now = {.fd = serial.fd, .events = POLLIN};
    serial.unplugged = poll(&now, 1, 0) == 1 && now.revents & (POLLHUP | POLLERR);
}

/* Reads from the line, for whichever connection is there. */
static void receive_serial(void) {
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

static void open_serial(void) {
    fcntl(serial.fd, F_SETFD, FD_CLOEXEC);
    fcntl(serial.fd, F_SETOWN, getpid());
    fcntl(serial.fd, F_SETFL, O_NONBLOCK | O_ASYNC);
}

/* Reads once and handles every whole frame. Returns false when the connection is over. */
static bool receive(struct conn *c) {
    if (c->fd == serial.fd) return true;    /* receive_serial has */
    ssize_t got = recv(c->fd, c->in + c->len, IN_CAP - c->len, MSG_DONTWAIT);
    if (got < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (got == 0 && c->len < IN_CAP) return false;
    if (got > 0) c->len += (uint32_t)got;
    return true;
}

static bool serve_host(void) {
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

static void drop_candidate(void) {
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
    ssize_t n = recvmsg(listen_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n == 0) _exit(1); /* nobody accepts any more: an agent that cannot be reached is none */
    struct cmsghdr *rights = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (!rights || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(sizeof fd)) return -1;
    memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    return fd;
}

static void accept_candidate(void) {
    int fd = accepts ? accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : receive_connection();
    if (fd < 0) return;
    drop_candidate();
    candidate = (struct conn){.fd = fd, .in = pages(IN_CAP)};
    if (!candidate.in) drop_candidate();
}

/* The host left between QUIESCED and RESUME: what both sides know of each other stays as it is, and no byte was under way. */
static void suspend_host(void) {
    close_fd(&host.fd);
    suspended = true;
}

/* RESUME as the first frame of a connection goes on with the conversation that was suspended. */
static bool resume_with_candidate(void) {
    if (!suspended || get64(candidate.in + HEADER) != epoch) return false;
    suspended = quiesced = false;
    host.fd = candidate.fd;
    host.len = candidate.len - HEADER - 8;
    memcpy(host.in, candidate.in + HEADER + 8, host.len);
    candidate.fd = -1;
    drop_candidate();
    return true;
}

/* A new connection counts once it has said HELLO properly; until then the old one goes on. */
static void serve_candidate(void) {
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

/* ---- the loop ---- */

enum what { CONNECTS, CHILDREN, HOST, CANDIDATE, LINE, DOOR, QUESTIONS, LINK, STATUS, OUTPUT, INPUT };
struct slot { struct proc *proc; uint8_t what, stream; };

enum { MAX_POLLED = 4 + MAX_DOORS + 1 + MAX_FORWARDED + MAX_PROCS * 6 };
static struct pollfd polled[MAX_POLLED];
static struct slot slots[MAX_POLLED];
static nfds_t polled_count;

static void want(int fd, short events, enum what what, struct proc *p, int stream) {
    polled[polled_count] = (struct pollfd){.fd = fd, .events = events};
    slots[polled_count++] = (struct slot){p, (uint8_t)what, (uint8_t)stream};
}

static void choose_forward_events(void) {
    if (quiesced) return;
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
    short events = (short)((full ? 0 : POLLIN) | (host.fd == serial.fd && out_pos < out_len ? POLLOUT : 0));
    if (!serial.unplugged && events) want(serial.fd, events, LINE, NULL, 0);
}

static void choose_events(void) {
    polled_count = 0;
    if (listen_fd >= 0) want(listen_fd, POLLIN, CONNECTS, NULL, 0);
    want(signal_fd, POLLIN, CHILDREN, NULL, 0);
    if (serial.fd >= 0) choose_line_events();
    else if (candidate.fd >= 0) want(candidate.fd, POLLIN, CANDIDATE, NULL, 0);
    if (host.fd >= 0 && host.fd != serial.fd) {
        bool room = host.len < IN_CAP && out_room() >= OUT_RESERVE / 2;
        want(host.fd, (short)((room ? POLLIN : 0) | (out_pos < out_len ? POLLOUT : 0)), HOST, NULL, 0);
    }
    choose_forward_events();
    for (struct proc *p = procs; p; p = p->next) {
        if (quiesced) continue;
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

/* Whether a whole frame is here that could be handled now: then nothing may wait. */
static bool frame_waiting(void) {
    if (!greeted || host.len < HEADER || out_room() < OUT_RESERVE / 2) return false;
    uint32_t length = get32(host.in);
    return length > MAX_PAYLOAD || host.len >= HEADER + length;
}

static int next_timeout(void) {
    if (frame_waiting()) return 0;
    uint64_t at = UINT64_MAX, now = now_ms();
    for (const struct proc *p = procs; p; p = p->next) {
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
    for (struct proc *p = procs; p; p = p->next)
        for (int i = 0; i < 4; i++) {
            if (p->out[i].acked == p->out[i].end) free_pages(&p->out[i].ring, p->out[i].cap);
            if (p->in[i].len == 0) free_pages(&p->in[i].buf, INPUT_WINDOW);
        }
    for (struct link *l = links; l < links + MAX_FORWARDED; l++)
        if (l->len == 0) free_pages(&l->buf, LINK_WINDOW);
    if (host.fd < 0) return;
    if (host.len == 0) madvise(host.in, IN_CAP, MADV_DONTNEED);
    if (out_len == 0) madvise(out, OUT_CAP, MADV_DONTNEED);
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
        if (any && !quiesced) read_outputs(p, ready);
    }
}

static _Noreturn void loop(void) {
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
        bool served = host.fd < 0 || !greeted || serve_host();
        if (host_gone && served && quiesced && host.len == 0) suspend_host();
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

static void load_seccomp(int fd) {
    static const size_t most = BPF_MAXINSNS * sizeof(struct sock_filter);
    uint8_t *code = pages(most + 1);
    size_t n = 0;
    for (ssize_t got; code && n <= most && (got = read(fd, code + n, most + 1 - n)) != 0; n += (size_t)got)
        if (got < 0) break;
    if (!code || n == 0 || n > most || n % sizeof(struct sock_filter) != 0) {
        fprintf(stderr, "agent: the seccomp filter cannot be read\n");
        exit(1);
    }
    seccomp_filter.len = (unsigned short)(n / sizeof(struct sock_filter));
    seccomp_filter.filter = (struct sock_filter *)(void *)code;
    close(fd);
}

static void set_up(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    self = getpid();
    own_session = getsid(0);
    ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_count = cpus > 0 ? (uint64_t)cpus : 1;
    watch.interval_ms = 100;
    if (getrandom(&boot_id, sizeof boot_id, 0) != sizeof boot_id) boot_id = now_us();
    getrlimit(RLIMIT_NOFILE, &initial_nofile);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){initial_nofile.rlim_max, initial_nofile.rlim_max});
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (serial.fd >= 0) sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int flags = serial.fd >= 0 ? 0 : fcntl(listen_fd, F_GETFL);
    if (signal_fd < 0 || flags < 0 || (serial.fd < 0 && fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) != 0)) {
        fprintf(stderr, "agent: %s\n", strerror(errno));
        exit(1);
    }
    if (serial.fd >= 0) open_serial();
    else {
        fcntl(listen_fd, F_SETFD, FD_CLOEXEC);
        socklen_t size = sizeof accepts;
        if (getsockopt(listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) != 0) accepts = 0;
    }
    if (cgroup_fd >= 0) fcntl(cgroup_fd, F_SETFD, FD_CLOEXEC);
    end_links();
}

/* The supervisor leaves out sockets of a family that the kernel lacks. */
static void add_door(int fd, bool proxy) {
    int accepting = 0, flags = fcntl(fd, F_GETFL);
    socklen_t size = sizeof accepting;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size) != 0 || !accepting) return;
    if (forward.door_count == MAX_DOORS) return;
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    forward.doors[forward.door_count++] = (struct door){fd, proxy};
}

static void set_names_fd(int fd) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) forward.names_fd = fd;
}

int main(int argc, char **argv) {
    int seccomp_fd = -1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--listen-fd") == 0) listen_fd = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--serial-fd") == 0) serial.fd = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--user") == 0) user = (uid_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--cgroup-fd") == 0) cgroup_fd = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--renew-dir") == 0) renew_dir = argv[i + 1];
        else if (strcmp(argv[i], "--seccomp-fd") == 0) seccomp_fd = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--workspace") == 0) workspace = argv[i + 1];
        else if (strcmp(argv[i], "--nproc") == 0) max_processes = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--user") == 0) user = (uid_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--proxy-fd") == 0) add_door(atoi(argv[i + 1]), true);
        else if (strcmp(argv[i], "--redirect-fd") == 0) add_door(atoi(argv[i + 1]), false);
        else if (strcmp(argv[i], "--names-fd") == 0) set_names_fd(atoi(argv[i + 1]));
        else listen_fd = -2;
    }
    if (listen_fd < -1 || (listen_fd < 0) == (serial.fd < 0) || argc % 2 == 0) {
        fprintf(stderr, "usage: agent --listen-fd N | --serial-fd N [--seccomp-fd N] [--workspace DIR] [--nproc N]\n"
                        "       [--proxy-fd N]... [--redirect-fd N]... [--names-fd N] [--user UID] [--cgroup-fd N] [--renew-dir DIR]\n");
        return 2;
    }
    if (seccomp_fd >= 0) load_seccomp(seccomp_fd);
    set_up();
    loop();
}
