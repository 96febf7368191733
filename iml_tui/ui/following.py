"""Following the run that is shown: what is new in it, and whether it can still be read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from iml_tui.errors import LabError
from iml_tui.experiments.changes import told, words_of
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.experiments.results import Change, TrialResult
from iml_tui.runs.failures import record_failure
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES
from iml_tui.text import printable
from iml_tui.ui.states import on_its_way

ENDED_SECONDS = 1.0
"""A run that has ended is looked at this often: it may be resumed, by others as well, or deleted."""

_MOST_AT_ONCE = 3  # Warnings, and changes.


@dataclass(frozen=True)
class News:
    """A notice for the user."""

    title: str
    text: str
    severity: Literal["information", "warning", "error"] = "information"
    timeout: float = 8.0


class Follower:
    """One run as it goes on.

    Attributes:
        reader: the run.
        state: a key of `RUN_LOOKS`: its state, or what it is on its way to; `gone` and `unreadable` where it is.
        problem: a sentence where it cannot be read any more; "" where it can.
        turned: whether the last look found another state, or other trials in training.
    """

    def __init__(self, reader: RunReader) -> None:
        self.reader = reader
        self.state = on_its_way(reader)
        self.problem = ""
        self.turned = False
        self._looked = 0.0
        self._before = self._standing()
        self._told_state = reader.state
        self._told_warnings = len(reader.warnings)
        self._told_changes = self._changes()

    def look(self) -> bool:
        """Take in what is new; whether anything was. Whatever is in the run's files, it does not raise."""
        now = time.monotonic()
        if self.reader.state not in ACTIVE_STATES and now - self._looked < ENDED_SECONDS:
            return False
        self._looked = now
        state, problem, changed = "", "", False
        try:
            if self.reader.directory.path.is_dir():
                changed = self.reader.poll()
                state = on_its_way(self.reader)
            else:
                state, problem = (
                    "gone",
                    "its directory is gone: somebody deleted or moved it; what is shown was read before",
                )
        except Exception as error:  # A damaged file must not take the screen down with it.
            sentence = str(error) if isinstance(error, LabError) else record_failure(error)
            state, problem = "unreadable", f"it cannot be read any more: {sentence}"
        changed = changed or problem != self.problem
        self.state, self.problem = state, problem
        standing = self._standing()
        self.turned, self._before = standing != self._before, standing
        return changed

    def news(self) -> Iterator[News]:
        """What the user is to be told of since the last time."""
        reader = self.reader
        changes = self._changes()
        yield from _of_changes(reader.results.trials, self._told_changes, changes)
        self._told_changes = changes
        warnings = reader.warnings[self._told_warnings :]
        self._told_warnings = len(reader.warnings)
        for warning in warnings[-_MOST_AT_ONCE:]:
            yield News("Warning", printable(warning), "warning", 12.0)
        if reader.state == self._told_state:
            return
        self._told_state = reader.state
        if reader.state == "done":
            yield News("Run done", printable(reader.record.summary or "all trials are done"))
        elif reader.state in ("failed", "interrupted"):
            message = reader.record.message or "the worker is gone; F7 goes on with it"
            yield News(f"Run {reader.state}", printable(message), "error", 15.0)

    def _standing(self) -> tuple[object, ...]:
        return self.state, tuple(trial.state for trial in self.reader.results.trials)

    def _changes(self) -> list[int]:
        return [len(trial.changes) for trial in self.reader.results.trials]


def _of_changes(trials: Sequence[TrialResult], before: Sequence[int], now: Sequence[int]) -> Iterator[News]:
    """The changes that were made since; the same of several trials once."""
    found: dict[tuple[object, ...], list[tuple[TrialResult, Change]]] = {}
    for trial, first, last in zip(trials, before, now, strict=True):
        for change in trial.changes[first:last]:
            same = change.field, change.new, change.epoch, change.step
            found.setdefault(same, []).append((trial, change))
    for made in list(found.values())[-_MOST_AT_ONCE:]:
        trial, change = made[0]
        whose = trial.label if len(made) == 1 else f"{len(made)} trials"
        if len({each.old for _, each in made}) == 1:
            text = told(change)
        else:
            where = told(change).rpartition(" at ")[2]
            text = f"{words_of(change.field)} → {format_setting(change.new)} at {where}"
        yield News("Changed", printable(f"{whose}: {text}"))
