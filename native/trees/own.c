#include "own.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "state.h"
#include "report.h"

void own_folder(int fd, int depth, uid_t uid, gid_t gid)
{
    if (depth > MAX_DEPTH) fail("too_deep", "folders lie deeper than %d levels", MAX_DEPTH);
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    if (!dir) fail_errno("opening a folder");
    while ((entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        struct stat st;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) fail_errno("reading a folder");
        if ((st.st_uid != uid || st.st_gid != gid) && fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno("giving a file away");
        counts.entries += 1;
        if (!S_ISDIR(st.st_mode)) continue;
        int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0) fail_errno("opening a folder");
        own_folder(below, depth + 1, uid, gid);
    }
    closedir(dir);
}
