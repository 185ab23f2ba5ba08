/* What the loop polls. */
#pragma once

#include <poll.h>
#include <stdint.h>

#include "forward/doors.h"
#include "process/process.h"
#include "protocol.h"

/* What a descriptor is polled for. */
enum what { CONNECTS, CHILDREN, HOST, CANDIDATE, LINE, DOOR, QUESTIONS, LINK, STATUS, OUTPUT, INPUT };
/* Of a process, or NULL: of none. `stream` also counts doors and links. */
struct slot { struct proc *proc; uint8_t what, stream; };

enum { MAX_POLLED = 4 + MAX_DOORS + 1 + MAX_FORWARDED + MAX_PROCS * 6 };
extern struct pollfd polled[MAX_POLLED];
extern struct slot slots[MAX_POLLED];
extern nfds_t polled_count;

/* Fills `polled` and `slots` with all about which something could be done now. */
void choose_events(void);
