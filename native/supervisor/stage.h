/* The stage: an empty root in a mount namespace of its own, and what is mounted in it. */
#pragma once

/* Where the host's root is within the stage. */
#define OLD_ROOT "/.host/root"

/* Whether the stage is our root, and its folder until then ("": there is none). */
extern int staged;
extern const char *stage_dir;

/* Begins to make it over an empty folder. */
void stage_begin(const char *dir);

/* Makes it our root, if there is one. */
void stage_end(void);

/* Makes the folder (or the empty file) that a mount will cover, and the folders above it. */
void make_mount_point(const char *path, int is_dir);

/* Mounts a path of the host's; `recursive` is MS_REC, or 0. */
void bind_mount(const char *source, const char *target, unsigned long recursive);
