"""Following a run until it ends, or until the user has seen enough."""

from __future__ import annotations

import subprocess
import time
from enum import Enum, auto

from iml_tui.headless.asking import POLL_SECONDS, ask
from iml_tui.headless.displays import Display
from iml_tui.headless.signals import Signals
from iml_tui.runs import control
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.process import record_failed_start
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES


class Ending(Enum):
    """Why the following is over: the run ended, or the run goes on and the user left."""

    ENDED = auto()
    INTERRUPTED = auto()
    TERMINATED = auto()


def follow(
    reader: RunReader,
    display: Display,
    signals: Signals,
    process: subprocess.Popen[bytes] | None = None,
    *,
    interrupt_stops: bool,
) -> Ending:
    """Show the run until it ends.

    Args:
        reader: the run.
        display: shows it.
        signals: entered by the caller, so that none is missed.
        process: the worker, where this process started it.
        interrupt_stops: the first Ctrl-C asks the worker to stop, and a second one leaves; otherwise the first leaves.
    """
    stopping = False
    while True:
        poll(reader, process)
        display.update(reader, stopping=stopping)
        if reader.state not in ACTIVE_STATES:
            return Ending.ENDED
        if signals.terminated:
            return Ending.TERMINATED
        if signals.interrupts > (1 if interrupt_stops else 0):
            return Ending.INTERRUPTED
        if signals.interrupts and not stopping:
            stopping = True
            ask_to_stop(reader.directory)
            display.note("Stopping; what was measured is kept. Ctrl-C again leaves without waiting.")
        time.sleep(POLL_SECONDS)


def ask_to_stop(directory: RunDirectory) -> None:
    """Ask the worker to stop.

    Raises:
        LabError: the request cannot be written.
    """
    ask(directory, control.request_stop)


def wait_for_owner(reader: RunReader, signals: Signals, process: subprocess.Popen[bytes]) -> None:
    """Wait until the worker has taken the run over, has ended, or the user does not want to wait."""
    while reader.record.worker is None and reader.state in ACTIVE_STATES:
        if signals.interrupts or signals.terminated:
            return
        time.sleep(POLL_SECONDS / 4)
        poll(reader, process)


def poll(reader: RunReader, process: subprocess.Popen[bytes] | None) -> None:
    """Take in what is new, also that a worker ended before it could write anything."""
    reader.poll()
    if process is not None and reader.record.worker is None:
        code = process.poll()
        if code is not None:
            record_failed_start(reader.directory, code)
            reader.poll()
