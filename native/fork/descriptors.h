/* The descriptors of a copy, which begins with those of its original. */
#pragma once

#pragma GCC visibility push(hidden)

/* Remembers which file is the machine's disk. */
void know_disk(void);

/*
 * Gives the copy its own in place of all that it must not share: listening sockets, disk and log from `given`; `keeper` instead of the
 * original's; a connection that has ended for each that the original has; events of its own. 0: there is one that it cannot tell what to do with, and `which` is its number.
 */
int renew_descriptors(const int *given, int keeper, int *which);

/* Where a file that QEMU opens really is: its disk, in a copy, by a descriptor. */
const char *meant_path(const char *path);

#pragma GCC visibility pop
