#include "list.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "state.h"
#include "report.h"

FILE *list;

void write_escaped(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p <= ' ' || *p == '%' || *p >= 0x7f) fprintf(list, "%%%02x", *p);
        else putc(*p, list);
    }
}

void write_entry(const char *head, const char *name)
{
    fputs(head, list);
    write_escaped(name);
    putc('\n', list);
    if (ferror(list)) fail_errno("writing the list");
    counts.entries += 1;
    if (counts.entries > most.entries) fail("too_many_entries", "there are more than %" PRIu64 " files and folders", most.entries);
}

void time_text(const struct stat *st, char text[48])
{
    snprintf(text, 48, "%" PRId64 ".%09ld", (int64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}
