"""Real command lines and real workers on a small folder of points. What they do is waited for, never slept for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from iml_tui.errors import LabError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import Event, EventReader
from iml_tui.runs.history import list_runs
from iml_tui.runs.process import terminate

Found = TypeVar("Found")

DEADLINE = 120.0
"""Seconds after which a machine is not slow but something is wrong."""

LONG = ("--set", "epochs=100000", "--set", "learning_rates=0.01,0.001")
"""A run that does not end by itself while a test looks on."""


def write_cities(path: Path, rows: int = 300) -> Path:
    """`rows` training points in three countries, as the course's CSV files have them; a fifth of that in the others."""
    for split, count in (("train", rows), ("validation", rows // 5), ("test", rows // 5)):
        lines = [",long,lat,country"]
        lines += [f"{i},{i % 3 * 10 + i % 7 * 0.5},{45 + i % 5},{'ABC'[i % 3]}" for i in range(count)]
        (path / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return path


class Home:
    """A lab of its own: starts command lines and sees what comes of them."""

    def __init__(self, path: Path, data: Path) -> None:
        self.root = path / "runs"
        self.data = data
        self._environment = {**os.environ, "IML_LAB_HOME": str(path)}
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `iml-lab` with these arguments."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "iml_tui", *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Where the tests run as a background job, Ctrl-C is ignored, and children would inherit that.
            preexec_fn=heed_interrupts,
        )
        self._started.append(process)
        return process

    def start_run(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the learning-rate experiment on the small folder."""
        return self.start("run", "learning-rate", "--data", str(self.data), "--device", "cpu", *arguments)

    def call(self, *arguments: str) -> tuple[int, str, str]:
        """Run `iml-lab` to its end; returns its exit code, stdout and stderr."""
        return finish(self.start(*arguments))

    def run(self) -> RunDirectory:
        """The one run that there is, as soon as there is one."""
        return wait_for(lambda: next((entry.directory for entry in list_runs(self.root) if entry.record), None))

    def training(self) -> RunDirectory:
        """The one run that there is, as soon as it has finished an epoch."""
        directory = self.run()
        wait_for_event(directory, "epoch")
        return directory

    def close(self) -> None:
        """End whatever a failed test left behind: commands and workers of this home only."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for entry in list_runs(self.root):
            if entry.active and entry.record is not None and entry.record.worker is not None:
                terminate(entry.record.worker)


def heed_interrupts() -> None:
    """What SIGINT does by default, in the child before it becomes the command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that ends by itself."""
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, out, err


def wait_for(look: Callable[[], Found | None]) -> Found:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            found = look()
        except LabError:
            found = None
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def wait_for_event(directory: RunDirectory, kind: str) -> Event:
    """The first event of this type."""
    reader = EventReader(directory.events_file)
    return wait_for(lambda: next((event for event in reader.read_new() if event["type"] == kind), None))


def wait_for_state(directory: RunDirectory, state: str) -> None:
    """Wait until the record says so."""
    wait_for(lambda: directory.read_record().state == state)
