/* Starts other supervisors for a server that is too large to be forked. */
#pragma once

/*
 * `supervisor --launch NAME`: listens on the socket NAME in the current folder until descriptor 3, whose other end the server holds, is closed, and says
 * `listening` there once it does. A fork copies the tables of all of a process's memory, which takes a server of 250 MiB 4 ms of CPU time, in which
 * it does nothing else; this one has next to none. Each connection is one supervisor: it sends u32 length, then NUL-terminated fields, the
 * run folder and the options, gets the line `launched PID`, and is the supervisor's descriptor 3 from then on. `program` is the name that all
 * go by. Returns the exit code.
 */
int serve_launches(const char *name, const char *program);
