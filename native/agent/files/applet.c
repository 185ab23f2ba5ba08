#include "applet.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"

static const struct { const char *name; int argc; int (*run)(char **); } applets[] = {
    {"read", 4, applet_read},     {"write", 3, applet_write},   {"list", 3, applet_list}, {"stat", 2, applet_stat},
    {"mkdir", 2, applet_mkdir},   {"rename", 2, applet_rename}, {"remove", 2, applet_remove}, {"watch", 2, applet_watch},
    {"pack", 1, applet_pack},     {"unpack", 1, applet_unpack},
};

int applet_main(int argc, char **argv) {
    umask(022);
    for (size_t i = 0; i < sizeof applets / sizeof *applets; i++) {
        if (strcmp(argv[0], applets[i].name) != 0) continue;
        if (argc - 1 != applets[i].argc) fail(EINVAL, argv[0]);
        int result = applets[i].run(argv + 1);
        flush_output();
        return result;
    }
    fail(ENOSYS, argv[0]);
}
