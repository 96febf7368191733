"""For how long a run has trained: pauses do not count, nor the days between a stop and a resumption."""

from __future__ import annotations

from typing import Final

from iml_tui.runs.event_fields import time_of
from iml_tui.runs.events import Event

_TRAINING: Final = frozenset({"trial_started", "progress", "epoch", "resumed"})
_OF_OTHERS: Final = frozenset({"created", "forked", "recorded"})
"""Written by others than a worker as well, such as the queue, and no sign that one trains."""


class WorkingTime:
    """Follows the events of one run in order. Times are seconds since the epoch.

    Attributes:
        last_work: when a worker last wrote an event, 0 before the first.
    """

    def __init__(self) -> None:
        self.last_work = 0.0
        self._begun = False
        self._forget()

    def _forget(self) -> None:
        self._idle = 0.0
        self._idle_since: float | None = None
        self._prepared = 0.0
        self._preparing: tuple[float, float] | None = None  # Since when, and the idle time until then.

    def take(self, event: Event) -> None:
        """Take the next event in."""
        at, kind = time_of(event), event["type"]
        if at is None:
            return
        if kind == "started" or (kind == "recorded" and _names_worker(event)):
            self._begin(at, kind)
        if kind in _OF_OTHERS:
            return
        if kind == "paused" and self._idle_since is None:
            self._idle_since = at
        elif kind == "continued" or kind in _TRAINING:
            self._end_idle(at)
        if kind == "preparing" and self._preparing is None:
            self._preparing = at, self.idle_seconds(at)
        elif kind == "finished" or kind in _TRAINING:
            self._end_preparing(at)
        if kind == "finished":
            self._end_idle(at)
            self._idle_since = at
        self.last_work = at

    def idle_seconds(self, end: float) -> float:
        """Seconds up to `end`, since the first worker began to train, in which none did."""
        return self._idle + (max(0.0, end - self._idle_since) if self._idle_since is not None else 0.0)

    def preparing_seconds(self, end: float) -> float:
        """Seconds up to `end` that were spent on what comes before training, idle ones left out."""
        if self._preparing is None:
            return self._prepared
        since, idle = self._preparing
        return self._prepared + max(0.0, end - since - (self.idle_seconds(end) - idle))

    def _begin(self, at: float, kind: str) -> None:
        """A worker takes the run over."""
        if not self._begun:
            # The first record is written before that worker begins to train. Nothing before counts at all.
            if kind == "started":
                self._forget()
                self._begun = True
            return
        if self._idle_since is None:
            self._idle_since = self.last_work
        self._end_preparing(self._idle_since)
        self._end_idle(at)
        self.last_work = at

    def _end_idle(self, at: float) -> None:
        self._idle, self._idle_since = self.idle_seconds(at), None

    def _end_preparing(self, at: float) -> None:
        self._prepared, self._preparing = self.preparing_seconds(at), None


def _names_worker(event: Event) -> bool:
    changes = event.get("changes")
    return isinstance(changes, dict) and isinstance(changes.get("worker"), dict)
