/* Over a serial line: how a new host is known where there are no connections. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../protocol.h"

/* A serial line (virtio-serial) has no connections of its own: see "Over a serial line" in the protocol. */
struct serial {
    int fd;                     /* -1: there is none */
    bool unplugged;             /* no host at the other end: to be polled again after SIGIO */
    bool keyed;                 /* a host was here: `key` begins every further connection */
    uint8_t key[KEY_BYTES], word[KEY_BYTES];
    uint32_t matched, words;    /* bytes of the key seen at the end of what was read; bytes of the word that follows it */
    bool wording;
};
extern struct serial serial;

/* Has the line wake us by SIGIO, and never block. */
void open_serial(void);

/* Without a host poll would never wait. SIGIO says when there is one again: it may have come since poll looked. */
void look_for_host(void);

/* Reads from the line, for whichever connection is there. */
void receive_serial(void);
