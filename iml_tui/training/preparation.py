"""Telling of what is done before training: rendering, decoding, downloading, extracting features."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from iml_tui.runs.events import EventWriter
from iml_tui.training.pausing import Pause

EVENT_SECONDS = 0.5
"""Least time between two events on one thing that is being prepared."""


class StoppedError(Exception):
    """The run was asked to stop while it was being prepared."""


class Preparation:
    """Writes what is being prepared into the event log, waits while the run pauses, and breaks off when it is to stop.

    Calling it with what is done, how much of it, and of how much fits `data.pictures.OnPreparation`.
    """

    def __init__(self, events: EventWriter, stop: Callable[[], bool], pause: Pause | None = None) -> None:
        self._events = events
        self._stop = stop
        self._pause = pause
        self._what = ""
        self._told = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell how far it is.

        Raises:
            StoppedError: someone has asked the run to stop.
        """
        if self._pause is not None:
            self._pause.wait()
        if self._stop():
            raise StoppedError
        now = time.monotonic()
        if what != self._what:
            logging.info("%s", what)
        elif done < total and now - self._told < EVENT_SECONDS:
            return
        self._what, self._told = what, now
        self._events.append("preparing", what=what, done=done, total=total)

    def note(self, sentence: str) -> None:
        """Keep a sentence on how data or weights came about."""
        logging.info("%s", sentence)
        self._events.append("note", message=sentence)

    def warn(self, sentence: str) -> None:
        """Keep a sentence on what is not as it should be."""
        logging.warning("%s", sentence)
        self._events.append("warning", message=sentence)
