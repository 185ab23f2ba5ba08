/* Applets that make, rename and remove. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applet.h"
#include "output.h"
#include "paths.h"

int applet_mkdir(char **a) {
    relative_path(a[1], false);
    if (has_letter(a[0], 'p')) make_folders((struct base){AT_FDCWD, false}, a[1]);
    else if (mkdir(a[1], 0777) != 0) fail(errno, a[1]);
    return 0;
}

int applet_rename(char **a) {
    if (rename(a[0], a[1]) != 0) fail(errno, a[0]);
    return 0;
}

static void remove_at(int dir, const char *name, bool recursive, const char *what) {
    if (unlinkat(dir, name, 0) == 0) return;
    if (errno != EISDIR) fail(errno, what);
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0) return;
    if (!recursive || (errno != ENOTEMPTY && errno != EEXIST)) fail(errno, what);
    DIR *d = open_folder(dir, name, what, O_NOFOLLOW);
    for (struct dirent *e; (e = readdir(d));)
        if (!is_dots(e->d_name)) remove_at(dirfd(d), e->d_name, true, what);
    closedir(d);
    if (unlinkat(dir, name, AT_REMOVEDIR) != 0 && errno != ENOENT) fail(errno, what);
}

int applet_remove(char **a) {
    relative_path(a[1], false);
    remove_at(AT_FDCWD, a[1], has_letter(a[0], 'r'), a[1]);
    return 0;
}
