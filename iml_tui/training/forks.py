"""Where the trials of a fork begin: at the state that another run's trials had."""

from __future__ import annotations

from collections.abc import Sequence

from iml_tui.errors import LabError
from iml_tui.experiments.trials import FaceTrial, MLPTrial, Trial
from iml_tui.runs.checkpoints import Checkpoint, read_fork
from iml_tui.runs.record import ForkRecord
from iml_tui.training.checkpoints import Saved, unpack
from iml_tui.training.ensemble import EnsembleTrainer
from iml_tui.training.forking import take_members
from iml_tui.training.run_context import RunContext
from iml_tui.training.trainer import EpochTrainer


def forked_state(
    context: RunContext, fork: ForkRecord, positions: Sequence[int], trials: Sequence[Trial], trainer: EpochTrainer
) -> Saved:
    """The state that trials of a fork begin with, given to their trainer, which has their own settings.

    Raises:
        LabError: the fork's copy of the checkpoint cannot be read, or does not fit.
    """
    checkpoint = read_fork(context.directory.fork_file)
    saved = unpack(checkpoint.read())
    members = [fork.members[position] for position in positions]
    if isinstance(trainer, EnsembleTrainer):
        state = take_members(
            saved.trainer,
            [parent for parent in fork.parent_trials if isinstance(parent, MLPTrial)],
            members,
            [trial for trial in trials if isinstance(trial, MLPTrial)],
            trainer.data,
            context.device.device,
        )
        trainer.restore(state)
    else:
        trainer.restore(saved.trainer)
        [trial] = trials
        if not isinstance(trial, FaceTrial) or trial.learning_rate is None:
            raise LabError(f"{trial.name} cannot be forked")
        trainer.change(0, "learning_rate", trial.learning_rate)
    diverged = list(saved.recorder["diverged"])
    return Saved(
        trainer=trainer.state(between_epochs=False) or {},
        recorder={**saved.recorder, "diverged": [diverged[member] for member in members]},
        series=_lengths(checkpoint, saved, positions, members),
    )


def _lengths(checkpoint: Checkpoint, saved: Saved, positions: Sequence[int], members: Sequence[int]) -> dict[str, int]:
    """Values in the series of the fork: as many as the parent's had."""
    assert checkpoint.header is not None
    lengths = {}
    for position, member in zip(positions, members, strict=True):
        parent = f"{checkpoint.header.trials[member]:03d}."
        for name, count in saved.series.items():
            if name.startswith(parent):
                lengths[f"{position:03d}.{name.removeprefix(parent)}"] = count
    return lengths
