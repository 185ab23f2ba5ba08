#include "member.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../basics.h"
#include "output.h"

struct member member;

uint64_t tar_number(const char *field, size_t n) {
    uint64_t value = 0;
    if (field[0] & 0x80) {
        if ((unsigned char)field[0] != 0x80) fail(EBADMSG, "number in the archive");
        for (size_t i = 1; i < n; i++) {
            if (value >> 55) fail(EBADMSG, "number in the archive");
            value = value << 8 | (unsigned char)field[i];
        }
        return value;
    }
    size_t i = 0;
    while (i < n && field[i] == ' ') i++;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) value = value << 3 | (uint64_t)(field[i] - '0');
    if (i < n && field[i] && field[i] != ' ') fail(EBADMSG, "number in the archive");
    return value;
}

void skip_input(uint64_t n) {
    while (n > 0) {
        size_t part = min64(n, sizeof output);
        if (read_full(0, output, part, "archive") != part) fail(EBADMSG, "the archive is cut off");
        n -= part;
    }
}

size_t read_special(uint64_t size, char *to, size_t room) {
    if (size >= room) fail(ENAMETOOLONG, "record in the archive");
    if (read_full(0, to, size, "archive") != size) fail(EBADMSG, "the archive is cut off");
    to[size] = 0;
    skip_input((512 - size % 512) % 512);
    return size;
}

static void copy_value(char *to, size_t room, const char *from, size_t n) {
    if (n >= room || memchr(from, 0, n)) fail(EBADMSG, "name in the archive");
    memcpy(to, from, n);
    to[n] = 0;
}

void read_pax(uint64_t size, bool global) {
    size_t n = read_special(size, pax, sizeof pax), at = 0;
    while (at < n) {
        char *rest;
        unsigned long length = strtoul(pax + at, &rest, 10);
        char *equals = rest < pax + n && *rest == ' ' ? memchr(rest, '=', (size_t)(pax + n - rest)) : NULL;
        if (length == 0 || length > n - at || !equals || equals >= pax + at + length || pax[at + length - 1] != '\n')
            fail(EBADMSG, "pax record in the archive");
        char *key = rest + 1, *value = equals + 1;
        size_t key_len = (size_t)(equals - key), value_len = (size_t)(pax + at + length - 1 - value);
        at += length;
        if (key_len >= 10 && memcmp(key, "GNU.sparse", 10) == 0) fail(EXDEV, "sparse entry in the archive");
        if (global) continue;
        if (key_len == 4 && memcmp(key, "path", 4) == 0) {
            copy_value(member.path, sizeof member.path, value, value_len);
            member.long_path = true;
        } else if (key_len == 8 && memcmp(key, "linkpath", 8) == 0) {
            copy_value(member.link, sizeof member.link, value, value_len);
            member.long_link = true;
        } else if (key_len == 4 && memcmp(key, "size", 4) == 0) {
            member.size = strtoull(value, NULL, 10);
            member.long_size = true;
        }
    }
}

void header_names(const struct tar_header *h) {
    bool prefixed = memcmp(h->magic, "ustar", 6) == 0 && h->prefix[0];
    if (!member.long_path)
        snprintf(member.path, sizeof member.path, "%.*s%s%.*s", prefixed ? 155 : 0, h->prefix, prefixed ? "/" : "", 100, h->name);
    if (!member.long_link) snprintf(member.link, sizeof member.link, "%.*s", 100, h->link);
}
