#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "../basics.h"
#include "doors.h"

struct link links[MAX_FORWARDED];

void reset_socket(int fd) {
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(fd);
}

struct link *find_link(uint32_t id) {
    for (struct link *l = links; l < links + MAX_FORWARDED; l++)
        if (l->used && l->id == id) return l;
    return NULL;
}

void free_link(struct link *l) {
    if (!l->used) return;       /* gone with the host */
    if (l->fd > 0) close(l->fd);
    free_pages(&l->buf, LINK_WINDOW);
    *l = (struct link){0};
    forward.open--;
}

void break_link(struct link *l, int error) {
    if (l->fd > 0) reset_socket(l->fd);
    l->fd = 0;
    l->len = l->pos = 0;
    l->reset = true;
    l->error = (uint32_t)error;
}

bool link_done(const struct link *l) {
    return l->reset || (l->shut && (l->closing || l->end_sent));
}

void write_link(struct link *l) {
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

void end_links(void) {
    for (struct link *l = links; l < links + MAX_FORWARDED; l++) {
        if (l->fd > 0) reset_socket(l->fd);
        free_pages(&l->buf, LINK_WINDOW);
        *l = (struct link){0};
    }
    forward.listening = false;
    forward.open = 0;
    forward.next_id = 1;
}
