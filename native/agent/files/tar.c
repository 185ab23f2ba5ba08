#include "tar.h"

#include <stddef.h>

unsigned tar_sum(const struct tar_header *h) {
    unsigned sum = 0;
    const unsigned char *bytes = (const unsigned char *)h;
    for (size_t i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? ' ' : bytes[i];
    return sum;
}

char pax[PAX_BYTES];
