#include "write-proc.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool write_proc(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = write(fd, text, strlen(text)) > 0;
    close(fd);
    return ok;
}
