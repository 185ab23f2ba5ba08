#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void fail(const char *code, const char *format, ...)
{
    char detail[256];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    /* Details are ours and hold no name of a file, so there is nothing to escape. */
    printf("{\"error\":\"%s\",\"detail\":\"%s\"}\n", code, detail);
    fflush(stdout);
    _exit(1);
}

void fail_errno(const char *what)
{
    int code = errno;
    if (code == ENOSPC || code == EDQUOT) fail("no_space", "%s: %s", what, strerror(code));
    fail(code == EACCES || code == EPERM ? "unreadable" : "io", "%s: %s", what, strerror(code));
}
