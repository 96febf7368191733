"""What the events of a log make of the trials of a run. Their fields are checked: a log may come from anyone."""

from __future__ import annotations

from typing import Any, Final

from iml_tui.experiments.results import (
    METRICS,
    Change,
    EpochMetrics,
    ForkPoint,
    Results,
    TrialProgress,
    TrialResult,
    TrialState,
)
from iml_tui.runs.event_fields import MalformedError, count, finite, items, number, place, text, time_of, whole
from iml_tui.runs.events import Event

MOST_FIGURES: Final = 64
"""Figures of one epoch beyond which a log is not that of a lab."""

_MOST_LOST_EPOCHS: Final = 100_000
"""Lost epochs of a run that gaps are kept for; a hostile log claims any number."""

_ENDS: Final[tuple[TrialState, ...]] = ("done", "stopped", "diverged", "failed")
_SCALARS: Final = (str, int, float, bool, type(None))


class Replay:
    """Fills the trials of `results` from the events of one run, one after the other."""

    def __init__(self, results: Results) -> None:
        self._trials = results.trials
        self._lost_epochs = 0

    def begin(self) -> None:
        """Forget all events: the log is read from its start again."""
        self._lost_epochs = 0
        for trial in self._trials:
            _rewind(trial, 0, 0)
            trial.state, trial.progress = "waiting", TrialProgress()
            trial.parameters, trial.fork = None, None

    def apply(self, event: Event) -> None:
        """Take the next event in; one of another kind, or of a later lab, changes nothing.

        Raises:
            MalformedError: its fields make no sense; nothing was changed.
        """
        match event["type"]:
            case "trial_started":
                trial, parameters = self._trial(event), _parameters(event)
                trial.state = "running"
                trial.parameters = parameters or trial.parameters
            case "progress":
                self._trial(event).progress = TrialProgress(
                    count(event, "epoch"),
                    count(event, "step"),
                    count(event, "steps"),
                    number(event.get("samples_per_second")),
                )
            case "epoch":
                self._add_epoch(self._trial(event), event)
            case "map":
                trial, epoch = self._trial_at_epoch(event)
                # An epoch that a resumed worker repeats replaces what was rewound.
                trial.maps[:] = [*(earlier for earlier in trial.maps if earlier < epoch), epoch]
            case "predictions":
                self._trial(event).has_predictions = True
            case "diverged":
                trial, epoch = self._trial_at_epoch(event)
                trial.diverged_at = epoch, count(event, "batch", least=1)
            case "changed":
                trial = self._trial(event)
                trial.changes.append(_change(event, trial))
            case "forked":
                trial = self._trial(event)
                trial.fork = _fork_point(event, trial)
            case "resumed":
                self._resume(event)
            case "trial_finished":
                trial, parameters = self._trial(event), _parameters(event)
                trial.state = _end(event)
                trial.parameters = parameters or trial.parameters

    def _trial(self, event: Event) -> TrialResult:
        return self._trials[count(event, "trial", most=len(self._trials) - 1)]

    def _trial_at_epoch(self, event: Event) -> tuple[TrialResult, int]:
        """The trial, and the epoch, which counts from 1."""
        trial = self._trial(event)
        return trial, count(event, "epoch", 1, trial.trial.epochs)

    def _add_epoch(self, trial: TrialResult, event: Event) -> None:
        epoch = count(event, "epoch", 1, trial.trial.epochs)
        speed = number(event.get("samples_per_second"))
        measured = EpochMetrics(
            epoch=epoch,
            metrics=_figures(event.get("metrics")),
            seconds=number(event.get("seconds")),
            samples_per_second=speed,
            gradient_norms=[number(norm) for norm in items(event, "gradient_norms")],
            zero_gradients=[whole(steps) for steps in items(event, "zero_gradients")],
        )
        lost = max(0, epoch - 1 - len(trial.epochs))
        if self._lost_epochs + lost > _MOST_LOST_EPOCHS:
            raise MalformedError
        self._lost_epochs += lost
        del trial.epochs[epoch - 1 :]  # An epoch that a resumed worker repeats replaces what was rewound.
        # Epochs lost to damage leave gaps: figures stay with the epoch that they belong to.
        trial.epochs += [EpochMetrics(epoch=gap, metrics={}) for gap in range(len(trial.epochs) + 1, epoch)]
        trial.epochs.append(measured)
        steps = trial.progress.steps
        trial.progress = TrialProgress(epoch, steps, steps, speed)

    def _resume(self, event: Event) -> None:
        positions = [whole(position, most=len(self._trials) - 1) for position in items(event, "trials")]
        epochs, step, steps = place(event)
        for position in positions:
            trial = self._trials[position]
            _rewind(trial, epochs, step)
            trial.state = "running"
            trial.progress = TrialProgress(epochs + 1, step, steps) if step else TrialProgress(epochs, steps, steps)


def _rewind(trial: TrialResult, epochs: int, step: int) -> None:
    """Drop what came after so many whole epochs and so many batches of the next."""
    del trial.epochs[epochs:]
    trial.maps[:] = [epoch for epoch in trial.maps if epoch <= epochs]
    trial.changes[:] = [change for change in trial.changes if (change.epoch - 1, change.step) <= (epochs, step)]
    trial.has_predictions = False  # They are those of the end.
    if trial.diverged_at is not None:
        epoch, batch = trial.diverged_at
        if (epoch - 1, batch) > (epochs, step):
            trial.diverged_at = None


def _end(event: Event) -> TrialState:
    for state in _ENDS:
        if event.get("state") == state:
            return state
    raise MalformedError


def _parameters(event: Event) -> int:
    """0 is a number that is not known yet."""
    return count(event, "parameters") if event.get("parameters") is not None else 0


def _figures(measured: Any) -> dict[str, float]:
    """All of `METRICS`, and what else was measured."""
    if not isinstance(measured, dict):
        raise MalformedError
    names = dict.fromkeys((*METRICS, *list(measured)[:MOST_FIGURES]))
    return {name: number(measured.get(name)) for name in names}


def _change(event: Event, trial: TrialResult) -> Change:
    epoch, step, steps = place(event, trial.trial.epochs)
    return Change(
        epoch=whole(epoch, least=1),
        step=step,
        steps=steps,
        field=text(event, "field"),
        old=finite(event, "old"),
        new=finite(event, "new"),
        time=time_of(event) or 0.0,
    )


def _fork_point(event: Event, trial: TrialResult) -> ForkPoint:
    changes = []
    for change in items(event, "changes"):
        if not isinstance(change, list) or len(change) != 3 or not isinstance(change[0], str):
            raise MalformedError
        if not all(isinstance(value, _SCALARS) for value in change):
            raise MalformedError
        changes.append((change[0], change[1], change[2]))
    steps = count(event, "steps")
    return ForkPoint(
        run=text(event, "run"),
        name=text(event, "name"),
        epochs=count(event, "epochs", most=trial.trial.epochs),
        step=count(event, "step", most=steps),
        steps=steps,
        changes=tuple(changes),
    )
