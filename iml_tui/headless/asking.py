"""Asking a worker for something through `control/`, and waiting until it has done so."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from iml_tui.errors import LabError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.reading import RunReader

POLL_SECONDS = 0.2

WAIT_SECONDS = 60.0
"""A worker that did not answer after this time is in a long batch or import; it will, but nobody waits for it here."""


def ask(directory: RunDirectory, request: Callable[[Path], None]) -> None:
    """Make a request of `runs/control.py`.

    Raises:
        LabError: it cannot be written.
    """
    try:
        request(directory.control)
    except OSError as error:
        raise LabError(f"{directory.control} cannot be written: {error.strerror}") from error


def wait_until(reader: RunReader, done: Callable[[], bool], seconds: float | None = None) -> bool:
    """Take in what is new until `done()` or the time, by default `WAIT_SECONDS`, is over; returns the last `done()`."""
    deadline = time.monotonic() + (WAIT_SECONDS if seconds is None else seconds)
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
        reader.poll()
    return True
