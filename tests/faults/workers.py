"""Workers of the fork server, as tests see them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import IO, Any

from iml_tui.runs.directory import RunDirectory
from tests.workers import DEADLINE

Fault = tuple[Any, ...]
"""The name of a function in `befalling.py`, and its arguments."""


@dataclass
class Worker:
    """A worker, dead or alive."""

    pid: int
    server: Server

    def wait(self) -> int:
        """Its exit code once it has ended, negative where a signal ended it."""
        return self.server.wait(self.pid)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self) -> None:
        """Kill it where it lives, and wait for its end."""
        if self.pid not in self.server.codes:
            with contextlib.suppress(ProcessLookupError):
                self.kill()
            self.wait()


class Server:
    """The process that forks workers."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._pids: deque[int] = deque()
        self._unread = b""
        self.codes: dict[int, int] = {}

    def start(
        self,
        directory: RunDirectory,
        *faults: Fault,
        resume: bool = False,
        home: Path | None = None,
        umask: int = 0o022,
    ) -> Worker:
        """Start a worker on a run; it is on its way when this returns."""
        request = {
            "arguments": [*(["--resume"] if resume else []), str(directory.path)],
            "environment": {"IML_LAB_HOME": str(home or directory.path.parent.parent)},
            "log": str(directory.log_file),
            "faults": [[fault[0], list(fault[1:])] for fault in faults],
            "umask": umask,
        }
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
        while not self._pids:
            self._read()
        return Worker(self._pids.popleft(), self)

    def wait(self, pid: int) -> int:
        while pid not in self.codes:
            self._read()
        return self.codes[pid]

    def close(self) -> None:
        """End it and all its workers."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE)

    def _read(self) -> None:
        stdout: IO[bytes] | None = self._process.stdout
        assert stdout is not None
        ready, _, _ = select([stdout], [], [], DEADLINE)
        assert ready, "the worker does not end"
        data = os.read(stdout.fileno(), 1 << 16)
        assert data, "the server has ended"
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            if "code" in answer:
                self.codes[answer["pid"]] = answer["code"]
            else:
                self._pids.append(answer["pid"])
