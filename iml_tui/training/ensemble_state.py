"""What is kept of an ensemble in training, so that another goes on exactly where it stood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from iml_tui.training.current_epoch import CurrentEpoch, epoch_problem, kept_epoch
from iml_tui.training.trainer import TrainerState
from iml_tui.training.trainer_state import difference, kept, misfit, other_values

if TYPE_CHECKING:
    from iml_tui.training.ensemble import EnsembleTrainer


def ensemble_state(trainer: EnsembleTrainer, between_epochs: bool) -> TrainerState:
    """The state of a trainer, as `EpochTrainer.state` describes it.

    - `seeds`, `rows`: of the members, and the number of training samples; they are to be the same.
    - `optimizer`: parameters and Adam's moments, each [E, P], the steps, and every member's changeable settings.
    - `statistics`, `batches`: of each layer of batch normalisation.
    - `average`: of the weights; None without.
    - `generators`: of the order of the samples, one for each distinct seed, as they were after the last order.
    - `epoch`: `orders`, one for each distinct seed (int32 [rows]), and `sums`; None where no epoch was begun.
    """
    optimizer, average = trainer.optimizer, trainer.average
    return {
        "kind": "ensemble",
        "seeds": [trial.seed for trial in trainer.trials],
        "rows": len(trainer.data.train),
        "optimizer": {
            "parameters": kept(optimizer.flat),
            "mean": kept(optimizer.mean),
            "square": kept(optimizer.square),
            "steps": optimizer.steps,
            "settings": {field: list(values) for field, values in optimizer.settings.items()},
        },
        "statistics": [kept(tensor) for tensor in trainer.network.statistics],
        "batches": list(trainer.network.batches),
        "average": average and {"averages": [kept(tensor) for tensor in average.averages], "steps": average.steps},
        "generators": [generator.get_state() for generator in trainer.shuffle.generators],
        "epoch": kept_epoch(trainer.epoch, between_epochs),
    }


@torch.no_grad()
def restore_ensemble(trainer: EnsembleTrainer, state: TrainerState) -> None:
    """Take a state over.

    Raises:
        LabError: it does not fit the trials; nothing has been taken over.
    """
    problem = _problem(trainer, state)
    if problem:
        raise misfit([trial.name for trial in trainer.trials], problem)
    optimizer, found = trainer.optimizer, state["optimizer"]
    # Copied in place: the network's parameters are views of the buffer, and others hold the buffers, too.
    for buffer, name in ((optimizer.flat, "parameters"), (optimizer.mean, "mean"), (optimizer.square, "square")):
        buffer.copy_(found[name])
    optimizer.steps = found["steps"]
    optimizer.set(found["settings"])
    for tensor, value in zip(trainer.network.statistics, state["statistics"], strict=True):
        tensor.copy_(value)
    trainer.network.batches = state["batches"]
    if trainer.average:
        trainer.average.restore(state["average"]["averages"], state["average"]["steps"])
    for generator, value in zip(trainer.shuffle.generators, state["generators"], strict=True):
        generator.set_state(value.cpu())
    trainer.epoch = None if state["epoch"] is None else CurrentEpoch.restored(state["epoch"])
    trainer.shuffle.orders = trainer.epoch.orders if trainer.epoch else []


def _problem(trainer: EnsembleTrainer, state: TrainerState) -> str:
    """Why the trainer cannot take the state over; "" where it can."""
    if not isinstance(state, dict):
        return "it is none"
    epoch = state.get("epoch")
    expected = ensemble_state(trainer, between_epochs=True) | {"epoch": epoch}
    seeds, rows = len(trainer.shuffle.seeds), len(trainer.data.train)
    return (
        difference(state, expected)
        or other_values(state, expected, ("kind", "seeds", "rows"))
        or epoch_problem(epoch, seeds, rows, trainer.batch_size, trainer.no_sums())
    )
