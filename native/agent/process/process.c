#include "process.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "../basics.h"
#include "../host/conversation.h"

struct processes processes;

struct proc *find_proc(uint32_t id) {
    for (struct proc *p = processes.first; p; p = p->next)
        if (p->id == id && !p->gone) return p;
    return NULL;
}

const struct proc *held_root(pid_t pid) {
    for (const struct proc *p = processes.first; p; p = p->next)
        if (p->pid == pid && !p->ended) return p;
    return NULL;
}
const struct proc *held_session(pid_t sid) {
    for (const struct proc *p = processes.first; p; p = p->next)
        if (p->pid == sid && !p->gone) return p;
    return NULL;
}

bool open_streams(const struct proc *p) {
    for (int i = 1; i <= 3; i++)
        if (p->out[i].used && !p->out[i].eof) return true;
    return false;
}

struct proc *new_proc(uint32_t id, const uint8_t *tag, uint16_t tag_len) {
    struct proc *p = processes.count < MAX_PROCS ? calloc(1, sizeof *p) : NULL;
    if (!p) return NULL;
    p->id = id;
    p->status_fd = -1;
    for (int i = 0; i < 4; i++) p->out[i].fd = p->in[i].fd = -1;
    p->attached = p->line_start = true;
    p->epoch = talk.epoch;
    p->tag_len = tag_len;
    memcpy(p->tag, tag, tag_len);
    p->next = processes.first;
    processes.first = p;
    processes.count++;
    return p;
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

void free_proc(struct proc *p) {
    for (struct proc **at = &processes.first; *at; at = &(*at)->next) {
        if (*at != p) continue;
        *at = p->next;
        processes.count--;
        break;
    }
    if (processes.turn == p) processes.turn = p->next;
    if (talk.greet_next == p) talk.greet_next = p->next;
    close_proc(p);
    free(p);
}

void sweep(void) {
    for (struct proc *p = processes.first, *next; p; p = next) {
        next = p->next;
        if (p->gone) free_proc(p);
    }
}

void notify(struct proc *p, uint32_t kind, uint32_t action, uint64_t value) {
    if (p->notice_count < 4) p->notices[p->notice_count++] = (struct notice){kind, action, value};
}
