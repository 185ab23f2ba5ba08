/* Files with several names: by inode while capturing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* An inode, and the number of its file; 0: not seen yet. */
typedef struct {
    uint64_t inode, group;
} linked;
/* Files found so far: the numbers that were given. */
extern size_t link_count;

/* The place of an inode, which is its own or free. */
linked *find_link(uint64_t inode);
