"""Runs a Python program, or tests, under cProfile, and writes the functions of the repository that took the time.

    python3 -B profile_python.py CONFIG        CONFIG: JSON with `root`, `results` and one of
                                               `argv` (a script and its arguments, or `-m`, a module and its arguments) and
                                               `tests` (what `python_tests.run` takes, whose file lies beside this one)

Standard library only.
"""

import cProfile
import json
import os
import runpy
import sys

MAX_FUNCTIONS = 2000


def work(config):
    tests = config.get("tests")
    if tests is not None:
        import python_tests
        return lambda: python_tests.run(tests)
    argv = config["argv"]
    if argv[0] == "-m":
        sys.argv = argv[1:]
        sys.path.insert(0, config["root"])
        return lambda: runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    sys.argv = argv
    sys.path.insert(0, os.path.dirname(os.path.abspath(argv[0])))
    return lambda: runpy.run_path(argv[0], run_name="__main__")


def main(config):
    root = config["root"] = os.path.realpath(config["root"])
    os.chdir(root)
    sys.dont_write_bytecode = True
    here = os.path.dirname(os.path.abspath(__file__))
    run = work(config)
    sys.path[:] = [path for path in sys.path if path != here]
    profile = cProfile.Profile()
    error, code = None, 0
    try:
        code = profile.runcall(run)
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 0 if exit.code is None else 1
    except BaseException as raised:
        error = "%s: %s" % (type(raised).__name__, raised)
    profile.create_stats()
    total = sum(own for _calls, _primitive, own, _all, _callers in profile.stats.values())
    functions = []
    for (name, line, function), (_primitive, calls, own, cumulative, callers) in profile.stats.items():
        path = os.path.abspath(name)
        if name.startswith(("~", "<")) or not path.startswith(root + os.sep):
            continue
        functions.append({"path": os.path.relpath(path, root), "line": line, "name": function, "calls": calls, "own": own, "total": cumulative})
    # What built-in functions take belongs to who calls them.
    index = {(item["path"], item["line"], item["name"]): item for item in functions}
    for (name, _line, _function), (_primitive, _calls, _own, _all, callers) in profile.stats.items():
        if os.path.abspath(name).startswith(root + os.sep) and not name.startswith(("~", "<")):
            continue
        for (caller, line, function), spent in callers.items():
            item = index.get((os.path.relpath(os.path.abspath(caller), root), line, function))
            if item is not None:
                item["own"] += spent[2] if name.startswith(("~", "<")) else 0
    functions.sort(key=lambda item: -item["own"])
    with open(config["results"], "w") as file:
        json.dump({"tool": "cProfile", "seconds": total, "functions": functions[:MAX_FUNCTIONS], "error": error, "code": code if isinstance(code, int) else 0}, file)


main(json.loads(sys.argv[1]))
