/* Frames on their way to the host: a buffer of bounded size, and the payloads of answers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../protocol.h"

enum {
    IN_CAP = HEADER + MAX_PAYLOAD,
    OUT_CAP = 262144,
    OUT_RESERVE = 16384,        /* of OUT_CAP: kept for answers, never used for DATA */
    MAX_REPLY = 1024,
};

/* Of OUT_CAP bytes those from `pos` to `len` are to be sent. NULL while there is no host. */
struct outbox {
    uint8_t *bytes;
    size_t len, pos;
};
extern struct outbox outbox;

/* What an answer says. */
struct payload { size_t len; uint8_t bytes[MAX_REPLY]; };

/* Appends bytes, or a number. Whoever puts in more than MAX_REPLY is wrong about its own sizes, and ends the agent. */
void put(struct payload *b, const void *data, size_t n);
static inline void put16(struct payload *b, uint16_t v) { put(b, &v, 2); }
static inline void put32(struct payload *b, uint32_t v) { put(b, &v, 4); }
static inline void put64(struct payload *b, uint64_t v) { put(b, &v, 8); }

/* Bytes that still fit; moves what is there to the front when they become few. */
size_t out_room(void);

/* Whether an answer can be sent now, or nobody is there to get it. */
bool room_for_answer(void);

/* Begins a frame in the outbox, which has room for it: the caller writes `length` bytes where this points to. */
uint8_t *frame_header(enum frame_type type, uint16_t flags, uint32_t id, uint32_t length);

/* Callers have made sure of room (OUT_RESERVE); a host that made us run out all the same is dropped. */
void send_frame(enum frame_type type, uint16_t flags, uint32_t id, const struct payload *b);

/* Sends as much as the host takes now. */
void flush_out(void);
