/* Where programs' connections come in. */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

enum { MAX_DOORS = 8 };

/* A listening socket that the supervisor made. Of the proxy's own: who comes by the loopback says to it where to go. */
struct door { int fd; bool proxy; };

struct forward {
    struct door doors[MAX_DOORS];
    uint32_t door_count, next_id, open, turn;
    uint64_t again_ms;          /* accepting failed: when to try again */
    int names_fd;               /* where programs ask for names; -1: nowhere */
    bool listening, first;
};
extern struct forward forward;

/* The supervisor leaves out sockets of a family that the kernel lacks. */
void add_door(int fd, bool proxy);

/* The socket at which questions for names are asked. */
void set_names_fd(int fd);

/* Accepts who waits there, as many as there are places, or refuses them when the host does not listen. */
void accept_links(const struct door *door);
