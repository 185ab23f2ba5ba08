"""The Python kernel: runs requests from fd 3, answers on fd 4 (docs/reference/kernel-protocol.md).

Every sandbox pays for each line and import here before its first answer, so only the path of a plain statement is
in this file; `values`, `failures`, `displays` and `tasks` beside it are loaded when first needed. User code shares
this process: nothing here is a wall, and the host trusts none of the messages.
"""
import sys
import _ast
import _io
import _signal
import builtins
import os
import posix
import time

try:
    from _json import encode_basestring_ascii as quote, make_scanner
except ImportError:  # another Python than CPython
    from json import dumps as quote
    make_scanner = None

HERE = sys.path[0]
KERNEL = __file__
PID = posix.getpid()
NOTHING = '"type":"NoneType","preview":"None","json":null'
MAX_LINE = 4 * 1024 * 1024 - 4096
REMEMBERED_INPUTS = 256

main = type(sys)("__main__")
main.__dict__.update(__builtins__=builtins, __doc__=None, __package__=None)
user_globals = main.__dict__
own_module = sys.modules["__main__"]
sys.modules["__main__"] = main
sys.path[0] = ""

running = False  # whether SIGINT interrupts; idle kernels ignore it
request_id = '""'
inputs = {}  # source of the latest REPL inputs by file name, for tracebacks
input_count = 0
parts = {}


def part(name):
    """One of the modules beside this file, loaded at its first use and never through the user's `sys.path`."""
    if name not in parts:
        from _frozen_importlib_external import SourceFileLoader
        path = HERE + "/" + name + ".py"
        module = type(sys)("glovebox_" + name)
        module.__dict__.update(__file__=path, kernel=sys._getframe().f_globals)
        exec(SourceFileLoader(module.__name__, path).get_code(module.__name__), module.__dict__)
        parts[name] = module
    return parts[name]


def send(line):
    """Writes one message; a longer one than the protocol allows would end the kernel, so callers bound theirs."""
    data = memoryview(line.encode("ascii", "backslashreplace") + b"\n")
    while data:
        data = data[posix.write(4, data):]


def on_interrupt(_signo, _frame):
    if running:
        raise KeyboardInterrupt


def in_child():
    """After fork: the child must neither answer the host nor read its requests."""
    for fd in (3, 4):
        try:
            posix.close(fd)
        except OSError:
            pass


def open_output(fd, name):
    # Lines go out as they end, as on a terminal; what is left goes out before the answer.
    raw = _io.BufferedWriter(_io.FileIO(fd, "w", closefd=False), 65536)
    stream = _io.TextIOWrapper(raw, "utf-8", "surrogateescape" if fd == 1 else "backslashreplace", "\n", True)
    stream.mode = "w"
    raw.raw.name = name
    return stream


def open_streams():
    """The standard streams, made anew where the code closed them (`exit()` closes stdin)."""
    if sys.stdin is None or sys.stdin.closed:
        sys.stdin = sys.__stdin__ = open_input()
    if sys.__stdout__ is None or sys.__stdout__.closed:
        sys.stdout = sys.__stdout__ = open_output(1, "<stdout>")
    if sys.__stderr__ is None or sys.__stderr__.closed:
        sys.stderr = sys.__stderr__ = open_output(2, "<stderr>")


def flush():
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


def parse_options(text):
    if make_scanner is None:
        import json
        return json.loads(text)
    return make_scanner(ScannerSettings)(text, 0)[0]


class ScannerSettings:
    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def enter(options, path):
    """Sets arguments, environment and folder for a request; returns the way back."""
    env = options.get("env") or {}
    before = {name: os.environ.get(name) for name in env}
    argv, sys.argv = sys.argv, [path or "", *options.get("args", ())]
    folder = os.getcwd() if options.get("cwd") else None
    pipe = options.get("stdin")

    def leave():
        sys.argv = argv
        if pipe:
            set_stdin("/dev/null")
        for name, value in before.items():
            if os.environ.get(name) != env[name]:
                continue  # the code set it anew: that stays
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if folder is not None:
            try:
                os.chdir(folder)
            except OSError:
                pass

    os.environ.update(env)
    try:
        if pipe:
            set_stdin(pipe)
        if folder is not None:
            os.chdir(options["cwd"])
    except BaseException:
        leave()
        raise
    return leave


def set_stdin(path):
    """Another file as standard input, without what was read ahead of the one before; a stream of the user's own stays."""
    fd = posix.open(path, posix.O_RDONLY)
    if fd != 0:
        posix.dup2(fd, 0)
        posix.close(fd)
    stream = open_input()
    if sys.stdin is sys.__stdin__:
        sys.stdin = stream
    sys.__stdin__ = stream


def open_input():
    return _io.open(0, "r", encoding="utf-8", errors="surrogateescape", closefd=False)


def execute(code):
    value = eval(code, user_globals)
    return part("tasks").run(value) if code.co_flags & 0x80 else value  # 0x80: CO_COROUTINE, it awaits


def run_input(source):
    """Runs REPL input; the value of its last expression, or None."""
    global input_count
    input_count += 1
    name = "<input %d>" % input_count
    inputs[name] = source
    if len(inputs) > REMEMBERED_INPUTS:
        del inputs[next(iter(inputs))]
    return evaluate(source, name)


def expression(source, name):
    """The code of a line that is one expression, if it is: without a tree, which would take longer than all the rest."""
    if len(source) > 1000 or source[:1] == " " or "\\" in source or not source.isprintable():
        return None
    try:
        return compile(source, name, "eval", _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None  # of a statement; what is wrong with it is told by who compiles that


def evaluate(source, name):
    code = expression(source, name)
    if code is not None:
        return execute(code)
    tree = compile(source, name, "exec", _ast.PyCF_ONLY_AST | _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], _ast.Expr) else None
    if tree.body:
        execute(compile(tree, name, "exec", _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True))
    if last is None:
        return None
    tree = _ast.Expression(last.value)
    return execute(compile(tree, name, "eval", _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True))


def run_file(path):
    """Runs a file as `python3 path` would, but with the session's globals."""
    with _io.open(path, "rb") as file:
        source = file.read()
    before = user_globals.get("__file__")
    folder = path.rpartition("/")[0] or "."
    user_globals["__file__"] = path
    sys.path.insert(0, folder)
    try:
        execute(compile(source, path, "exec", _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True))
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
        if before is None:
            user_globals.pop("__file__", None)
        else:
            user_globals["__file__"] = before


def answer(mode, source):
    if mode == "rehearsal":
        return part("values").describe(evaluate(source, "<rehearsal>"))
    value = run_file(source) if mode == "file" else run_input(source)
    if "matplotlib.pyplot" in sys.modules:
        part("displays").show_figures()
    for stream in (sys.stdout, sys.stderr):  # the user's own replacements, while an interrupt can still end them
        if stream is not None and stream not in (sys.__stdout__, sys.__stderr__):
            stream.flush()
    if value is None:
        return NOTHING
    builtins._ = value
    if type(value) not in (bool, int, float, str, list, dict, tuple):
        part("displays").show_value(value)
    return part("values").describe(value)


def end_child(error):
    """A child that forked itself off user code ends here instead of going on as a second kernel."""
    status = 0
    if isinstance(error, SystemExit):
        status = part("failures").exit_code(error)
    elif error is not None:
        sys.__stderr__.write(part("failures").stack_of(error))
        status = 1
    flush()
    posix._exit(status)


def attempt(mode, source, options):
    """The kind and fields of a request's ending, and the way back to the surroundings before it."""
    global running
    leave = failed = None
    try:
        try:
            running = True
            leave = enter(options, source if mode == "file" else None)
            return "value", answer(mode, source), leave
        except BaseException as error:
            failed = error
            if posix.getpid() != PID:
                end_child(error)
            if isinstance(error, SystemExit) and error.code in (None, 0):
                return "value", NOTHING, leave
            name = source if mode == "file" else "<input %d>" % input_count
            return "exception", part("failures").describe(error, name), leave
        finally:
            running = False
    except BaseException as error:
        # An interrupt while the failure was being described; or there is no descriptor or memory left to describe it with.
        running = False
        return "exception", bare_description(error if failed is None or isinstance(error, KeyboardInterrupt) else failed), leave


def bare_description(error):
    """Name and message, without loading anything."""
    try:
        message = str(error)[:4096]
    except BaseException:
        message = ""
    return '"name":%s,"message":%s' % (quote(type(error).__name__[:256]), quote(message))


def handle(rid, mode, options, source):
    global request_id
    request_id = quote(rid)
    cpu = cpu_seconds()
    open_streams()
    _signal.signal(_signal.SIGINT, on_interrupt)
    kind, fields, leave = attempt(mode, source, parse_options(options))
    if posix.getpid() != PID:
        end_child(None)
    if leave is not None:
        leave()
    flush()
    send('{"t":"%s","id":%s,%s}' % (kind, request_id, fields))
    send('!{"t":"done","id":%s,"cpuMs":%.3f}' % (request_id, (cpu_seconds() - cpu) * 1000))


def renew(options):
    """It is a copy of another process: random numbers of its own, and the environment of the session that it came to."""
    try:
        if options:
            os.environ.update(parse_options(options).get("env") or {})
        for name in ("random", "numpy.random", "ssl"):
            if name in sys.modules:
                part("renewal").renew(name, sys.modules[name])
    except BaseException:
        posix._exit(1)  # rather none than one that draws what another draws


def cpu_seconds():
    """CPU time of this process and of the children it has waited for."""
    times = posix.times()
    return time.process_time() + times[2] + times[3]


class PlotFinder:
    """Notices the first import of matplotlib, to make its figures `display` messages."""

    @staticmethod
    def find_spec(name, path=None, _target=None):
        return part("displays").plot_spec(PlotFinder, path) if name == "matplotlib.pyplot" else None


class LateUserSite:
    """Finds what was installed for the user after this process began, when Python no longer looks for that folder."""

    @staticmethod
    def find_spec(name, path=None, _target=None):
        if path is not None:
            return None
        import os.path
        import site
        folder = site.getusersitepackages()
        if folder in sys.path or not os.path.isdir(folder):
            return None
        site.addsitedir(folder)
        from importlib.machinery import PathFinder
        return PathFinder.find_spec(name)


def display(*values):
    """Shows values in their richest form, as the last expression of an input is shown."""
    part("displays").display(values)


def serve():
    _signal.signal(_signal.SIGINT, on_interrupt)
    posix.set_inheritable(3, False)
    posix.set_inheritable(4, False)
    posix.register_at_fork(after_in_child=in_child)
    sys.__stdout__ = sys.__stderr__ = None
    open_streams()
    builtins.display = display
    sys.meta_path.insert(0, PlotFinder)
    sys.meta_path.append(LateUserSite)
    if os.environ.pop("GLOVEBOX_KERNEL_LOAD", None):
        part("values")
        part("failures")
    send('{"t":"ready","language":"python","version":"%d.%d.%d"}' % sys.version_info[:3])
    pending = bytearray()
    fields = []
    start = 0
    while True:
        end = pending.find(0, start)
        if end < 0:
            start = len(pending)
            chunk = posix.read(3, 65536)
            if not chunk:
                flush()
                posix._exit(0)
            pending += chunk
            continue
        fields.append(pending[:end].decode("utf-8", "surrogateescape"))
        del pending[: end + 1]
        start = 0
        if len(fields) == 5:
            verb, rid, mode, options, source = fields
            fields = []
            if verb == "renew":
                renew(options)
            else:
                handle(rid, mode, options, source)


serve()
