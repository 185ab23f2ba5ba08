/* What a machine needs after it was restored: the time, random state, and as a copy of another a name of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* CLOCK. */
bool on_clock(const uint8_t *payload, uint32_t n);

/*
 * This machine is a copy of another: it gets a clock, random state, names and a key of its own. u64 clock, 32 random bytes, the
 * new key, the host's name.
 */
bool on_renew(const uint8_t *payload, uint32_t n);
