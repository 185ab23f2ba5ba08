#include "words.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "state.h"
#include "report.h"

void unescape(char *text)
{
    char *to = text;
    for (char *from = text; *from; from++) {
        unsigned byte;
        if (*from != '%') *to++ = *from;
        else if (sscanf(from + 1, "%2x", &byte) == 1 && byte != 0) {
            *to++ = (char)byte;
            from += 2;
        } else fail("corrupt", "the list cannot be read");
    }
    *to = 0;
}

char *word(char **rest)
{
    char *found = strsep(rest, " ");
    if (!found || !*found) fail("corrupt", "the list cannot be read");
    return found;
}

char *name_of(char **rest)
{
    char *name = word(rest);
    if (*rest) fail("corrupt", "the list cannot be read");
    unescape(name);
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > NAME_MAX)
        fail("corrupt", "the list names a file that cannot be");
    return name;
}

mode_t mode_of(char **rest) { return (mode_t)strtoul(word(rest), NULL, 8) & KEPT_MODE; }

struct timespec time_of(char **rest)
{
    char *text = word(rest), *dot = strchr(text, '.');
    return (struct timespec){.tv_sec = strtoll(text, NULL, 10), .tv_nsec = dot ? strtol(dot + 1, NULL, 10) % 1000000000 : 0};
}
