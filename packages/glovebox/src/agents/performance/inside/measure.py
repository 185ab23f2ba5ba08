"""Measures commands of one or two copies of a repository, in turns, and writes what each took.

    python3 -B measure.py CONFIG        CONFIG: JSON with `copies` ([{name, root}]), `argv`, `repeats`, `warmups`, `results`, `timeoutMs` (of one)

In turns, so that whatever else the machine does falls on all copies alike. Standard library only.
"""

import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time


def once(argv, root, timeout):
    """Seconds of a clock, seconds of CPU, and the exit code; a code of None when it took too long."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    child = subprocess.Popen(argv, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             start_new_session=True)
    try:
        _out, error = child.communicate(timeout=timeout)
        code = child.returncode
    except subprocess.TimeoutExpired:
        error, code = b"", None
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, code, error[-2000:].decode("utf-8", "replace")


def machine(argv):
    """What besides the program makes it fast or slow: processor, how many of them, the interpreter's version."""
    model = ""
    try:
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        pass
    version = f"Python {platform.python_version()}"
    if argv[0] == "node":
        version = "Node " + subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    return f"{platform.machine()}, {os.cpu_count()} × {model or 'unknown'}, {version}"[:300]


def main(config):
    copies = config["copies"]
    runs = {copy["name"]: {"wallMs": [], "cpuMs": []} for copy in copies}
    failed = None
    for turn in range(config["warmups"] + config["repeats"]):
        # Who goes first changes, so that neither has it easier.
        for copy in copies if turn % 2 == 0 else copies[::-1]:
            wall, cpu, code, error = once(config["argv"], copy["root"], config["timeoutMs"] / 1000)
            if code != 0 and failed is None:
                failed = {"name": copy["name"], "code": code, "error": error}
            if turn >= config["warmups"]:
                runs[copy["name"]]["wallMs"].append(wall * 1000)
                runs[copy["name"]]["cpuMs"].append(cpu * 1000)
        if failed is not None:
            break
    with open(config["results"], "w") as file:
        json.dump({"runs": runs, "failed": failed, "machine": machine(config["argv"])}, file)


main(json.loads(sys.argv[1]))
