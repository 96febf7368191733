"""Networks taken out of an ensemble in training, to go on in another: what a fork of a run starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from iml_tui.experiments.changes import forkable_fields
from iml_tui.experiments.trials import MLPTrial
from iml_tui.networks.ensemble import EnsembleMLP
from iml_tui.training import epoch_sums
from iml_tui.training.data import DeviceData
from iml_tui.training.ensemble import EnsembleTrainer
from iml_tui.training.optimizer import CHANGEABLE, EnsembleAdam
from iml_tui.training.shuffle import Shuffle
from iml_tui.training.trainer import TrainerState
from iml_tui.training.trainer_state import kept, misfit, other_values

_NAMES: Final = {"name", "label", "model"}


def take_members(
    state: TrainerState,
    parents: Sequence[MLPTrial],
    members: Sequence[int],
    trials: Sequence[MLPTrial],
    data: DeviceData,
    device: torch.device,
) -> TrainerState:
    """The state for an `EnsembleTrainer` of `trials`, each of which goes on where a member of another ensemble stood.

    Parameters, Adam's moments, running averages of batch normalisation and of the weights, the order of the samples and
    the sums of the epoch are the parents'; learning rates, weight decays and clip norms are those of `trials`. Their
    numbers of epochs and schedulers may differ, too: they say what the rest of the training is like.

    Args:
        state: of the ensemble of `parents`, between epochs or in the middle of one.
        parents: the trials of that ensemble, in its order.
        members: for each of `trials`, the position of its parent in `parents`; one may be taken more than once.
        trials: in the order of their ensemble, deepest first.
        data: what the parents were trained on.
        device: where the networks are put together.

    Raises:
        LabError: the state is not one of the parents, or a trial differs from its parent in more than may be.
    """
    _check_trials(parents, members, trials)
    regroup = _Regroup(state, parents, members, data, device)
    optimizer, average = state["optimizer"], state["average"]
    flat, statistics = regroup(optimizer["parameters"], state["statistics"])
    mean, square = (regroup(optimizer[name], state["statistics"])[0] for name in ("mean", "square"))
    taken_average = None
    if average is not None:
        first, *others = average["averages"]
        first, others = regroup(first, others)
        taken_average = {"averages": [first, *others], "steps": average["steps"]}
    orders = _orders_of(parents, members)
    epoch = state["epoch"]
    return {
        "kind": state["kind"],
        "seeds": [trial.seed for trial in trials],
        "rows": state["rows"],
        "optimizer": {
            "parameters": flat,
            "mean": mean,
            "square": square,
            "steps": optimizer["steps"],
            "settings": {field: [float(getattr(trial, field)) for trial in trials] for field in CHANGEABLE},
        },
        "statistics": statistics,
        # A shallower ensemble has fewer layers, each with two running averages; all have seen as many batches.
        "batches": state["batches"][: len(statistics) // 2],
        "average": taken_average,
        "generators": [state["generators"][order] for order in orders],
        "epoch": epoch
        and {
            "orders": [epoch["orders"][order] for order in orders],
            "sums": epoch_sums.taken(epoch["sums"], members),
        },
    }


class _Regroup:
    """Takes members out of the buffers of one ensemble and puts them together to those of another.

    Every buffer has the layout of the parameters, so each is read as if it were the parameters of a network.

    Raises:
        LabError: the state is not one of the parents.
    """

    def __init__(
        self,
        state: TrainerState,
        parents: Sequence[MLPTrial],
        members: Sequence[int],
        data: DeviceData,
        device: torch.device,
    ) -> None:
        trainer = EnsembleTrainer(parents, data, device, data.train.coordinates.dtype)
        trainer.restore(state)
        self._network, self._parameters, self._members = trainer.network, trainer.optimizer.flat, list(members)

    @torch.no_grad()
    def __call__(self, buffer: Tensor, statistics: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The members' part of a buffer [E, P] and of the running averages that go with it."""
        self._parameters.copy_(buffer)
        for tensor, value in zip(self._network.statistics, statistics, strict=True):
            tensor.copy_(value)
        taken = EnsembleMLP([self._network.member(member) for member in self._members])
        flat = EnsembleAdam(taken.parameters(), [0.0] * len(self._members)).flat
        return kept(flat), [kept(tensor) for tensor in taken.statistics]


def _orders_of(parents: Sequence[MLPTrial], members: Sequence[int]) -> list[int]:
    """For each distinct seed of the members, in their order: which of the parents' distinct seeds it is."""
    there = Shuffle([parent.seed for parent in parents]).seeds
    return [there.index(seed) for seed in Shuffle([parents[member].seed for member in members]).seeds]


def _check_trials(parents: Sequence[MLPTrial], members: Sequence[int], trials: Sequence[MLPTrial]) -> None:
    for member, trial in zip(members, trials, strict=True):
        if not 0 <= member < len(parents):
            raise misfit([trial.name], f"there is no member {member} among {len(parents)}")
        parent = parents[member]
        may_differ = _NAMES.union(forkable_fields(parent))
        fixed, own = parent.model_dump(exclude=may_differ), trial.model_dump(exclude=may_differ)
        problem = other_values(fixed, own, list(fixed))
        if problem:
            raise misfit([trial.name], problem)
