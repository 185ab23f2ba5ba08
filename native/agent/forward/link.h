/* Forwarded connections: programs' to the host and back (see "Forwarding" in the protocol). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../protocol.h"

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
extern struct link links[MAX_FORWARDED];

/* The one with this number, or NULL. */
struct link *find_link(uint32_t id);

/* Gives its place free. */
void free_link(struct link *l);

/* The host hears of it by CLOSED, when there is room to say so. */
void break_link(struct link *l, int error);

/* A connection whose other end is lost is reset, so that the program can tell that from an end. */
void reset_socket(int fd);

/* The whole of it is over: both ends said all, or the host let go and the program has taken what there was. */
bool link_done(const struct link *l);

/* Gives the program what came for it. */
void write_link(struct link *l);

/* Resets all of them: the host is gone, and with it whoever served them. */
void end_links(void);
