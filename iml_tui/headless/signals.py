"""Ctrl-C and SIGTERM as something to look at, so that following a run decides what they mean."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any


class Signals:
    """Counts signals instead of being ended by them, inside a `with` block.

    A signal that the parent chose to ignore (a background job's Ctrl-C) stays ignored.

    Attributes:
        interrupts: how many times Ctrl-C was pressed.
        terminated: SIGTERM came.
    """

    def __init__(self) -> None:
        self.interrupts = 0
        self.terminated = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            self.terminated = True
        else:
            self.interrupts += 1
