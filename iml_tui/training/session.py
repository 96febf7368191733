"""Training all trials of a run, and writing what happens into its directory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal

from iml_tui.data.dataset import Dataset
from iml_tui.experiments.trials import ClassifierTrial, MLPTrial, Trial
from iml_tui.training.data import DeviceData
from iml_tui.training.ensemble import EnsembleTrainer
from iml_tui.training.group_recorder import GroupRecorder, StepSeries
from iml_tui.training.grouping import group_trials
from iml_tui.training.maps import MapRecorder
from iml_tui.training.run_context import RunContext, TrialEnd
from iml_tui.training.trainer import EpochTrainer, Trainer


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
            if self._context.stop() or not self._train_group(positions):
                return "stopped"
        return "done"

    def _train_group(self, positions: list[int]) -> bool:
        context = self._context
        trials = [self._trials[position] for position in positions]
        trainer = self._trainer(trials)
        with StepSeries(context.directory, positions, trials) as series:
            group = GroupRecorder(
                positions,
                trainer,
                trials[0].samples_per_step(len(self._data.train)),
                series,
                context.events,
                context.stop,
                may_diverge=isinstance(trials[0], MLPTrial),
            )
            group.start()
            logging.info("training %s", "; ".join(trial.name for trial in trials))
            epochs = trials[0].epochs
            maps = MapRecorder(context.directory, self._dataset, positions, epochs, context.events)
            complete = train_epochs(trainer, epochs, group, lambda epoch: maps.record(epoch, trainer))
        record_ends(context, positions, trials, trainer, group, complete)
        return complete

    def _trainer(self, trials: Sequence[MLPTrial | ClassifierTrial]) -> Trainer:
        """What trains the trials of one group."""
        first = trials[0]
        if isinstance(first, ClassifierTrial):
            # Most runs need neither scikit-learn nor XGBoost, which take long to import.
            from iml_tui.training.classifiers import ClassifierTrainer

            return ClassifierTrainer(first, self._dataset)
        return EnsembleTrainer([t for t in trials if isinstance(t, MLPTrial)], self._data, self._context.device.device)


def train_epochs(
    trainer: EpochTrainer,
    epochs: int,
    group: GroupRecorder,
    after_epoch: Callable[[int], None],
) -> bool:
    """Train and measure epoch after epoch; False when the training was stopped before the last.

    Networks whose losses are all non-finite cannot recover, for their parameters no longer hold numbers: a group of
    only such networks ends early. `after_epoch` is told of every whole epoch, after its figures are written.
    """
    for epoch in range(1, epochs + 1):
        group.begin_epoch(epoch)
        outcome = trainer.train_epoch(group.on_progress)
        if not outcome.complete:
            return False
        group.end_epoch(outcome, trainer.evaluate("validation"), trainer.evaluate("test"))
        after_epoch(epoch)
        if group.diverged.all():
            break
        # A trainer asked to stop at the last batch of an epoch has nothing left to break off.
        if epoch < epochs and group.stop_requested():
            return False
    return True


def record_ends(
    context: RunContext,
    positions: Sequence[int],
    trials: Sequence[Trial],
    trainer: EpochTrainer,
    group: GroupRecorder,
    complete: bool,
) -> None:
    """Write what became of the trials of a group, and tell the run; `complete` as `train_epochs` returned it."""
    epochs = group.epochs_done
    for member, (position, trial) in enumerate(zip(positions, trials, strict=True)):
        end: TrialEnd = "diverged" if group.diverged[member] else "done" if complete else "stopped"
        # Of some classifiers the number is known only after the fit.
        context.events.append(
            "trial_finished", trial=position, state=end, parameters=trainer.parameters[member], durable=True
        )
        context.trial_ended(position, end, epochs)
        logging.info("%s: %s after %d epoch%s", trial.name, end, epochs, "" if epochs == 1 else "s")
