/* What a tar archive says of a member, in its header and in the records before it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tar.h"

enum { MEMBER_PATH_BYTES = 65536 };

/* The member that comes next. What the `long_` ones say was told by records: it counts, whatever the header says. */
struct member {
    char path[MEMBER_PATH_BYTES], link[MEMBER_PATH_BYTES];
    bool long_path, long_link, long_size;
    uint64_t size;
};
extern struct member member;

/* A number of a header: octal text, or binary. */
uint64_t tar_number(const char *field, size_t n);

/* Reads so many bytes of the archive, for nobody. */
void skip_input(uint64_t n);

/* The content of a special entry (a long name, pax records) as a string without NULs in it. */
size_t read_special(uint64_t size, char *to, size_t room);

/* Reads pax records: of the next member, or of all (`global`), which are not heeded. */
void read_pax(uint64_t size, bool global);

/* Takes the names from the header, unless records told them. */
void header_names(const struct tar_header *h);
