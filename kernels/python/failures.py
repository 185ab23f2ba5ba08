"""An exception as its message: name, message, traceback without the kernel's frames, line, exit code."""
import linecache
import sys
import traceback
from _json import encode_basestring_ascii as quote

kernel = kernel  # noqa: F821 - the kernel's globals, set by its loader

MAX_NAME = 256
MAX_MESSAGE = 64 * 1024
MAX_STACK = 256 * 1024


def describe(error, name):
    """The fields of an `exception` message. `name` is the file name under which the request's code was compiled."""
    fields = '"name":%s,"message":%s' % (quote(type(error).__name__[:MAX_NAME]), quote(cut(message_of(error), MAX_MESSAGE)))
    fields += ',"stack":%s' % quote(cut(stack_of(error), MAX_STACK))
    line = line_of(error, name)
    if isinstance(line, int) and line > 0:
        fields += ',"line":%d' % line
    if isinstance(error, SystemExit):
        fields += ',"exitCode":%d' % exit_code(error)
    return fields


def message_of(error):
    if isinstance(error, SyntaxError):
        return str(error.msg)
    try:
        return str(error)
    except Exception as failure:
        return "<message unavailable: str() raised %s>" % type(failure).__name__


def exit_code(error):
    """What the process would have exited with; a text is printed first, as Python does."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    try:
        sys.__stderr__.write(str(code) + "\n")
    except Exception:
        pass
    return 1


def stack_of(error):
    for name, source in kernel["inputs"].items():
        if name not in linecache.cache:
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    try:
        summary = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
        strip(summary)
        return "".join(summary.format())
    except Exception:
        return "".join(traceback.format_exception_only(type(error), None))


def strip(summary):
    pending = [summary]
    seen = set()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.stack[:] = [frame for frame in one.stack if not is_ours(frame.filename)]
        pending += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]


def is_ours(filename):
    return filename.startswith(kernel["HERE"] + "/")


def line_of(error, name):
    """The line of the request's own code where it went wrong: the innermost frame of that code."""
    if isinstance(error, SyntaxError) and error.filename == name:
        return error.lineno
    line = None
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == name:
            line = at.tb_lineno
        at = at.tb_next
    return line


def cut(text, limit):
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + "\n... cut ...\n" + text[-half:]
