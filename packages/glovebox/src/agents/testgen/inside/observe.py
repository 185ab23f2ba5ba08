"""Calls functions with given arguments and says what came of it.

Reads a request from stdin, {"root", "path", "result", "names": [...], "calls": [{"name", "args": [encoded], "limit": seconds}]}, and writes {"imported": bool,
"error": str | null, "calls": [outcome]} to the file `result`. Standard library only.
"""

import copy
import importlib.util
import json
import os
import signal
import sys

MAX_TEXT = 300
MAX_ITEMS = 20


class Late(BaseException):
    """The time of one call was up. No `except Exception` of the code holds it."""


def late(_signal, _frame):
    raise Late


def encode(value, depth=0):
    """A value as JSON that keeps its type; raises for what has no such form, or is too large."""
    kind = type(value)
    if depth > 4:
        raise ValueError("deep")
    if value is None or kind is bool:
        return value
    if kind is int and abs(value) < 2**53:
        return value
    if kind is float and value == value and abs(value) != float("inf") and str(value) != "-0.0":
        return {"float": repr(value)}
    if kind is str and len(value) <= MAX_TEXT and value.isprintable():
        return {"text": value}
    if kind in (list, tuple) and len(value) <= MAX_ITEMS:
        return {kind.__name__: [encode(item, depth + 1) for item in value]}
    if kind is dict and len(value) <= MAX_ITEMS:
        return {"dict": [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in value.items()]}
    raise ValueError("no plain value")


def decode(value):
    """The other way round."""
    if not isinstance(value, dict):
        return value
    (kind, content), = value.items()
    if kind == "float":
        return float(content)
    if kind == "text":
        return content
    if kind == "dict":
        return {decode(key): decode(item) for key, item in content}
    items = [decode(item) for item in content]
    return tuple(items) if kind == "tuple" else items


def call(function, encoded, limit):
    """What comes of one call: a value, an exception, or nothing within the time."""
    args = [decode(arg) for arg in encoded]
    kept = copy.deepcopy(args)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        value = function(*args)
    except Late:
        return {"kind": "late"}
    except BaseException as error:
        return {"kind": "raised", "error": type(error).__name__[:100], "message": str(error)[:MAX_TEXT]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        return {"kind": "value", "value": encode(value), "type": type(value).__name__[:100], "kept": args == kept}
    except Exception:
        return {"kind": "other"}


def load(root, path):
    """Imports a file as what imports in it take it for: a module of its package, or one of its folder."""
    full = os.path.join(root, path)
    top, name = os.path.dirname(full), os.path.splitext(os.path.basename(full))[0]
    while top != root and os.path.isfile(os.path.join(top, "__init__.py")):
        top, name = os.path.dirname(top), os.path.basename(top) + "." + name
    for folder in (os.path.join(root, "src"), root, top):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    return importlib.import_module(name)


def main():
    request = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, late)
    answer = {"imported": False, "error": None, "calls": []}
    try:
        module = load(os.path.realpath(request["root"]), request["path"])
        answer["imported"] = True
        answer["calls"] = [call(getattr(module, one["name"]), one["args"], one["limit"]) for one in request["calls"]]
    except BaseException as error:
        answer["error"] = f"{type(error).__name__}: {error}"[:MAX_TEXT]
    with open(request["result"], "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os._exit(0)


main()
