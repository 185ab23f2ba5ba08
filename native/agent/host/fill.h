/* What is sent to the host of its own accord: the list of processes, notices, output, and the ends of it. */
#pragma once

/* Moves what may be sent into the out buffer. Processes and connections take turns in being first. */
void fill(void);
