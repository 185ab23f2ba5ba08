/* Frames from the host. Those that take them return false when they are malformed: that ends the connection. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Handles one frame of a host that was greeted. */
bool on_frame(uint16_t type, uint16_t flags, uint32_t id, uint8_t *payload, uint32_t n);
