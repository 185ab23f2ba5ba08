/* tar: ustar, with pax records for what does not fit. */
#pragma once

/* The block that begins a member. */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6], version[2], user[32], group[32],
        major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == 512, "a tar block");

/* The sum of a header's bytes, its own field taken as blanks. */
unsigned tar_sum(const struct tar_header *h);

/* Pax records, as they are written or were read: two paths of 64 KiB and something. */
enum { PAX_BYTES = 2 * 65536 + 256 };
extern char pax[PAX_BYTES];
