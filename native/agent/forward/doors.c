#include "doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "../basics.h"
#include "../host/outbox.h"
#include "../protocol.h"
#include "link.h"
#include "names.h"

enum {
    MAX_REFUSED = 32,           /* connections refused in one turn, when nobody could take them */
    ACCEPT_AGAIN_MS = 200,
};

struct forward forward = {.names_fd = -1};

void add_door(int fd, bool proxy) {
    int accepting = 0, flags = fcntl(fd, F_GETFL);
    socklen_t size = sizeof accepting;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size) != 0 || !accepting) return;
    if (forward.door_count == MAX_DOORS) return;
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    forward.doors[forward.door_count++] = (struct door){fd, proxy};
}

void set_names_fd(int fd) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) forward.names_fd = fd;
}

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
    size_t length;
    const char *name = to->ss_family == AF_INET ? name_of_address(ntohl(v4->sin_addr.s_addr), &length) : NULL;
    if (to->ss_family == AF_INET) inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    else inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    if (!name) length = strlen(text);
    put16(b, ntohs(v4->sin_port));              /* at the same place in both families */
    put16(b, (uint16_t)length);
    put(b, name ? name : text, length);
}

static struct link *free_place(void) {
    for (struct link *l = links; l < links + MAX_FORWARDED; l++)
        if (!l->used) return l;
    return NULL;
}

void accept_links(const struct door *door) {
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
            forward.again_ms = now_ms() + ACCEPT_AGAIN_MS;
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
