/* The one way to fail. */
#pragma once

/* Prints an error's code and detail as JSON, and ends. */
__attribute__((format(printf, 2, 3))) _Noreturn void fail(const char *code, const char *format, ...);

/* Fails for errno. */
_Noreturn void fail_errno(const char *what);
