"""Training all trials of a run, and writing what happens into its directory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from iml_tui.data.dataset import Dataset
from iml_tui.experiments.trials import ClassifierTrial, MLPTrial
from iml_tui.training.data import DeviceData
from iml_tui.training.ensemble import EnsembleTrainer
from iml_tui.training.group import Group, train_group
from iml_tui.training.grouping import group_trials
from iml_tui.training.maps import MapRecorder
from iml_tui.training.run_context import RunContext
from iml_tui.training.trainer import Trainer


class Session:
    """Trains the trials of one run on cities, group after group.

    Args:
        context: the run.
        trials: what to train.
        data: the samples.
    """

    def __init__(self, context: RunContext, trials: Sequence[MLPTrial | ClassifierTrial], data: Dataset) -> None:
        self._context = context
        self._trials = trials
        self._dataset = data
        self._data = DeviceData.from_arrays(
            train=(data.train.coordinates, data.train.labels),
            validation=(data.validation.coordinates, data.validation.labels),
            test=(data.test.coordinates, data.test.labels),
            device=context.device.device,
            classes=data.classes,
        )

    def train(self) -> Literal["done", "stopped"]:
        """Train every trial to its end, or until asked to stop."""
        for positions in group_trials(self._trials):
            if self._context.has_ended(positions):
                continue
            if self._context.stop() or not self._train_group(positions):
                return "stopped"
        return "done"

    def _train_group(self, positions: list[int]) -> bool:
        context = self._context
        trials = [self._trials[position] for position in positions]
        trainer = self._trainer(trials)
        epochs = trials[0].epochs
        maps = MapRecorder(context.directory, self._dataset, positions, epochs, context.events)
        group = Group(
            positions,
            trials,
            trainer,
            trials[0].samples_per_step(len(self._data.train)),
            epochs,
            may_diverge=isinstance(trials[0], MLPTrial),
        )
        return train_group(context, group, lambda epoch: maps.record(epoch, trainer))

    def _trainer(self, trials: Sequence[MLPTrial | ClassifierTrial]) -> Trainer:
        """What trains the trials of one group."""
        first = trials[0]
        if isinstance(first, ClassifierTrial):
            # Most runs need neither scikit-learn nor XGBoost, which take long to import.
            from iml_tui.training.classifiers import ClassifierTrainer

            return ClassifierTrainer(first, self._dataset)
        return EnsembleTrainer([t for t in trials if isinstance(t, MLPTrial)], self._data, self._context.device.device)
