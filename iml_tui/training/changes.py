"""Serving requests to change hyperparameters of trials while they train."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Sequence
from pathlib import Path

from iml_tui.experiments.changes import check_change
from iml_tui.experiments.trials import Trial
from iml_tui.runs import control
from iml_tui.runs.control import ChangeRequest
from iml_tui.runs.events import EventWriter
from iml_tui.training.trainer import EpochTrainer


class Changes:
    """The requests in `control/` that are about the trials of one group.

    Args:
        directory: the run's `control/`.
        positions: the trials' positions in the run.
        trials: in the order of the trainer's members.
        trainer: trains them.
        events: the run's event log.
        warn: told in a sentence of a request that cannot be served.
    """

    def __init__(
        self,
        directory: Path,
        positions: Sequence[int],
        trials: Sequence[Trial],
        trainer: EpochTrainer,
        events: EventWriter,
        warn: Callable[[str], None],
    ) -> None:
        self._directory, self._positions, self._trials = directory, list(positions), trials
        self._trainer, self._events, self._warn = trainer, events, warn

    def serve(self, epoch: int, step: int, steps: int, served_before: Container[str] = ()) -> list[Path]:
        """Change what was asked for, `step` of `steps` batches of `epoch` (from 1) being done.

        Returns:
            The files of the requests, to be removed once the changes are in a checkpoint: a worker that is killed
            before that is asked again. One that is killed right after that is not: names in `served_before` are of
            requests whose changes the checkpoint holds that this worker began with.
        """
        served = []
        for path, request in control.pending_changes(self._directory):
            if path.name in served_before:
                problem = ""
            elif isinstance(request, str):
                problem = request
            else:
                problem = self._serve(request, epoch, step, steps)
            if problem:
                self._warn(f"Nothing was changed: {problem}.")
            served.append(path)
        return served

    def _serve(self, request: ChangeRequest, epoch: int, step: int, steps: int) -> str:
        """Why the request cannot be served; "" where it was."""
        if request.trial not in self._positions:
            return f"trial {request.trial + 1} does not train now"
        member = self._positions.index(request.trial)
        trial = self._trials[member]
        problem = check_change(trial, request.field, request.value)
        if problem:
            return problem
        if request.field not in self._trainer.changeable:
            return f"{request.field} of {trial.name} cannot be changed while it trains"
        old = self._trainer.change(member, request.field, request.value)
        logging.info("%s: %s %g became %g", trial.name, request.field, old, request.value)
        self._events.append(
            "changed",
            trial=request.trial,
            epoch=epoch,
            step=step,
            steps=steps,
            field=request.field,
            old=old,
            new=request.value,
            durable=True,
        )
        return ""
