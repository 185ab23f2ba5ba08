/* What applets say and read: buffered output, JSON, and the one way to fail. */
#pragma once

#include <stddef.h>

/* Output that was not written yet; applets which do not `emit` may use it as a buffer. */
enum { OUTPUT_BYTES = 65536 };
extern char output[OUTPUT_BYTES];

/* A temporary file that a signal or a failure must remove; `name` NULL: there is none. */
struct unfinished {
    const char *name;
    int dir;
};
extern struct unfinished unfinished;

/* Ends the applet with an errno, and says on stderr what it was about. */
_Noreturn void fail(int error, const char *what);

/* Writes all of it, or fails. */
void write_all(int fd, const char *data, size_t n, const char *what);

/* Writes what was emitted. */
void flush_output(void);

/* Appends bytes to the output. */
void emit(const char *data, size_t n);

/* Appends a string. */
void emit_text(const char *text);

/* Appends what printf would print, of which 255 bytes at most. */
__attribute__((format(printf, 1, 2))) void emit_format(const char *format, ...);

/* A JSON string. Bytes that are not UTF-8 become lone surrogates (U+DC80 + byte - 0x80), from which the host finds them again. */
void emit_json(const char *text);

/* Reads until `n` bytes are there or the input ends. */
size_t read_full(int fd, char *to, size_t n, const char *what);
