"""Training all trials of a run, and writing what happens into its directory."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.dataset import Dataset
from iml_tui.experiments.trials import MLPTrial
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.reading import BATCH_LOSS
from iml_tui.runs.series import SeriesWriter
from iml_tui.training.data import DeviceData
from iml_tui.training.devices import DeviceChoice
from iml_tui.training.ensemble import EnsembleTrainer, EpochOutcome, Evaluation, Trainer
from iml_tui.training.grouping import group_trials

PROGRESS_SECONDS = 0.5
"""Least time between two progress events of a trial: bars move, the log stays small."""

TrialEnd = Literal["done", "diverged", "stopped"]


class Session:
    """Trains the trials of one run, group after group.

    Args:
        directory: the run, whose lock the caller holds.
        trials: what to train.
        data: the samples.
        device: where.
        events: the run's event log.
        stop: asked several times a second; True ends the training at the next batch.
        trial_ended: told of the position and the end of every trial that was begun, and its whole epochs.
    """

    def __init__(
        self,
        directory: RunDirectory,
        trials: list[MLPTrial],
        data: Dataset,
        device: DeviceChoice,
        events: EventWriter,
        stop: Callable[[], bool],
        trial_ended: Callable[[int, TrialEnd, int], None],
    ) -> None:
        self._directory = directory
        self._trials = trials
        self._device = device
        self._data = DeviceData.from_arrays(
            train=(data.train.coordinates, data.train.labels),
            validation=(data.validation.coordinates, data.validation.labels),
            test=(data.test.coordinates, data.test.labels),
            device=device.device,
            classes=data.classes,
        )
        self._events = events
        self._stop = stop
        self._trial_ended = trial_ended

    def train(self) -> Literal["done", "stopped"]:
        """Train every trial to its end, or until asked to stop."""
        for positions in group_trials(self._trials):
            if self._stop() or not self._train_group(positions):
                return "stopped"
        return "done"

    def _train_group(self, positions: list[int]) -> bool:
        trials = [self._trials[position] for position in positions]
        trainer = EnsembleTrainer(trials, self._data, self._device.device)
        with ExitStack() as stack:
            series = [
                stack.enter_context(closing(SeriesWriter(self._directory.series_file(position, BATCH_LOSS))))
                for position in positions
            ]
            group = GroupRecorder(
                positions, trainer.steps_per_epoch, trials[0].batch_size, series, self._events, self._stop
            )
            group.start()
            logging.info("training %s", ", ".join(trial.name for trial in trials))
            complete = train_epochs(trainer, trials[0].epochs, group)
        for member, position in enumerate(positions):
            end: TrialEnd = "diverged" if group.diverged[member] else "done" if complete else "stopped"
            self._events.append("trial_finished", trial=position, state=end, durable=True)
            self._trial_ended(position, end, group.epochs_done)
            logging.info("%s: %s after %d epochs", trials[member].name, end, group.epochs_done)
        return complete


def train_epochs(trainer: Trainer, epochs: int, group: GroupRecorder) -> bool:
    """Train and measure epoch after epoch; False when the training was stopped before the last.

    Networks whose losses are all non-finite cannot recover, for their parameters no longer hold numbers: a group of
    only such networks ends early.
    """
    for epoch in range(1, epochs + 1):
        group.begin_epoch(epoch)
        outcome = trainer.train_epoch(group.on_progress)
        if not outcome.complete:
            return False
        group.end_epoch(outcome, trainer.evaluate("validation"), trainer.evaluate("test"))
        if group.diverged.all():
            break
        # A trainer asked to stop at the last batch of an epoch has nothing left to break off.
        if epoch < epochs and group.stop_requested():
            return False
    return True


class GroupRecorder:
    """Writes events and series for the trials of one group while they train together.

    Attributes:
        diverged: per member, whether a batch loss was not finite; boolean, shape (members,).
        epochs_done: whole epochs so far.
    """

    def __init__(
        self,
        positions: list[int],
        steps_per_epoch: int,
        batch_size: int,
        series: list[SeriesWriter],
        events: EventWriter,
        stop: Callable[[], bool],
    ) -> None:
        self._positions = positions
        self._steps_per_epoch = steps_per_epoch
        self._batch_size = batch_size
        self._series = series
        self._events = events
        self._stop = stop
        self._epoch = 0
        self._epoch_began = 0.0
        self._last_progress = 0.0
        self.diverged: NDArray[np.bool_] = np.zeros(len(positions), dtype=np.bool_)
        self.epochs_done = 0

    def start(self) -> None:
        """Tell that the trials begin."""
        for position in self._positions:
            self._events.append("trial_started", trial=position)

    def begin_epoch(self, epoch: int) -> None:
        """An epoch, counted from 1, begins."""
        self._epoch = epoch
        self._epoch_began = time.perf_counter()

    def on_progress(self, steps_done: int, losses: NDArray[np.float32]) -> bool:
        """Keep the batch losses, shape (steps, members), since the last call; False asks the trainer to stop."""
        for member, writer in enumerate(self._series):
            writer.append(losses[:, member])
        self._find_divergence(steps_done - len(losses), losses)
        now = time.perf_counter()
        if now - self._last_progress >= PROGRESS_SECONDS:
            self._last_progress = now
            self._report_progress(steps_done, now - self._epoch_began)
        return not self.stop_requested()

    def stop_requested(self) -> bool:
        """Whether anyone has asked the run to stop."""
        return self._stop()

    def end_epoch(self, outcome: EpochOutcome, validation: Evaluation, test: Evaluation) -> None:
        """Write the figures of a whole epoch."""
        self.epochs_done = self._epoch
        for member, position in enumerate(self._positions):
            metrics = {
                "train_loss": float(outcome.train_loss[member]),
                "train_accuracy": float(outcome.train_accuracy[member]),
                "validation_loss": float(validation.loss[member]),
                "validation_accuracy": float(validation.accuracy[member]),
                "test_loss": float(test.loss[member]),
                "test_accuracy": float(test.accuracy[member]),
            }
            self._events.append(
                "epoch",
                trial=position,
                epoch=self._epoch,
                metrics=metrics,
                seconds=outcome.seconds,
                samples_per_second=outcome.samples / outcome.seconds,
                durable=member == len(self._positions) - 1,
            )

    def _find_divergence(self, steps_before: int, losses: NDArray[np.float32]) -> None:
        for member in np.flatnonzero(~np.isfinite(losses).all(axis=0) & ~self.diverged):
            self.diverged[member] = True
            first = int(np.flatnonzero(~np.isfinite(losses[:, member]))[0])
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
                samples_per_second=steps_done * self._batch_size / seconds,
            )
