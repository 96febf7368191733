"""What the event log of a run tells, taken in by rules of its own: a second opinion on what readers make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import Event, decode
from iml_tui.runs.record import RunRecord


@dataclass
class ToldTrial:
    """One trial: whole epochs, state, what was changed, the last checkpoint, whether the last worker trained it."""

    epochs: int = 0
    figures: list[dict[str, Any]] = field(default_factory=list)
    state: str = "waiting"
    changed: int = 0
    diverged: bool = False
    checkpoint: tuple[int, int] = (0, 0)
    begun_by_last: bool = False


class Retelling:
    """Goes through the whole log of a run.

    Attributes:
        problems: sentences on what should not be in a log.
        torn: lines that are damaged; `tail` is what follows the last line feed.
        trials: by position.
        ended: whether the last worker wrote its last event, after which none began.
        resumed: how often.
        changed: whether anything was changed.
        checkpoints: how many were told of.
    """

    def __init__(self, directory: RunDirectory, record: RunRecord) -> None:
        self.problems: list[str] = []
        self.torn = 0
        begun = (record.fork.epochs, record.fork.step) if record.fork else (0, 0)
        self.trials = [ToldTrial(checkpoint=begun) for _ in record.trials]
        self.ended = False
        self.resumed = 0
        self.changed = False
        self.checkpoints = 0
        self._next = 0
        *lines, self.tail = directory.events_file.read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            self._take_line(number, line)

    def _take_line(self, number: int, line: bytes) -> None:
        event = decode(line)
        if event is None:
            self.torn += bool(line)
            return
        if event.get("seq") != self._next:
            self.problems.append(f"line {number} has seq {event.get('seq')} in place of {self._next}")
        self._next = int(event.get("seq", self._next)) + 1
        if number == 1 and event["type"] != "created":
            self.problems.append(f"the log begins with {event['type']}")
        self._take(number, event)

    def _take(self, number: int, event: Event) -> None:
        kind = event["type"]
        if kind == "started":
            for trial in self.trials:
                trial.begun_by_last = False
        if kind == "finished":
            self.ended = True
        elif kind in ("started", "preparing", "trial_started", "epoch", "resumed", "progress"):
            self.ended = False
        if kind == "resumed":
            self._resume(number, event)
        elif kind == "checkpoint":
            self.checkpoints += 1
            for position in event["trials"]:
                self.trials[position].checkpoint = (event["epoch"], event["step"])
        if "trial" not in event:
            return
        trial = self.trials[event["trial"]]
        if kind == "epoch":
            if event["epoch"] != trial.epochs + 1:
                self.problems.append(
                    f"line {number}: epoch {event['epoch']} of trial {event['trial']} follows epoch {trial.epochs}"
                )
            trial.epochs = event["epoch"]
            trial.figures[trial.epochs - 1 :] = [
                {name: event.get(name) for name in ("metrics", "gradient_norms", "zero_gradients")}
            ]
        elif kind == "trial_started":
            if trial.state == "done":
                self.problems.append(f"line {number}: trial {event['trial']} begins after its end")
            trial.state = "running"
            trial.begun_by_last = True
        elif kind == "trial_finished":
            trial.state = event["state"]
        elif kind == "diverged":
            trial.diverged = True
        elif kind == "changed":
            self.changed = True
            trial.changed += 1

    def _resume(self, number: int, event: Event) -> None:
        self.resumed += 1
        if not event["exact"]:
            self.problems.append(f"line {number}: resumed, but not exactly: {event['reason']}")
        # One that diverged goes on with those that it trains together with, for they share their steps.
        if all(self.trials[position].state in ("done", "diverged") for position in event["trials"]):
            self.problems.append(f"line {number}: trials {event['trials']} are resumed after their end")
        for position in event["trials"]:
            trial = self.trials[position]
            repeated = trial.epochs - event["epoch"]
            if not 0 <= repeated <= 1:
                self.problems.append(
                    f"line {number}: trial {position} goes on after {event['epoch']} of {trial.epochs} epochs: more "
                    "than one is repeated"
                )
            trial.epochs, trial.checkpoint = event["epoch"], (event["epoch"], event["step"])
            del trial.figures[trial.epochs :]
            trial.state = "running"
