/* Who speaks with us, and what both sides have agreed on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../process/process.h"
#include "outbox.h"

/* A connection, and what came by it and was not handled yet: up to IN_CAP bytes. */
struct conn {
    int fd;
    uint8_t *in;
    uint32_t len;
};
/* The host of the conversation, and who has yet to say HELLO. */
extern struct conn host, candidate;

/* The conversation with the host. It survives the connection: what was started stays, and so does what was not acknowledged. */
struct talk {
    bool greeting, greeted;     /* processes are being listed; were listed */
    bool quiesced;
    bool suspended;             /* the host left while we were quiet, and goes on with the same conversation later */
    uint64_t epoch, boot_id, window_bytes;
    struct proc *greet_next;
    uint32_t stats_due;         /* STATS to be answered */
    struct notice notices[8];   /* of the whole sandbox */
    uint32_t notice_count;
};
extern struct talk talk;

/* Ends the connection to the host, and all that lives only as long as it. */
void drop_host(void);

/* The host left between QUIESCED and RESUME: what both sides know of each other stays as it is, and no byte was under way. */
void suspend_host(void);

/* Makes a candidate the host, if its HELLO is in order; else it hears why not. */
bool on_hello(struct conn *c, const uint8_t *payload, uint32_t n);
