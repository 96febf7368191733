"""Training trials together from where they stand to their end: epoch after epoch, saved, paused, changed, resumed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from iml_tui.errors import LabError
from iml_tui.experiments.trials import ClassifierTrial, Trial
from iml_tui.runs.checkpoints import Reason
from iml_tui.training.changes import Changes
from iml_tui.training.checkpoints import Checkpointer, Saved
from iml_tui.training.group_recorder import GroupRecorder, StepSeries
from iml_tui.training.preparation import StoppedError
from iml_tui.training.run_context import RunContext, TrialEnd
from iml_tui.training.starting import starting_state
from iml_tui.training.trainer import EpochOutcome, EpochTrainer


@dataclass(frozen=True)
class Group:
    """Trials that train together.

    Attributes:
        positions: of the trials in the run, in the order of the trainer's members.
        trials: what is trained.
        trainer: trains them.
        samples_per_step: samples of a whole batch.
        epochs: how many are planned.
        may_diverge: whether a step without a loss tells that a network diverged.
    """

    positions: Sequence[int]
    trials: Sequence[Trial]
    trainer: EpochTrainer
    samples_per_step: int
    epochs: int
    may_diverge: bool = True


def train_group(
    context: RunContext,
    group: Group,
    after_epoch: Callable[[int], None],
    completed: Callable[[GroupRecorder], None] = lambda recorder: None,
) -> bool:
    """Train to the end, or until the run is to stop, and write what became of the trials; False where it was stopped.

    Networks whose losses are all non-finite cannot recover, for their parameters no longer hold numbers: a group of
    only such networks ends early.

    Args:
        context: the run.
        group: what is trained; its trainer is new.
        after_epoch: told of every whole epoch, after its figures are written.
        completed: called when the training came to its end, before that is told.

    Raises:
        LabError: the checkpoints of an earlier worker cannot be read, or the device has too little memory.
        OSError: the run's directory cannot be written.
    """
    saved = starting_state(context, group.positions, group.trials, group.trainer)
    lengths = saved.series if saved else {}
    with StepSeries(context.directory, group.positions, group.trials, lengths) as series:
        training = _GroupTraining(context, group, series)
        training.begin(saved)
        logging.info("training %s", "; ".join(trial.name for trial in group.trials))
        try:
            complete = training.train(after_epoch)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise _too_little_memory(context, group.trials[0]) from error
        if complete:
            completed(training.recorder)
    training.end(complete)
    return complete


class _GroupTraining:
    """One group while it trains."""

    def __init__(self, context: RunContext, group: Group, series: StepSeries) -> None:
        self._context, self._group, self._series = context, group, series
        self._trainer = group.trainer
        self.recorder = GroupRecorder(
            list(group.positions),
            group.trainer,
            group.samples_per_step,
            series,
            context.events,
            self._interrupted,
            may_diverge=group.may_diverge,
        )
        self._checkpointer = Checkpointer(context.store, context.events, group.positions, group.trainer.steps_per_epoch)
        self._changes = Changes(
            context.directory.control,
            group.positions,
            group.trials,
            group.trainer,
            context.events,
            context.preparation.warn,
        )
        self._known_bad = 0
        self._measuring = False

    def begin(self, saved: Saved | None) -> None:
        """Go on from a state, or from the beginning; the readers of the run are told."""
        resuming = self._context.earlier is not None
        if saved is not None:
            self.recorder.restore(saved.recorder)
            self._known_bad = int(self.recorder.diverged.sum())
        if resuming:
            self._tell_resumed()
        if self._series.padded:
            self._context.preparation.warn(
                f"{self._series.padded:,} values of the step-level series never got to the disk, as after a power cut; "
                "they are missing from the charts."
            )
        if saved is None or not resuming:
            self._save("start", between_epochs=self.recorder.step == 0)
        self.recorder.start()

    def _tell_resumed(self) -> None:
        earlier = self._context.earlier
        assert earlier is not None
        self._context.events.append(
            "resumed",
            trials=list(self._group.positions),
            epoch=self.recorder.epochs_done,
            step=self.recorder.step,
            steps=self._trainer.steps_per_epoch,
            exact=earlier.exact,
            reason=earlier.reason,
            durable=True,
        )
        self._context.resumed()

    def train(self, after_epoch: Callable[[int], None]) -> bool:
        """Train and measure epoch after epoch; False when the training was stopped before the last."""
        epochs = self._group.epochs
        for epoch in range(self.recorder.epochs_done + 1, epochs + 1):
            outcome = self._train_epoch(epoch)
            if outcome is None or not self._measure(outcome):
                self._save("stop", between_epochs=False)
                return False
            after_epoch(epoch)
            if self.recorder.diverged.all():
                return True
            last = epoch == epochs
            # A trainer asked to stop at the last batch of an epoch has nothing left to break off.
            stopping = not last and self._context.stop()
            self._save("end" if last else "stop" if stopping else "epoch", between_epochs=True)
            if stopping:
                return False
        return True

    def _train_epoch(self, epoch: int) -> EpochOutcome | None:
        """One epoch; None where it was broken off."""
        self.recorder.begin_epoch(epoch)
        outcome = self._trainer.train_epoch(self.recorder.on_progress)
        if not outcome.complete:
            return None
        return replace(outcome, seconds=max(outcome.seconds - self.recorder.paused_seconds, 1e-9))

    def _measure(self, outcome: EpochOutcome) -> bool:
        """Measure what an epoch gave; False where the run is to stop before that is done."""
        try:
            validation, test = self._trainer.evaluate("validation"), self._trainer.evaluate("test")
        except StoppedError:
            return False
        self.recorder.end_epoch(outcome, validation, test)
        return True

    def _interrupted(self, epoch: int, step: int) -> bool:
        """Between two batches: serve what was asked for, and save what is due; True stops."""
        bad = int(self.recorder.diverged.sum())
        if bad > self._known_bad:
            self._checkpointer.keep_good(*self.recorder.spoilt_at)
            self._known_bad = bad
        served = self._changes.serve(epoch, step, self._trainer.steps_per_epoch, self.recorder.served)
        if served:
            self.recorder.served = [path.name for path in served]
            self._save("change", between_epochs=False)
            _remove(served)
        self.recorder.served = []
        if self._context.pause.asked():
            self._save("pause", between_epochs=False)
            self.recorder.paused_seconds += self._context.pause.wait()
        elif self._checkpointer.due:
            self._save("time", between_epochs=False)
        return self._context.stop()

    def _save(self, reason: Reason, *, between_epochs: bool) -> None:
        state = self._trainer.state(between_epochs=between_epochs)
        if state is None:
            return
        self._series.sync()
        recorder = self.recorder
        step = 0 if between_epochs else recorder.step
        saved = Saved(state, recorder.state(between_epochs=between_epochs), self._series.lengths)
        self._checkpointer.write(saved, recorder.epochs_done, step, reason)

    def end(self, complete: bool) -> None:
        """Write what became of the trials, and tell the run."""
        epochs = self.recorder.epochs_done
        for member, (position, trial) in enumerate(zip(self._group.positions, self._group.trials, strict=True)):
            end: TrialEnd = "diverged" if self.recorder.diverged[member] else "done" if complete else "stopped"
            # Of some classifiers the number is known only after the fit.
            parameters = self._trainer.parameters[member]
            self._context.events.append(
                "trial_finished", trial=position, state=end, parameters=parameters, durable=True
            )
            self._context.trial_ended(position, end, epochs)
            logging.info("%s: %s after %d epoch%s", trial.name, end, epochs, "" if epochs == 1 else "s")
        if complete:
            self._checkpointer.end()


def _remove(files: Sequence[Path]) -> None:
    for file in files:
        with suppress(FileNotFoundError):
            file.unlink()


def _too_little_memory(context: RunContext, trial: Trial) -> LabError:
    """The error that says what to try."""
    where = context.device.name
    batch_size = getattr(trial, "batch_size", 1)
    smaller = f"try a batch size of {batch_size // 2}" if batch_size > 1 else "its batch size is 1 already"
    others = "" if isinstance(trial, ClassifierTrial) else ", fewer seeds at once"
    return LabError(f"{where} has too little memory for {trial.name}; {smaller}{others}, or device cpu")
