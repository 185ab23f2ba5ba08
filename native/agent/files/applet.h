/*
 * Applets: file work in a forked child.
 *
 * They run with the rights (and the seccomp filter) of user code, start in the workspace, talk over their stdio, and
 * end with 0 or an errno. `flags` is a set of letters. Paths are bytes.
 */
#pragma once

/* Runs the applet that argv[0] names. Returns what the child ends with. */
int applet_main(int argc, char **argv);

/* read FLAGS OFFSET LIMIT PATH - regular files only; w: within the workspace; LIMIT -1: all. */
int applet_read(char **a);
/*
 * write FLAGS MODE PATH - a: append; p: parents; w: within the workspace. MODE in octal, or - for the old file's, or 0644.
 * A symlink as the last name is replaced, not followed (with `a`: followed). Prints the size written.
 */
int applet_write(char **a);
/* stat FLAGS PATH - of a symlink itself; w: within the workspace. */
int applet_stat(char **a);
/* list FLAGS LIMIT PATH - r: recursive. Folders that may not be read are listed without what is in them. */
int applet_list(char **a);
/* mkdir FLAGS PATH - p: parents, and no error when it is there. */
int applet_mkdir(char **a);
/* rename FROM TO */
int applet_rename(char **a);
/* remove FLAGS PATH - r: with all that is in it. Symlinks are removed, never followed. */
int applet_remove(char **a);
/* watch FLAGS PATH - r: recursive. {"p": path from the watched folder, "c": change}, until its stdin ends. */
int applet_watch(char **a);
/* pack PATH - a folder's content, or one file. Sockets, pipes and devices are left out; hard links become copies. */
int applet_pack(char **a);
/* unpack PATH - prints {"files", "bytes"}. Devices, sparse files and whatever leads out end it with EXDEV or ELOOP. */
int applet_unpack(char **a);
