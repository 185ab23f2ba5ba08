/* How the host comes to us, goes, and comes again; and the frames that it sends. */
#pragma once

#include <stdbool.h>

#include "conversation.h"

/* Reads once. Returns false when the connection is over. */
bool receive(struct conn *c);

/* Handles the frames that are here. Returns false when the host has to go. */
bool serve_host(void);

/* Takes a connection that somebody makes, in the place of a candidate that has said nothing yet. */
void accept_candidate(void);

/* A new connection counts once it has said HELLO properly; until then the old one goes on. */
void serve_candidate(void);

/* Ends the connection of who has not said HELLO yet. */
void drop_candidate(void);
