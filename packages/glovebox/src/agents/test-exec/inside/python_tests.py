"""Runs a repository's Python tests, with unittest or pytest, and says line by line in a file what came of each.

    python3 -B python_tests.py CONFIG        CONFIG: JSON, see `run`

Runs in the sandbox, on Python 3.8 and newer, with the standard library alone (and pytest, where that is asked for). The file is written as the tests
run, so that whoever ends this program knows what had come of them until then.
"""

import importlib
import importlib.util
import json
import os
import re
import signal
import sys
import threading
import traceback

MAX_MESSAGE = 4000
MAX_STACK = 16000
MAX_SOURCE = 1 << 20
MAX_FILES = 2000
NO_TESTS = 5
LEFT_OUT = {".git", "__pycache__", "node_modules", ".venv", "venv", ".tox", "site-packages", "build", "dist"}


class TestTimedOut(BaseException):
    """A test took longer than one may. Not an Exception, so that code under test does not catch it by accident."""


class Results:
    """The file that the results go to, a JSON value per line, each written at once."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def put(self, **record):
        if os.getpid() != self._owner:
            return  # a child of a test that goes on in our code
        data = (json.dumps(record, ensure_ascii=True) + "\n").encode()
        with self._lock:
            while data:
                data = data[os.write(self._file, data):]


class Coverage:
    """Which lines of the repository's files run, by sys.settrace."""

    def __init__(self, root):
        self._prefix = os.path.join(root, "")
        self._local = {}
        self._lines = {}

    def start(self):
        threading.settrace(self._call)
        sys.settrace(self._call)

    def stop(self):
        sys.settrace(None)
        threading.settrace(None)

    def take(self):
        """Lines by file since it was last asked."""
        taken = {}
        for path, holder in self._lines.items():
            if holder[0]:
                taken[path] = sorted(holder[0])
                holder[0] = set()
        return taken

    def _call(self, frame, event, _arg):
        name = frame.f_code.co_filename
        try:
            return self._local[name]
        except KeyError:
            local = self._local[name] = self._local_of(name)
            return local

    def _local_of(self, name):
        if name.startswith("<"):
            return None  # made from no file
        path = os.path.abspath(name)
        if not path.startswith(self._prefix):
            return None
        relative = path[len(self._prefix):]
        if LEFT_OUT.intersection(relative.split(os.sep)):
            return None
        holder = self._lines.setdefault(relative, [set()])

        def local(frame, event, _arg):
            if event == "line":
                holder[0].add(frame.f_lineno)
            return local

        return local


def executable_lines(path):
    """Numbers of the lines that have code; None when it does not compile."""
    try:
        if os.path.getsize(path) > MAX_SOURCE:
            return None
        with open(path, "rb") as file:
            codes = [compile(file.read(), path, "exec", dont_inherit=True)]
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines = set()
    while codes:
        code = codes.pop()
        codes.extend(const for const in code.co_consts if hasattr(const, "co_code"))
        if hasattr(code, "co_lines"):
            lines.update(line for _start, _end, line in code.co_lines() if line)
        else:
            import dis
            lines.update(line for _offset, line in dis.findlinestarts(code) if line)
    return sorted(lines)


def python_files(root):
    """All Python files below a folder, sorted, relative to it."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.endswith(".py") and os.path.isfile(path) and not os.path.islink(path):
                found.append(os.path.relpath(path, root))
        if len(found) > MAX_FILES:
            break
    return found[:MAX_FILES]


def is_test_file(path):
    name = os.path.basename(path)
    return name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py") or name == "tests.py")


class Recorder:
    """Tells of tests, one after the other, and what they ran."""

    def __init__(self, config, results):
        self.root = config["root"]
        self.results = results
        self.kind = config.get("coverage", "none")
        self.timeout = (config.get("testTimeoutMs") or 0) / 1000
        self.coverage = Coverage(self.root) if self.kind != "none" else None
        self.total = {}
        self.counts = {}

    def open(self):
        if self.coverage is not None:
            self.coverage.start()

    def began(self, test):
        self.results.put(start=test)
        self._take("imported", None)
        if self.timeout > 0 and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, self._late)
            signal.setitimer(signal.ITIMER_REAL, self.timeout)

    def ended(self, test):
        if self.timeout > 0 and threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.coverage is not None:
            self.coverage.start()  # a test may have put a tracer of its own in its place
        self._take("cover", test)

    def result(self, test, status, message=None, stack=None):
        self.counts[status] = self.counts.get(status, 0) + 1
        record = {"test": test, "status": status}
        if message:
            record["message"] = message[:MAX_MESSAGE]
        if stack:
            record["stack"] = stack[-MAX_STACK:]
        self.results.put(**record)

    def close(self):
        if self.coverage is not None:
            self.coverage.stop()
            self._take("imported", None)
            for path in python_files(self.root):
                lines = executable_lines(os.path.join(self.root, path))
                if lines is not None:
                    covered = sorted(self.total.get(path, set()).intersection(lines))
                    self.results.put(file=path, executable=lines, covered=covered)
        self.results.put(done=True)

    def _take(self, what, test):
        if self.coverage is None:
            return
        taken = self.coverage.take()
        for path, lines in taken.items():
            self.total.setdefault(path, set()).update(lines)
        if self.kind == "per_test" and taken:
            self.results.put(**{what: test if what == "cover" else True, "files": taken})

    def _late(self, _signal, _frame):
        raise TestTimedOut("the test took too long")


def describe(error):
    """An exception as a message and its stack."""
    kind, value, trace = error
    message = "".join(traceback.format_exception_only(kind, value)).strip()
    return message, "".join(traceback.format_exception(kind, value, trace))


# --- unittest ---------------------------------------------------------------------------------------------------------


def load_module(root, path):
    """Imports a file as what imports in it take it for: a module of its package, or one of its folder."""
    full = os.path.join(root, path)
    top, name = os.path.dirname(full), os.path.splitext(os.path.basename(full))[0]
    while top != root and os.path.isfile(os.path.join(top, "__init__.py")):
        top, name = os.path.dirname(top), os.path.basename(top) + "." + name
    if top not in sys.path:
        sys.path.insert(0, top)
    known = sys.modules.get(name)
    known_file = getattr(known, "__file__", None)
    if known is not None and (known_file is None or os.path.abspath(known_file) != full):
        name = re.sub(r"\W", "_", path)  # another file has that name already
        spec = importlib.util.spec_from_file_location(name, full)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    return importlib.import_module(name)


def flatten(suite, tests):
    import unittest
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            flatten(test, tests)
        else:
            tests.append(test)


def make_unittest_result(recorder, names):
    import unittest

    class Result(unittest.TestResult):
        def startTest(self, test):
            super().startTest(test)
            self._parts = []
            recorder.began(self.id_of(test))

        def stopTest(self, test):
            super().stopTest(test)
            recorder.ended(self.id_of(test))
            if self._parts:
                status, message, stack = self._parts[0]
                recorder.result(self.id_of(test), status, message, stack)

        def id_of(self, test):
            known = names.get(id(test))
            if known is not None:
                return known
            return "%s::%s" % (names.get("file", "?"), re.sub(r"\s+", " ", str(test))[:500])

        def _add(self, test, status, error=None, message=None):
            stack = None
            if error is not None:
                message, stack = describe(error)
                if isinstance(error[1], TestTimedOut):
                    status, stack = "timeout", None  # where it was just then is chance
            if id(test) in names:
                self._parts.append((status, message, stack))
            else:  # what comes before or after a class or a module
                recorder.result(self.id_of(test), status, message, stack)

        def addSuccess(self, test):
            self._add(test, "passed")

        def addError(self, test, err):
            self._add(test, "error", err)

        def addFailure(self, test, err):
            self._add(test, "failed", err)

        def addSkip(self, test, reason):
            self._add(test, "skipped", message=str(reason))

        def addExpectedFailure(self, test, err):
            self._add(test, "passed")

        def addUnexpectedSuccess(self, test):
            self._add(test, "failed", message="it was expected to fail, and passed")

        def addSubTest(self, test, subtest, err):
            if err is not None:
                failed = issubclass(err[0], test.failureException)
                message, stack = describe(err)
                self._parts.insert(0, ("failed" if failed else "error", "%s: %s" % (subtest._subDescription(), message), stack))

    return Result()


def wanted_files(config):
    only = config.get("only") or []
    if not only:
        return [path for path in python_files(config["root"]) if is_test_file(path)]
    return sorted({one.split("::", 1)[0] for one in only})


def run_unittest(config, recorder):
    import unittest

    root = config["root"]
    only = set(config.get("only") or [])
    names = {}
    result = make_unittest_result(recorder, names)
    loader = unittest.TestLoader()
    suites = []
    for path in wanted_files(config):
        try:
            module = load_module(root, path)
            tests = []
            flatten(loader.loadTestsFromModule(module), tests)
        except BaseException as error:  # whatever a test file does while it is imported
            if isinstance(error, KeyboardInterrupt):
                raise
            message, stack = describe(sys.exc_info())
            recorder.result(path + "::import", "error", message, stack)
            continue
        chosen = []
        for test in tests:
            name = "%s.%s" % (type(test).__name__, getattr(test, "_testMethodName", str(test)))
            test_id = "%s::%s" % (path, name)
            if not only or path in only or test_id in only:
                names[id(test)] = test_id
                chosen.append(test)
        if chosen:
            suites.append((path, unittest.TestSuite(chosen)))
    for path, suite in suites:
        names["file"] = path
        suite.run(result)
    counts = recorder.counts
    if not counts:
        return NO_TESTS
    return 1 if counts.keys() & {"failed", "error", "timeout"} else 0


# --- pytest -----------------------------------------------------------------------------------------------------------


def run_pytest(config, recorder):
    import pytest

    state = {}

    class Plugin:
        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_protocol(self, item, nextitem):
            recorder.began(item.nodeid)
            yield
            recorder.ended(item.nodeid)

        def pytest_runtest_logreport(self, report):
            status, message, stack = state.get(report.nodeid, (None, None, None))
            text = str(report.longrepr) if report.longrepr is not None else None
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                late = text is not None and "TestTimedOut: " in text
                status = "timeout" if late else "failed" if report.when == "call" else "error"
                message = getattr(crash, "message", None) or (text or "").strip().split("\n")[-1]
                message = "the test took too long" if late else message
                stack = None if late else text
            elif report.skipped and status is None:
                status = "passed" if hasattr(report, "wasxfail") else "skipped"
                message = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", None)
            elif report.when == "call" and status is None:
                status = "passed"
            state[report.nodeid] = (status, message, stack)
            if report.when == "teardown":
                recorder.result(report.nodeid, status or "skipped", message, stack)

        def pytest_collectreport(self, report):
            if report.failed:
                text = str(report.longrepr)
                message = [line[4:] for line in text.split("\n") if line.startswith("E   ")] or [text.strip().split("\n")[-1]]
                recorder.result((report.nodeid or "?") + "::import", "error", "\n".join(message), text)

    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", "--rootdir", config["root"]]
    arguments += ["-o", "console_output_style=classic", "--color=no"]
    if config.get("only"):
        arguments += ["--"] + sorted(set(config["only"]))
    return int(pytest.main(arguments, plugins=[Plugin()]))


# --- both -------------------------------------------------------------------------------------------------------------


def run(config):
    """Runs tests and resolves to an exit code: 0 passed, 1 failed, 5 none, others of pytest's.

    `runner`: unittest or pytest. `root`: the repository, absolute. `results`: the file. `only`: ids `file::name` and files. `coverage`: none, total or
    per_test. `testTimeoutMs`: of one test. To be called once per process: fork before, for the next one.
    """
    root = config["root"] = os.path.realpath(config["root"])
    os.chdir(root)
    sys.dont_write_bytecode = True
    for folder in (os.path.join(root, "src"), root):
        if os.path.isdir(folder) and folder not in sys.path:
            sys.path.insert(0, folder)
    recorder = Recorder(config, Results(config["results"]))
    recorder.open()
    try:
        return run_pytest(config, recorder) if config["runner"] == "pytest" else run_unittest(config, recorder)
    finally:
        recorder.close()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    # What a test imports is the repository's, and not what lies beside this file.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    sys.argv[1:] = []
    code = run(given)
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that a test left behind must not keep the process.
    os._exit(code)
