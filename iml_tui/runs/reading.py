"""Reading a run as it grows: record, events and series become `Results`. Any number of readers may do so."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iml_tui.errors import LabError
from iml_tui.experiments.results import Results, TrialResult
from iml_tui.experiments.trials import BATCH_LOSS as BATCH_LOSS
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.event_fields import MalformedError, count, items, place, text, time_of, whole
from iml_tui.runs.events import Event, EventReader
from iml_tui.runs.process import host_elsewhere, true_state
from iml_tui.runs.rebuilding import REBUILT, RecordLog, find_record
from iml_tui.runs.record import ACTIVE_STATES, RunRecord, State
from iml_tui.runs.replaying import Replay
from iml_tui.runs.series import MOST_VALUES, read_series
from iml_tui.runs.working_time import WorkingTime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOG_GRADIENT_NORMS = "log10_gradient_norms"
"""Per step, log10 of the squared L2 norm of every linear layer's weight gradient, layer after layer; −inf for 0."""


NO_LOG: Final = "the event log (events.jsonl) is missing, and with it all figures that were measured"


@dataclass(frozen=True)
class Preparing:
    """What a worker does before it trains: "decoding pictures", `done` of `total` of them."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class SavedState:
    """The last checkpoint: `trials` can go on after `epoch` whole epochs and `step` of `steps` batches of the next.

    `time` is when it was written, seconds since the epoch.
    """

    trials: tuple[int, ...]
    epoch: int
    step: int
    steps: int
    time: float


class RunReader:
    """One view of one run.

    Attributes:
        directory: the run directory.
        record: `run.json` as last read, or rebuilt from the event log.
        results: all trials as far as they have got; one object for the life of the reader, filled by `poll`.
        state: the record's state, or `interrupted` where its worker is gone.
        last_event: when the worker last wrote an event, seconds since the epoch; 0 before the first.
        warnings: sentences that the worker had for the user, or the reader has, on what is not as it should be.
        notes: sentences on how data and weights came about.
        preparing: what the worker does before it trains; None once it trains.
        last_checkpoint: what was saved last; None before the first.
        inexact: why a resumed run is not as if it had never been interrupted, a sentence; "" where it is.

    Raises:
        LabError: there is no readable `run.json`, and the event log does not tell what it held.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._events = EventReader(directory.events_file)
        self._restarts = 0
        self._record_stamp: tuple[int, int, int] | None = None
        self._rebuilt = ""
        self._recorded = RecordLog()  # Since `run.json` was last read.
        self.warnings: list[str] = []
        self._forget()
        self.record: RunRecord
        self.record, self._rebuilt = find_record(directory)
        self._tell_rebuilt()
        self.state: State = true_state(self.record, directory)
        self.results = Results(
            experiment=self.record.experiment,
            data=self.record.data.summary,
            weights=self.record.weights.summary if self.record.weights else None,
            hyperparameters=self.record.hyperparameters,
            trials=[
                TrialResult(
                    index, trial, series={name: partial(self._series, index, name) for name in trial.step_series}
                )
                for index, trial in enumerate(self.record.trials)
            ],
        )
        self._replay = Replay(self.results)
        self.poll()

    def _forget(self) -> None:
        """Begin with the event log."""
        self.warnings.clear()
        self.notes: list[str] = []
        self.preparing: Preparing | None = None
        self.last_checkpoint: SavedState | None = None
        self.inexact = ""
        self.last_event = 0.0
        self._malformed = 0
        self._time = WorkingTime()

    @property
    def damaged_events(self) -> int:
        """Records of the event log that were lost to damage, or make no sense."""
        return self._events.damaged + self._malformed

    @property
    def elsewhere(self) -> str:
        """The other host whose worker is at the run by its record, which nobody here can tell; "" where none is."""
        return host_elsewhere(self.record, self.state)

    @property
    def last_sign(self) -> float:
        """When anything was last heard of the worker, seconds since the epoch; 0 where unknown."""
        return self.last_event or self.record.created

    def seconds(self, now: float) -> float:
        """How long the run has trained, or did until it ended or was last heard of; 0 before it began.

        Neither pauses count nor the time between a stop or an interruption and the resumption. `now` is the time, in
        seconds since the epoch.
        """
        if self.record.started is None:
            return 0.0
        end = self._end(now)
        # What came after the worker's last word is no part of the run.
        until = end if self.state in ("running", "paused") else min(end, self._time.last_work)
        idle = max(self.idle_seconds(until), self.record.idle_seconds)
        return max(0.0, end - self.record.started - idle)

    def training_seconds(self, now: float) -> float:
        """As `seconds`, without what preparations took: the time by which the speed of the training is told."""
        return max(0.0, self.seconds(now) - self._time.preparing_seconds(self._end(now)))

    def idle_seconds(self, now: float) -> float:
        """Seconds up to `now` in which no worker trained after the first had begun: `RunRecord.idle_seconds`."""
        return self._time.idle_seconds(now)

    def _end(self, now: float) -> float:
        """Until when the run has worked."""
        if self.state in ("running", "paused"):
            return now
        if self.state not in ACTIVE_STATES and self.record.finished is not None:
            return self.record.finished
        return self._time.last_work  # The worker is gone, or another one is about to take over.

    def poll(self) -> bool:
        """Take in what is new; whether anything was."""
        # The record first: one that says "done" is then never ahead of the epochs shown with it.
        changed = self._read_record()
        state = true_state(self.record, self.directory)
        if state != self.record.state and self._read_record():
            # The worker wrote its last record and ended between the two looks.
            changed = True
            state = true_state(self.record, self.directory)
        changed = self._read_events() or changed
        if not self._rebuilt:
            self._recorded = RecordLog()  # `run.json` knows.
        elif self._recorded:
            self._take_record(self._as_recorded())
            state = true_state(self.record, self.directory)
        changed = changed or state != self.state
        self.state = state
        return changed

    def _read_record(self) -> bool:
        stamp = _stamp(self.directory.record_file)
        if stamp is not None and stamp == self._record_stamp:
            return False
        try:
            record = self.directory.read_record()
        except LabError as error:
            # The last good one stays, and what the events tell from now on. What only cannot be read just now (too many
            # open files) is tried again.
            self._record_stamp = None if isinstance(error.__cause__, OSError) else stamp
            newly = not self._rebuilt
            self._rebuilt = REBUILT
            self._tell_rebuilt()
            return newly
        self._record_stamp = stamp
        self._rebuilt = ""
        if REBUILT in self.warnings:
            self.warnings.remove(REBUILT)
        self._take_record(record)
        return True

    def _as_recorded(self) -> RunRecord:
        """The last good record with what events have told of it since; as it was where they make no sense."""
        recorded, self._recorded = self._recorded, RecordLog()
        with contextlib.suppress(LabError):
            return recorded.record(self.directory, self.record) or self.record
        return self.record

    def _tell_rebuilt(self) -> None:
        if self._rebuilt and self._rebuilt not in self.warnings:
            self.warnings.append(self._rebuilt)

    def _take_record(self, record: RunRecord) -> None:
        self.record = record
        # Pictures that cannot be read are left out, and weights are found, only after the run has begun.
        self.results.data = record.data.summary
        self.results.weights = record.weights.summary if record.weights else None

    def _read_events(self) -> bool:
        changed = False
        try:
            for event in self._events.new_events():
                if self._events.restarts != self._restarts:
                    self._begin_again()
                self._take(event)
                changed = True
        except OSError:  # It cannot be read just now, or is no file at all.
            return changed
        if self._events.restarts != self._restarts:
            self._begin_again()
            changed = True
        lost = self.record.started is not None and not self.directory.events_file.exists()
        if lost and NO_LOG not in self.warnings:
            self.warnings.append(NO_LOG)
        return changed

    def _begin_again(self) -> None:
        self._restarts = self._events.restarts
        self._forget()
        self._tell_rebuilt()
        self._replay.begin()

    def _take(self, event: Event) -> None:
        self._time.take(event)
        self._recorded.take(event)
        self.last_event = time_of(event) or self.last_event
        try:
            self._apply(event)
            self._replay.apply(event)
        except MalformedError:
            self._malformed += 1

    def _apply(self, event: Event) -> None:
        """What an event tells of the run as a whole. Raises MalformedError."""
        match event["type"]:
            case "warning":
                self.warnings.append(text(event, "message"))
            case "note":
                self.notes.append(text(event, "message"))
            case "preparing":
                self.preparing = Preparing(text(event, "what"), count(event, "done"), count(event, "total"))
            case "trial_started" | "progress" | "epoch" | "finished" | "started":
                self.preparing = None
            case "checkpoint":
                trials = tuple(whole(position) for position in items(event, "trials"))
                self.last_checkpoint = SavedState(trials, *place(event), time_of(event) or 0.0)
            case "resumed":
                exact, reason = event.get("exact"), text(event, "reason")
                if not isinstance(exact, bool):
                    raise MalformedError
                self.preparing = None
                if not exact:
                    self.inexact = reason or "the reason was not recorded"

    def _series(self, index: int, name: str) -> NDArray[np.float32]:
        """A step-level series of a trial. A file may claim any size: more values than the trial has steps are none."""
        trial = self.results.trials[index].trial
        steps = trial.epochs * trial.batches_per_epoch(self.results.data.rows.get("train", 0))
        return read_series(self.directory.series_file(index, name), steps or MOST_VALUES)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Another one whenever the file was replaced; None where there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
