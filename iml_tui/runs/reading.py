"""Reading a run as it grows: record, events and series become `Results`. Any number of readers may do so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

from iml_tui.errors import LabError
from iml_tui.experiments.results import (
    METRICS,
    EpochMetrics,
    Results,
    TrialProgress,
    TrialResult,
)
from iml_tui.experiments.trials import BATCH_LOSS as BATCH_LOSS
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import Event, EventReader
from iml_tui.runs.process import true_state
from iml_tui.runs.record import ACTIVE_STATES, RunRecord, State
from iml_tui.runs.series import read_series

LOG_GRADIENT_NORMS = "log10_gradient_norms"
"""Per step, log10 of the squared L2 norm of every linear layer's weight gradient, layer after layer; −inf for 0."""


MOST_FIGURES = 64
"""Figures of one epoch beyond which a log is not that of a lab."""


@dataclass(frozen=True)
class Preparing:
    """What a worker does before it trains: "decoding pictures", `done` of `total` of them."""

    what: str
    done: int
    total: int


class RunReader:
    """One view of one run.

    Attributes:
        directory: the run directory.
        record: `run.json` as last read.
        results: all trials as far as they have got; one object for the life of the reader, filled by `poll`.
        state: the record's state, or `interrupted` where its worker is gone.
        last_event: when the worker last wrote an event, seconds since the epoch; 0 before the first.
        warnings: sentences that the worker had for the user, on what is not as it should be.
        notes: sentences on how data and weights came about.
        preparing: what the worker does before it trains; None once it trains.

    Raises:
        LabError: there is no readable `run.json`.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.preparing: Preparing | None = None
        self._preparing_since = 0.0
        self._prepared = 0.0
        self.last_event = 0.0
        self._events = EventReader(directory.events_file)
        self._record_stamp: tuple[int, int] | None = None
        self.record: RunRecord = directory.read_record()
        self.state: State = true_state(self.record)
        self.results = Results(
            experiment=self.record.experiment,
            data=self.record.data.summary,
            weights=self.record.weights.summary if self.record.weights else None,
            hyperparameters=self.record.hyperparameters,
            trials=[
                TrialResult(
                    index,
                    trial,
                    series={
                        name: partial(read_series, directory.series_file(index, name)) for name in trial.step_series
                    },
                )
                for index, trial in enumerate(self.record.trials)
            ],
        )
        self.poll()

    @property
    def damaged_events(self) -> int:
        """Records of the event log that were lost to damage."""
        return self._events.damaged

    def seconds(self, now: float) -> float:
        """How long the run has trained, or did until it ended or was last heard of; 0 before it began.

        `now` is the time, in seconds since the epoch.
        """
        began = self.record.started
        if began is None:
            return 0.0
        alive = self.state in ACTIVE_STATES
        return max(0.0, (self.record.finished or (now if alive else self.last_event)) - began)

    def training_seconds(self, now: float) -> float:
        """As `seconds`, without what preparations took: the time by which the speed of the training is told."""
        unfinished = max(0.0, now - self._preparing_since) if self.preparing is not None else 0.0
        return max(0.0, self.seconds(now) - self._prepared - unfinished)

    def poll(self) -> bool:
        """Take in what is new; whether anything was."""
        # The record first: one that says "done" is then never ahead of the epochs shown with it.
        changed = self._read_record()
        state = true_state(self.record)
        if state != self.record.state and self._read_record():
            # The worker wrote its last record and ended between the two looks.
            changed = True
            state = true_state(self.record)
        for event in self._events.read_new():
            self._apply(event)
            if isinstance(event.get("time"), int | float):
                self.last_event = float(event["time"])
            changed = True
        changed = changed or state != self.state
        self.state = state
        return changed

    def _read_record(self) -> bool:
        try:
            status = self.directory.record_file.stat()
        except OSError:
            return False
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp == self._record_stamp:
            return False
        try:
            self.record = self.directory.read_record()
        except LabError:
            return False
        self._record_stamp = stamp
        # Pictures that cannot be read are left out, and weights are found, only after the run has begun.
        self.results.data = self.record.data.summary
        self.results.weights = self.record.weights.summary if self.record.weights else None
        return True

    def _apply(self, event: Event) -> None:
        match event["type"]:
            case "warning":
                self.warnings.append(str(event.get("message", "")))
            case "note":
                self.notes.append(str(event.get("message", "")))
            case "preparing":
                if self.preparing is None:
                    self._preparing_since = _time(event)
                self.preparing = Preparing(
                    str(event.get("what", "")), _count(event.get("done")), _count(event.get("total"))
                )
            case "trial_started" | "progress" | "epoch" | "finished" if self.preparing is not None:
                self._prepared += max(0.0, _time(event) - self._preparing_since)
                self.preparing = None
        index = event.get("trial")
        if not isinstance(index, int) or not 0 <= index < len(self.results.trials):
            return
        trial = self.results.trials[index]
        match event["type"]:
            case "trial_started":
                trial.state = "running"
                _apply_parameters(trial, event)
            case "progress":
                trial.progress = TrialProgress(
                    event["epoch"], event["step"], event["steps"], _number(event.get("samples_per_second"))
                )
            case "epoch":
                _apply_epoch(trial, event)
            case "map":
                # An epoch that a resumed worker repeats replaces what was rewound.
                trial.maps[:] = [*(epoch for epoch in trial.maps if epoch < event["epoch"]), event["epoch"]]
            case "predictions":
                trial.has_predictions = True
            case "diverged":
                trial.diverged_at = (event["epoch"], event["batch"])
            case "trial_finished":
                trial.state = event["state"]
                _apply_parameters(trial, event)


def _apply_parameters(trial: TrialResult, event: Event) -> None:
    """0 is a number that is not known yet."""
    parameters = event.get("parameters")
    if isinstance(parameters, int) and parameters > 0:
        trial.parameters = parameters


def _apply_epoch(trial: TrialResult, event: Event) -> None:
    epoch = event["epoch"]
    if not 1 <= epoch <= trial.trial.epochs:
        return
    del trial.epochs[epoch - 1 :]  # An epoch that a resumed worker repeats replaces what was rewound.
    # Epochs lost to damage leave gaps: figures stay with the epoch that they belong to.
    trial.epochs += [EpochMetrics(epoch=lost, metrics={}) for lost in range(len(trial.epochs) + 1, epoch)]
    trial.epochs.append(
        EpochMetrics(
            epoch=epoch,
            metrics=_figures(event["metrics"]),
            seconds=_number(event.get("seconds")),
            samples_per_second=_number(event.get("samples_per_second")),
            gradient_norms=[_number(norm) for norm in event.get("gradient_norms") or ()],
            zero_gradients=[int(count) for count in event.get("zero_gradients") or ()],
        )
    )
    steps = trial.progress.steps
    trial.progress = TrialProgress(epoch, steps, steps, _number(event.get("samples_per_second")))


def _figures(measured: dict[str, Any]) -> dict[str, float]:
    """All of `METRICS`, and what else was measured."""
    names = dict.fromkeys((*METRICS, *list(measured)[:MOST_FIGURES]))
    return {name: _number(measured.get(name)) for name in names}


def _time(event: Event) -> float:
    """When it happened, seconds since the epoch; 0 where the log does not tell."""
    found = _number(event.get("time"))
    return found if math.isfinite(found) else 0.0


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
