"""Writing what happens to trials that train together: events, and a value for every step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from iml_tui.errors import LabError
from iml_tui.experiments.trials import BATCH_LOSS, RUNNING_ACCURACY, MLPTrial, Trial
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.reading import LOG_GRADIENT_NORMS
from iml_tui.runs.series import SeriesWriter
from iml_tui.training.trainer import EpochOutcome, EpochTrainer, Evaluation

PROGRESS_SECONDS = 0.5
"""Least time between two progress events of a trial: bars move, the log stays small."""


class StepSeries:
    """The step-level series of the members of one group, open while it trains: those of `Trial.step_series`.

    Of each perceptron the batch losses are kept and, where recorded, log10 of the squared norms of its layers'
    gradients, all layers of the first step, then of the second; of networks on pictures also the running accuracies.
    A classifier that is fitted in one step has no series.

    Args:
        directory: the run.
        positions: of the trials in the run.
        trials: of which series are kept.
        lengths: values of each series that are kept of what an earlier worker left, by name; the others begin anew.
    """

    def __init__(
        self,
        directory: RunDirectory,
        positions: Sequence[int],
        trials: Sequence[Trial],
        lengths: Mapping[str, int] | None = None,
    ) -> None:
        self._files = ExitStack()
        self._kept = lengths or {}
        self._writers: dict[str, SeriesWriter] = {}
        self._losses: list[SeriesWriter] = []
        self._norms: list[SeriesWriter] = []
        self._accuracies: list[SeriesWriter] = []
        for position, trial in zip(positions, trials, strict=True):
            if BATCH_LOSS in trial.step_series:
                self._losses.append(self._open(directory, position, BATCH_LOSS))
            if RUNNING_ACCURACY in trial.step_series:
                self._accuracies.append(self._open(directory, position, RUNNING_ACCURACY))
            if isinstance(trial, MLPTrial) and trial.record_gradients:
                self._norms.append(self._open(directory, position, LOG_GRADIENT_NORMS))

    def _open(self, directory: RunDirectory, position: int, name: str) -> SeriesWriter:
        path = directory.series_file(position, name)
        writer = SeriesWriter(path, keep=self._kept.get(path.name, 0))
        self._writers[path.name] = writer
        return self._files.enter_context(closing(writer))

    @property
    def lengths(self) -> dict[str, int]:
        """Values in each series so far, by the name of its file."""
        return {name: writer.count for name, writer in self._writers.items()}

    @property
    def padded(self) -> int:
        """Values of an earlier worker that did not get to the disk, in all series together."""
        return sum(writer.padded for writer in self._writers.values())

    def sync(self) -> None:
        """Wait until all values are on disk."""
        for writer in self._writers.values():
            writer.sync()

    def append(
        self,
        losses: NDArray[np.float32],
        norms: NDArray[np.float32] | None,
        running_accuracies: NDArray[np.float32] | None = None,
    ) -> None:
        """Keep losses [k, E], norms [k, E, L], accuracies [k, E] of k steps. Raises OSError where the disk is full."""
        for member, writer in enumerate(self._losses):
            writer.append(losses[:, member])
        if norms is not None:
            for member, writer in enumerate(self._norms):
                writer.append(norms[:, member].ravel())
        if running_accuracies is not None:
            for member, writer in enumerate(self._accuracies):
                writer.append(running_accuracies[:, member])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()


class GroupRecorder:
    """Writes events and series for the trials of one group while they train together.

    `interrupted` is asked after every block of steps, with the epoch (from 1) and the steps done in it: True stops.

    Attributes:
        diverged: per member, whether a batch loss was not finite; boolean, shape (members,).
        spoilt_at: epoch and batch, from 1, of the first loss that was not finite in the last block that had such.
        epochs_done: whole epochs so far.
        step: batches of the next epoch so far.
        paused_seconds: for how long that epoch paused.
        served: names of the requests to change something that were served and are not removed yet.
    """

    def __init__(
        self,
        positions: list[int],
        trainer: EpochTrainer,
        samples_per_step: int,
        series: StepSeries,
        events: EventWriter,
        interrupted: Callable[[int, int], bool],
        may_diverge: bool = True,
    ) -> None:
        self._positions = positions
        self._parameters = trainer.parameters
        self._steps_per_epoch = trainer.steps_per_epoch
        self._samples_per_step = samples_per_step
        self._series = series
        self._events = events
        self._interrupted = interrupted
        self._may_diverge = may_diverge
        self._epoch = 0
        self._began = 0.0
        self._steps_before = 0
        self._last_progress = 0.0
        self.diverged: NDArray[np.bool_] = np.zeros(len(positions), dtype=np.bool_)
        self.spoilt_at = (1, 1)
        self.epochs_done = 0
        self.step = 0
        self.paused_seconds = 0.0
        self.served: list[str] = []

    def state(self, *, between_epochs: bool) -> dict[str, Any]:
        """What a checkpoint keeps: numbers and lists. With `between_epochs`, nothing of an epoch that has begun."""
        return {
            "epochs": self.epochs_done,
            "step": 0 if between_epochs else self.step,
            "paused_seconds": 0.0 if between_epochs else self.paused_seconds,
            "diverged": self.diverged.tolist(),
            "served": list(self.served),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state.

        Raises:
            LabError: it is not that of as many trials.
        """
        if len(state["diverged"]) != len(self._positions):
            raise LabError(f"the checkpoint is of {len(state['diverged'])} trials, not of {len(self._positions)}")
        self.epochs_done, self.step = int(state["epochs"]), int(state["step"])
        self.paused_seconds = float(state["paused_seconds"])
        self.diverged = np.array(state["diverged"], dtype=np.bool_)
        self.served = [str(name) for name in state["served"]]

    def start(self) -> None:
        """Tell that the trials begin, and how many trainable parameters each has."""
        for position, parameters in zip(self._positions, self._parameters, strict=True):
            self._events.append("trial_started", trial=position, parameters=parameters)

    def begin_epoch(self, epoch: int) -> None:
        """An epoch, counted from 1, begins, or goes on where an earlier worker left it."""
        self._epoch = epoch
        self._steps_before = self.step
        self._began = time.perf_counter() - self.paused_seconds

    def on_progress(
        self,
        steps_done: int,
        losses: NDArray[np.float32],
        norms: NDArray[np.float32] | None = None,
        running_accuracies: NDArray[np.float32] | None = None,
        /,
    ) -> bool:
        """Keep what the steps since the last call gave; False asks the trainer to stop.

        Args:
            steps_done: steps of this epoch.
            losses: batch losses [k, E].
            norms: log10 of the squared norms of the layers' gradients [k, E, L].
            running_accuracies: accuracies over the samples of the epoch up to each step [k, E].
        """
        self._series.append(losses, norms, running_accuracies)
        self.step = steps_done
        if self._may_diverge:
            self._find_divergence(steps_done - len(losses), losses)
        now = time.perf_counter()
        if now - self._last_progress >= PROGRESS_SECONDS:
            self._last_progress = now
            self._report_progress(steps_done, now - self._began - self.paused_seconds)
        return not self._interrupted(self._epoch, steps_done)

    def end_epoch(self, outcome: EpochOutcome, validation: Evaluation, test: Evaluation) -> None:
        """Write the figures of a whole epoch."""
        self.epochs_done, self.step, self.paused_seconds = self._epoch, 0, 0.0
        for member, position in enumerate(self._positions):
            metrics = {
                "train_loss": float(outcome.train_loss[member]),
                "train_accuracy": float(outcome.train_accuracy[member]),
                "validation_loss": float(validation.loss[member]),
                "validation_accuracy": float(validation.accuracy[member]),
                "test_loss": float(test.loss[member]),
                "test_accuracy": float(test.accuracy[member]),
                **{
                    name: float(values[member]) for split in (validation, test) for name, values in split.others.items()
                },
            }
            self._events.append(
                "epoch",
                trial=position,
                epoch=self._epoch,
                metrics=metrics,
                seconds=outcome.seconds,
                samples_per_second=outcome.samples / outcome.seconds,
                durable=member == len(self._positions) - 1,
                **_gradients(outcome, member),
            )

    def _find_divergence(self, steps_before: int, losses: NDArray[np.float32]) -> None:
        newly = np.flatnonzero(~np.isfinite(losses).all(axis=0) & ~self.diverged)
        firsts = [int(np.flatnonzero(~np.isfinite(losses[:, member]))[0]) for member in newly]
        if firsts:
            self.spoilt_at = self._epoch, steps_before + min(firsts) + 1
        for member, first in zip(newly, firsts, strict=True):
            self.diverged[member] = True
            self._events.append(
                "diverged",
                trial=self._positions[member],
                epoch=self._epoch,
                batch=steps_before + first + 1,
            )

    def _report_progress(self, steps_done: int, seconds: float) -> None:
        for position in self._positions:
            self._events.append(
                "progress",
                trial=position,
                epoch=self._epoch,
                step=steps_done,
                steps=self._steps_per_epoch,
                samples_per_second=(steps_done - self._steps_before) * self._samples_per_step / max(seconds, 1e-9),
            )


def _gradients(outcome: EpochOutcome, member: int) -> dict[str, list[float] | list[int]]:
    """What the epoch event says of one member's gradients; nothing where they are not recorded."""
    if outcome.gradient_norms is None or outcome.zero_gradients is None:
        return {}
    return {
        "gradient_norms": [float(norm) for norm in outcome.gradient_norms[member]],
        "zero_gradients": [int(count) for count in outcome.zero_gradients[member]],
    }
