/* The words of a line of the list. Whatever is wrong with one ends the restoring. */
#pragma once

#include <sys/stat.h>
#include <time.h>

/* The next word, in place. */
char *word(char **rest);

/* Undoes the escapes, in place. */
void unescape(char *text);

/* The last word, as a file's name. */
char *name_of(char **rest);

/* The next word, as a mode. */
mode_t mode_of(char **rest);

/* The next word, as a time. */
struct timespec time_of(char **rest);
