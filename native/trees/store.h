/* The store: objects/<hash>, made under another name first, so that a name always stands for the whole. */
#pragma once

#include <stdbool.h>

#include "content.h"

/* Whether there is an earlier store, at BASE_FD. */
extern bool has_base;

/* Where an object lies in the store. */
void object_path(const char *hex, char path[HASH_HEX + 16]);

/*
 * Sends what was written to the disk, without the flush of its caches: one fsync at the end, of whatever file, does that for all of them and
 * commits their names. Syncing each would take ten times as long, and syncing the file system waits for what others write to it.
 */
void send_to_disk(int fd);

/* Stores what a file holds, unless the store has it; tells its hash, size and bytes that are not zero. */
void store_file(int fd, digest *d, char hex[HASH_HEX + 1]);
