/* Reads what processes write, and writes what they read. */
#pragma once

#include <stdbool.h>

#include "process.h"

/* Whether stdout and stderr have been read as far as they were when control output became readable: see set_barrier. */
bool barrier_reached(const struct proc *p);

/* Reads the outputs that are `ready`, by stream number. */
void read_outputs(struct proc *p, const bool ready[4]);

/* Gives the process what came for it. */
void write_input(struct inlet *in);

/* The root has ended: descendants that hold its pipes get a moment more. */
void start_linger(struct proc *p);

/* Descendants keep the pipes open: takes what is there, and lets go. */
void end_linger(struct proc *p);
