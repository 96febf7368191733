"""A run that pauses: it waits, with all its state in memory, until it is to go on or to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from iml_tui.runs.events import EventWriter

WAIT_SECONDS: Final = 0.2


class Pause:
    """Waits for as long as the run is to pause.

    Args:
        asked: whether the run is to pause.
        stop: whether it is to stop, which ends a pause.
        events: the run's event log, which is told.
        tell: told that the run pauses (True), and that it goes on (False).
    """

    def __init__(
        self,
        asked: Callable[[], bool],
        stop: Callable[[], bool],
        events: EventWriter,
        tell: Callable[[bool], None],
    ) -> None:
        self.asked = asked
        self._stop, self._events, self._tell = stop, events, tell

    def wait(self) -> float:
        """Wait if the run is to pause; returns for how many seconds."""
        if not self.asked() or self._stop():
            return 0.0
        began = time.perf_counter()
        self._events.append("paused", durable=True)
        self._tell(True)
        while self.asked() and not self._stop():
            time.sleep(WAIT_SECONDS)
        self._events.append("continued", durable=True)
        self._tell(False)
        return time.perf_counter() - began
