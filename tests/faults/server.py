"""Forks workers: `python -m tests.faults.server`. Importing PyTorch for each of a hundred would take minutes.

Requests and answers are lines of JSON. A request names the run and the arguments of the worker, its environment and
what is to befall it; the answer is `{"pid": …}`, and later, in the order in which they end, `{"pid": …, "code": …}`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from select import select
from typing import IO, Any, Final

IMPORTED: Final = (
    "sklearn.linear_model",
    "torchvision.models",
    "torch.utils.serialization.config",
    "xgboost",
    "iml_tui.training.classifiers",
    "iml_tui.training.faces.fitted",
    "iml_tui.training.faces.session",
    "iml_tui.training.session",
    "iml_tui.training.sessions",
    "iml_tui.training.source.session",
    "iml_tui.training.weights",
    "iml_tui.worker",
)


def main() -> None:
    """Serve until the input ends; workers that are left then are killed."""
    sys.path.insert(0, str(Path.cwd()))
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # What is not looked at is not copied for every worker.
    answers = os.fdopen(os.dup(1), "w")
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    requests, pending, living = sys.stdin.fileno(), b"", set()
    while True:
        ready, _, _ = select([requests, reading], [], [])
        if reading in ready:
            os.read(reading, 1 << 12)
            for pid, code in ended():
                living.discard(pid)
                tell(answers, pid=pid, code=code)
        if requests not in ready:
            continue
        data = os.read(requests, 1 << 16)
        if not data:
            break
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            pid = fork(json.loads(line))
            living.add(pid)
            tell(answers, pid=pid)
    for pid in living:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def tell(answers: IO[str], **answer: int) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def ended() -> list[tuple[int, int]]:
    """Children that have ended, with their exit codes, negative where a signal ended them."""
    found = []
    with contextlib.suppress(ChildProcessError):
        while (status := os.waitpid(-1, os.WNOHANG))[0]:
            found.append((status[0], os.waitstatus_to_exitcode(status[1])))
    return found


def fork(request: Mapping[str, Any]) -> int:
    """Start a worker in a session of its own, as `start_worker` does; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        code = work(request)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def work(request: Mapping[str, Any]) -> int:
    """Be the worker; returns its exit code."""
    from iml_tui import worker
    from iml_tui.runs.opening import open_file
    from tests.faults import befalling, small

    small.make_small()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.umask(request["umask"])
    os.environ.update(request["environment"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    try:
        log = open_file(Path(request["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError:
        return 1
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name, arguments in request["faults"]:
        getattr(befalling, name)(*arguments)
    return worker.main(request["arguments"])


if __name__ == "__main__":
    main()
