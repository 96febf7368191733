"""Where the training of a group begins: at the initial weights, at a checkpoint of its own, or at that of a fork."""

from __future__ import annotations

from collections.abc import Sequence

from iml_tui.errors import LabError
from iml_tui.experiments.trials import Trial
from iml_tui.training.checkpoints import Saved, read_newest
from iml_tui.training.forks import forked_state
from iml_tui.training.run_context import RunContext
from iml_tui.training.trainer import EpochTrainer


def starting_state(
    context: RunContext, positions: Sequence[int], trials: Sequence[Trial], trainer: EpochTrainer
) -> Saved | None:
    """The state that a group goes on from, given to its trainer; None where it begins at its initial weights.

    Raises:
        LabError: an earlier worker left checkpoints that cannot be read, or they are gone. The run never begins anew
            in silence.
    """
    if context.earlier is not None:
        saved = _own_state(context, positions, trials)
        if saved is not None:
            _refuse_unfit(saved, trials, trainer.steps_per_epoch)
            trainer.restore(saved.trainer)
            return saved
    if context.fork is not None:
        return forked_state(context, context.fork, positions, trials, trainer)
    return None


def _own_state(context: RunContext, positions: Sequence[int], trials: Sequence[Trial]) -> Saved | None:
    assert context.earlier is not None
    store = context.store
    store.clean()
    files = store.of(positions)
    known = any(file.header is not None for file in files)
    if not known and not context.earlier.saved.intersection(positions):
        return None
    found = read_newest(files, context.preparation.warn)
    if found is None:
        raise LabError(
            f"the run cannot go on: the checkpoints of {trials[0].name} are gone from {context.directory.checkpoints}; "
            "what it measured is kept"
        )
    return found


def _refuse_unfit(saved: Saved, trials: Sequence[Trial], steps: int) -> None:
    """Refuse a state that these trials cannot have had: a run directory may come from someone else."""
    epochs, step = saved.recorder.get("epochs"), saved.recorder.get("step")
    fits = isinstance(epochs, int) and isinstance(step, int) and 0 <= epochs <= trials[0].epochs and 0 <= step <= steps
    # Of each step a value a layer at most.
    most = max(getattr(trial, "hidden_layers", 0) + 1 for trial in trials) * steps * trials[0].epochs
    if not fits or any(not 0 <= count <= most for count in saved.series.values()):
        raise LabError(f"the run cannot go on: its checkpoint is not one of {trials[0].name}")
