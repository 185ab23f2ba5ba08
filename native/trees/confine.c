#include "confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "../shared/write-proc.h"
#include "state.h"

void confine(int jail)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < MAX_DEPTH * 2 + 64 ? files.rlim_max : MAX_DEPTH * 2 + 64;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, 9);
    umask(0);
    if (uid != 0 && unshare(CLONE_NEWUSER) == 0) {
        write_proc("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "0 %u 1", uid);
        write_proc("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "0 %u 1", gid);
        write_proc("/proc/self/gid_map", map);
    }
    /* Where a namespace is refused the rest still holds: nothing below follows a path out of its folders. */
    if (unshare(CLONE_NEWNET | CLONE_NEWIPC) != 0) errno = 0;
    if (fchdir(jail) == 0 && chroot(".") != 0) errno = 0;
    uint32_t kept = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_FOWNER | 1u << CAP_FSETID;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{kept, kept, 0}, {0, 0, 0}};
    if (syscall(SYS_capset, &header, data) != 0) errno = 0; /* There were none to give up. */
}
