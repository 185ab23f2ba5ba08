/*
 * Copies trees of files that hostile code has made: into a folder of contents by their hash (`capture`), back out of it (`restore`),
 * and gives one to a uid (`own`). Everything goes by descriptors that the caller passes, one name at a time, and never through a link;
 * the process first locks itself into the store's folder and gives up every right but those over files.
 *
 *   trees capture MAX_ENTRIES MAX_BYTES [BASE]   3: the tree   4: the store   5: the list, to be written   6: with BASE, an earlier store
 *   trees restore                                3: an empty folder, gets `tree`   4: the store   0: the list
 *   trees own UID GID                            3: the tree
 *
 * Prints one JSON line: counts, or {"error", "detail"}. docs/decisions/0011 says why this is a program of its own, docs/reference/snapshots.md
 * what is kept; the list's lines are described in list.h.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "capture.h"
#include "confine.h"
#include "own.h"
#include "state.h"
#include "report.h"
#include "restore.h"
#include "store.h"

struct counts counts;
struct most most = {UINT64_MAX, UINT64_MAX};

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "capture") == 0 && (argc == 4 || argc == 5)) {
        has_base = argc == 5;
        most.entries = strtoull(argv[2], NULL, 10);
        most.bytes = strtoull(argv[3], NULL, 10);
        confine(STORE_FD);
        capture();
    } else if (strcmp(verb, "restore") == 0 && argc == 2) {
        confine(STORE_FD);
        restore();
    } else if (strcmp(verb, "own") == 0 && argc == 4) {
        confine(TREE_FD);
        own_folder(TREE_FD, 0, (uid_t)strtoul(argv[2], NULL, 10), (gid_t)strtoul(argv[3], NULL, 10));
        printf("{\"entries\":%" PRIu64 "}\n", counts.entries);
    } else fail("io", "unknown command");
    return fflush(stdout) == 0 ? 0 : 1;
}
