"""The epoch that is being trained: in which order, how far, and what its steps gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from iml_tui.training.epoch_sums import EpochSums
from iml_tui.training.trainer import TrainerState
from iml_tui.training.trainer_state import difference


class CurrentEpoch:
    """The epoch that was begun last.

    Attributes:
        orders: permutations of the training samples, int64 [n], on the CPU: one for all, or one for each seed.
        sums: over its steps.
        going: whether the next call to train goes on with it: it was stopped, or taken over. One that was trained to
            its end is no longer going.
    """

    def __init__(self, orders: Sequence[Tensor], sums: EpochSums) -> None:
        self.orders, self.sums, self.going = list(orders), sums, True

    @property
    def rows(self) -> int:
        """Samples of the training split, n."""
        return len(self.orders[0])

    @property
    def all_done(self) -> bool:
        """Whether no step of it is left."""
        return self.sums.samples == self.rows

    def state(self) -> TrainerState:
        """Orders as int32, and sums."""
        return {"orders": [order.to(torch.int32) for order in self.orders], "sums": self.sums.state()}

    @classmethod
    def restored(cls, state: TrainerState) -> Self:
        """The epoch of a state that `epoch_problem` finds nothing wrong with."""
        orders = [order.cpu().to(torch.int64) for order in state["orders"]]
        return cls(orders, EpochSums.restored(state["sums"]))


def kept_epoch(epoch: CurrentEpoch | None, between_epochs: bool) -> TrainerState | None:
    """What a trainer's state holds of its epoch, as `EpochTrainer.state` describes it.

    Between epochs that is nothing, but where steps are left the epoch is not over, whatever is said.
    """
    if epoch is None or (between_epochs and (epoch.all_done or not epoch.going)):
        return None
    return epoch.state()


def epoch_problem(state: object, orders: int, rows: int, batch_size: int, no_sums: EpochSums) -> str:
    """Why `state` is not that of an epoch; "" where it is, or None.

    Args:
        state: what `CurrentEpoch.state` gave.
        orders: how many there are to be.
        rows: samples of the training split.
        batch_size: samples of a step.
        no_sums: sums of the same members and layers.
    """
    if state is None:
        return ""
    order = torch.empty(rows, dtype=torch.int32)
    problem = difference(state, {"orders": [order] * orders, "sums": no_sums.state()}, "its epoch")
    if problem or not isinstance(state, dict):
        return problem
    everyone = torch.arange(rows, dtype=torch.int32)
    if not all(torch.equal(found.cpu().sort().values, everyone) for found in state["orders"]):
        return "the order of its samples is not one"
    sums = state["sums"]
    if sums["steps"] < 0 or sums["samples"] != min(sums["steps"] * batch_size, rows):
        return "its position in the epoch is not between two batches"
    return ""
