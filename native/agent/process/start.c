#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

#include "../basics.h"
#include "../host/conversation.h"
#include "../host/outbox.h"
#include "../limits/limits.h"

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

static void send_spawn_failed(uint32_t id, int error) {
    struct payload b = {0};
    put32(&b, (uint32_t)error);
    const char *text = strerror(error);
    put(&b, text, strlen(text));
    send_frame(SPAWN_FAILED, 0, id, &b);
}

void start_process(uint32_t id, const struct launch *l, const uint8_t *frame) {
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

void finish_start(struct proc *p) {
    int error = 0;
    if (!room_for_answer()) return;
    ssize_t n = read(p->status_fd, &error, sizeof error);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    close_fd(&p->status_fd);
    if (n != sizeof error) {
        struct payload b = {0};
        put32(&b, (uint32_t)p->pid);
        if (p->epoch == talk.epoch) send_frame(SPAWNED, 0, p->id, &b);
        return;
    }
    if (p->epoch == talk.epoch && host.fd >= 0) {
        send_spawn_failed(p->id, error);
        p->gone = true;
    }   /* else the next host has been told of it, and sees it exit with 127 */
}
