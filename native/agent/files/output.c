#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

char output[OUTPUT_BYTES];
static size_t output_len;
struct unfinished unfinished = {.dir = -1};

_Noreturn void fail(int error, const char *what) {
    if (unfinished.name) unlinkat(unfinished.dir, unfinished.name, 0);
    dprintf(2, "%s: %s", what, strerror(error));
    _exit(error > 0 && error < 126 ? error : EIO);
}

void write_all(int fd, const char *data, size_t n, const char *what) {
    while (n > 0) {
        ssize_t done = write(fd, data, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) fail(errno, what);
        data += done;
        n -= (size_t)done;
    }
}

void flush_output(void) {
    write_all(1, output, output_len, "output");
    output_len = 0;
}

void emit(const char *data, size_t n) {
    if (output_len + n > sizeof output) flush_output();
    if (n > sizeof output) {
        write_all(1, data, n, "output");
        return;
    }
    memcpy(output + output_len, data, n);
    output_len += n;
}

void emit_text(const char *text) { emit(text, strlen(text)); }

__attribute__((format(printf, 1, 2))) void emit_format(const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    emit(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

/* Length of the valid UTF-8 sequence at s, or 0. */
static size_t utf8_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))) return 0;
    if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))) return 0;
    return n;
}

void emit_json(const char *text) {
    emit("\"", 1);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = utf8_length(s);
        if (n == 0) emit_format("\\udc%02x", *s);
        else if (*s == '"' || *s == '\\') emit_format("\\%c", *s);
        else if (*s < 0x20) emit_format("\\u%04x", *s);
        else emit((const char *)s, n);
        s += n ? n : 1;
    }
    emit("\"", 1);
}

size_t read_full(int fd, char *to, size_t n, const char *what) {
    size_t got = 0;
    while (got < n) {
        ssize_t r = read(fd, to + got, n - got);
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) fail(errno, what);
        if (r == 0) break;
        got += (size_t)r;
    }
    return got;
}
