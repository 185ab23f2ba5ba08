/* What the supervisor says to the server, and notes for one that comes later. */
#pragma once

/* A line on the configuration socket, if anybody still listens. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* Appends to the status file. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

/* Says what failed and why (errno), leaves the cgroups, and ends. */
_Noreturn void fail(const char *what, const char *which);

/* Now. */
long long unix_ms(void);
