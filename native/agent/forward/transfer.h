/* Moves the bytes of forwarded connections, and their ends. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link.h"

/* One step of each connection, beginning with another one each time. Returns whether there could be more. */
bool fill_links(void);

/* Nothing is polled that nothing could be done about; the end of the other side, though, is seen whenever it can come. */
short link_events(const struct link *l);

/* After poll asked for `events` and `got` some. */
void serve_link(struct link *l, short events, short got);

/* DATA, END and ACK of a connection. Returns false when they are malformed. */
bool on_link_frame(uint16_t type, uint32_t id, const uint8_t *payload, uint32_t n);

/*
 * The host lets go: with 0 after the program has taken what came before, else at once. Or it has heard that we did: until
 * then the place stays taken, so that programs cannot make more connections than the host has got round to.
 */
bool on_closed(uint32_t id, const uint8_t *payload, uint32_t n);
