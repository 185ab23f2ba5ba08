"""Tries candidates of a repair: each in a process of its own, forked off one that has everything imported already.

    python3 -B validate.py JOB        JOB: JSON, see `main`

Runs in the sandbox with the standard library alone. Every candidate gets the repository in a copy, with its files changed there; tests are run as
python_tests.py does. A line of JSON per candidate goes to the file of results.
"""

import json
import os
import resource
import select
import shutil
import signal
import sys
import time

LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__", ".pytest_cache")
MAX_RESULTS = 8 << 20
LOADING = "::import"  # ends the ids of what is no test, but a file that cannot be loaded


class Slot:
    """A copy of the repository that one candidate after the other is tried in."""

    def __init__(self, job, number):
        self.job = job
        self.root = os.path.join(job["work"], "slot-%d" % number)
        self.results = os.path.join(job["work"], "slot-%d.jsonl" % number)
        self.fresh()

    def fresh(self):
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.job["root"], self.root, symlinks=True, ignore=self._ignored)
        for path in self.job["link"]:
            os.symlink(os.path.join(self.job["root"], path), os.path.join(self.root, path))
        self.seen = self._look()

    def _ignored(self, folder, names):
        linked = {path for path in self.job["link"]}
        own = os.path.relpath(folder, self.job["root"])
        return LEFT_OUT(folder, names) | {name for name in names if os.path.normpath(os.path.join(own, name)) in linked}

    def _look(self):
        """What tells of files that a test has left behind."""
        seen = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in files:
                path = os.path.join(folder, name)
                stat = os.lstat(path)
                seen[path] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        return seen

    def change(self, files):
        for path, data in files.items():
            with open(os.path.join(self.root, path), "wb") as file:
                file.write(data)

    def restore(self, files):
        """The repository as it was, whatever the tests did to it."""
        try:
            self.change({path: self.job["bytes"][path] for path in files})
            now = self._look()
        except OSError:
            self.fresh()
            return
        changed = {os.path.join(self.root, path) for path in files}
        same = now.keys() == self.seen.keys() and all(now[path] == self.seen[path] for path in now if path not in changed)
        if not same:
            self.fresh()
            return
        self.seen = now


def edited(job, edits):
    """Files with edits, whose offsets count UTF-16 units."""
    files = {}
    for path in sorted({edit[0] for edit in edits}):
        data = job["sources"][path].encode("utf-16-le", "surrogatepass")
        for _path, start, end, text in sorted((edit for edit in edits if edit[0] == path), key=lambda edit: -edit[1]):
            data = data[:2 * start] + text.encode("utf-16-le", "surrogatepass") + data[2 * end:]
        files[path] = data.decode("utf-16-le", "surrogatepass").encode("utf-8", "replace")
    return files


def compiles(files):
    for path, data in files.items():
        if path.endswith(".py"):
            try:
                compile(data, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return False
    return True


def child(job, slot, only, cpu):
    """In the forked process: bounds, silence, then the tests."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (job["memoryBytes"], job["memoryBytes"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu)
    import python_tests
    wanted = [test[: -len(LOADING)] if test.endswith(LOADING) else test for test in only]
    config = {"runner": job["runner"], "root": slot.root, "results": slot.results, "only": wanted, "coverage": "none"}
    return python_tests.run(config)


def run(job, slot, only, cpu):
    """Runs tests in a child; (statuses by test, messages by test, how it ended, seconds of processor that it took)."""
    if os.path.lexists(slot.results):
        os.unlink(slot.results)
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = child(job, slot, only, cpu)
        except BaseException as error:  # also what tests do to end the process: it is one of ours
            code = 71 if isinstance(error, (SystemExit, KeyboardInterrupt)) else 70
        finally:
            os._exit(code & 0xFF)
    ended = wait(pid, job["wallSeconds"])
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    _pid, status, usage = os.wait4(pid, 0)
    how = "timeout" if not ended or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF) else "ended"
    if how == "ended" and not os.WIFEXITED(status):
        how = "crashed"
    statuses, messages = read(slot.results)
    return statuses, messages, how, usage.ru_utime + usage.ru_stime


def wait(pid, seconds):
    """Whether a child ended by itself in that time."""
    if hasattr(os, "pidfd_open"):
        fd = os.pidfd_open(pid)
        try:
            return bool(select.select([fd], [], [], seconds)[0])
        finally:
            os.close(fd)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        time.sleep(0.005)
    return False


def read(path):
    statuses, messages = {}, {}
    try:
        with open(path, "rb") as file:
            lines = file.read(MAX_RESULTS).split(b"\n")
    except OSError:
        return statuses, messages
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("test"), str):
            statuses[record["test"]] = record.get("status")
            # It has tests, so it was loaded; where it was not, that is the only record of it.
            if not record["test"].endswith(LOADING):
                statuses.setdefault(record["test"].split("::", 1)[0] + LOADING, "passed")
            messages[record["test"]] = record.get("message") or ""
    return statuses, messages


def attempt(job, slot, edits, cpu):
    """What becomes of the tests with a candidate's edits."""
    files = edited(job, edits)
    if not compiles(files):
        return {"how": "invalid", "fixed": 0, "broken": 0, "moved": 0}
    slot.change(files)
    try:
        statuses, messages, how, _cpu = run(job, slot, sorted(job["failing"]), cpu)
        fixed = [test for test in job["failing"] if statuses.get(test) == "passed"]
        moved = [test for test in job["failing"] if statuses.get(test) not in (None, "passed") and messages.get(test) != job["failing"][test]]
        broken = 0
        if fixed and how == "ended":
            statuses, _messages, how, _cpu = run(job, slot, sorted(job["failing"]) + sorted(job["passing"]), cpu * 2)
            broken = sum(1 for test in job["passing"] if statuses.get(test) != "passed")
            fixed = [test for test in job["failing"] if statuses.get(test) == "passed"]
        return {"how": how, "fixed": len(fixed), "broken": broken, "moved": len(moved)}
    finally:
        slot.restore(files)


def work(job, number, out):
    """Every candidate whose turn it is in this slot."""
    slot = Slot(job, number)
    slow = job["cpuSeconds"] * 100
    statuses, _messages, how, cpu = run(job, slot, sorted(job["passing"]), slow) if job["passing"] else ({}, {}, "ended", 0)
    agrees = how == "ended" and all(statuses.get(test) == "passed" for test in job["passing"])
    limit = max(job["cpuSeconds"], 6 * cpu)
    statuses, messages, how, cpu = run(job, slot, sorted(job["failing"]), limit if job["hangs"] else slow)
    if how == "ended":
        limit = max(limit, 6 * cpu)
    agrees = agrees and not any(statuses.get(test) == "passed" for test in job["failing"])
    job["failing"] = {test: messages.get(test, "") for test in job["failing"]}
    for at in range(number, len(job["candidates"]) if agrees else 0, job["workers"]):
        put(out, dict(attempt(job, slot, job["candidates"][at], limit), candidate=at))
    put(out, {"slot": number, "agrees": agrees})
    shutil.rmtree(slot.root, ignore_errors=True)


def put(out, record):
    os.write(out, (json.dumps(record) + "\n").encode())


def main():
    """`root`: the repository. `work`: a folder for copies. `runner`: of python_tests.py, which lies in `inside`. `failing`, `passing`: ids of tests.
    `sources`: texts by path. `candidates`: lists of edits [path, start, end, text]. `link`: folders that are not copied. `results`: the file. `workers`,
    `cpuSeconds`, `wallSeconds`, `memoryBytes`: bounds; of the processor a candidate gets six times what the tests take now, and at least that. `hangs`: failing tests do not end."""
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    sys.path.insert(0, job["inside"])
    sys.dont_write_bytecode = True
    import python_tests  # noqa: F401  (with what it needs, before the first fork)
    if job["runner"] == "pytest":
        import pytest  # noqa: F401
    else:
        import unittest  # noqa: F401
    # What a test imports is the repository's, and not what lies beside these files.
    sys.path[:] = [path for path in sys.path if path not in (job["inside"], os.path.dirname(os.path.abspath(__file__)))]
    job["failing"] = {test: "" for test in job["failing"]}
    job["bytes"] = {path: text.encode("utf-8", "surrogatepass") for path, text in job["sources"].items()}
    out = os.open(job["results"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
    children = []
    for number in range(job["workers"]):
        pid = os.fork()
        if pid == 0:
            try:
                work(job, number, out)
                os._exit(0)
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
        children.append(pid)
    return max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children)


if __name__ == "__main__":
    sys.exit(main())
