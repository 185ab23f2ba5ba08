/* BLAKE2b, RFC 7693: as safe against made collisions as SHA-256 and several times as fast without special instructions. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t h[8], total;
    uint8_t block[128];
    size_t held;
} blake;

/* Begins a hash of 64 bytes, without a key. */
void blake_init(blake *b);

/* Takes in bytes. */
void blake_update(blake *b, const void *data, size_t size);

/* Ends it. */
void blake_final(blake *b, uint8_t out[64]);
