/* Frames about one process. `p` is NULL when there is none of that number: it may just have been forgotten. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../process/process.h"

/* SPAWN: takes the payload apart, in place. */
bool on_spawn(uint32_t id, uint8_t *p, uint32_t n);

/* ATTACH: output goes on from the offsets that it names. */
bool on_attach(struct proc *p, const uint8_t *payload, uint32_t n);

/* DATA for a process to read, or with `end` the END of it. */
bool on_input(struct proc *p, int stream, const uint8_t *payload, uint32_t n, bool end);

/* ACK of output. */
bool on_ack(struct proc *p, int stream, const uint8_t *payload, uint32_t n);

/* SIGNAL. */
bool on_signal(uint32_t id, struct proc *p, const uint8_t *payload, uint32_t n);

/* A process that was started for whoever would come gets the tag of who came, and its output counts from there. */
bool on_tag(struct proc *p, const uint8_t *payload, uint32_t n);
