/* How applets get from a path to a file: anywhere, or within the workspace and nowhere else. */
#pragma once

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* A folder that paths start from; `beneath`: they may not lead out of it. */
struct base { int fd; bool beneath; };

/* Whether a set of letters has this one. */
bool has_letter(const char *flags, char letter);

/* Opens a path from a base. Returns -1 and errno, as openat does. */
int open_in(struct base base, const char *path, int flags, mode_t mode);

/* Absolute paths into the workspace become relative to it; any other absolute path leads out. */
const char *relative_path(const char *path, bool beneath);

/* Where an applet with these flags starts from: with `w` the workspace, and beneath it. */
struct base base_for(const char *flags);

/* mkdir -p. The symlinks on the way are followed as far as `base` allows. */
void make_folders(struct base base, const char *path);

/* The folder that holds `path`, and its last name. With `parents` the folder is made when absent. */
int open_parent(struct base base, const char *path, bool parents, char name[NAME_MAX + 1]);

/* Whether it is "." or "..". */
bool is_dots(const char *name);

/* Opens a folder to be read, or fails. `extra` are flags of open. */
DIR *open_folder(int dir, const char *name, const char *what, int extra);

enum { WALK_PATH_BYTES = 65536 };
/* A path that grows and shrinks while a tree is walked. */
extern char walk_path[WALK_PATH_BYTES];

/* Appends a name to the first `n` bytes of walk_path. Returns the new length. */
size_t extend_path(size_t n, const char *name);
