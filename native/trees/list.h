/* The list that is written of a tree. */
#pragma once

#include <stdio.h>
#include <sys/stat.h>

/* Open while a tree is captured. */
extern FILE *list;

/* Writes text so that it holds no space and no line's end. */
void write_escaped(const char *text);

/*
 * One line an entry, folders before what is in them; text is percent-escaped, so that it holds no space and no line's end:
 *   R MODE MTIME                                  the tree's own folder
 *   D DEPTH MODE MTIME NAME                       a folder
 *   F DEPTH MODE MTIME SIZE BYTES HASH GROUP NAME a file; GROUP is 0, or counts the files with several names
 *   H DEPTH GROUP NAME                            another name of that file
 *   L DEPTH MTIME TARGET NAME                     a symbolic link
 *   P DEPTH MODE MTIME NAME                       a named pipe
 */
void write_entry(const char *head, const char *name);

/* A time of modification, as the list has it. */
void time_text(const struct stat *st, char text[48]);
