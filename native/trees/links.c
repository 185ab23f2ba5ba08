#include "links.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "report.h"

static linked *links;
static size_t link_slots;
size_t link_count;

linked *find_link(uint64_t inode)
{
    if (link_count * 2 >= link_slots) {
        size_t slots = link_slots ? link_slots * 2 : 1024;
        linked *bigger = calloc(slots, sizeof *bigger);
        if (!bigger) fail("io", "out of memory");
        for (size_t i = 0; i < link_slots; i++) {
            if (links[i].group == 0) continue;
            size_t at = links[i].inode * 0x9e3779b97f4a7c15 % slots;
            while (bigger[at].group != 0) at = (at + 1) % slots;
            bigger[at] = links[i];
        }
        free(links);
        links = bigger;
        link_slots = slots;
    }
    size_t at = inode * 0x9e3779b97f4a7c15 % link_slots;
    while (links[at].group != 0 && links[at].inode != inode) at = (at + 1) % link_slots;
    return &links[at];
}
