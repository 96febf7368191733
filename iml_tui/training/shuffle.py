"""The order in which an epoch visits the training samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Shuffle:
    """The order of the training samples: a new permutation every epoch for every distinct seed.

    Attributes:
        seeds: the distinct ones.
        generators: one for each of them.
        orders: the permutations [n] of the current epoch, one for each of them, on the CPU; empty before the first.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.seeds = list(dict.fromkeys(seeds))
        # The initial weights are drawn from the seed itself; the order gets a stream of its own.
        self.generators = [torch.Generator().manual_seed(order_seed(seed)) for seed in self.seeds]
        self.rows = [self.seeds.index(seed) for seed in seeds]
        self.orders: list[Tensor] = []

    def next_epoch(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and labels in the next order, as `ordered` gives them."""
        self.draw(len(labels))
        return self.ordered(inputs, labels)

    def draw(self, count: int) -> None:
        """Draw the next order of `count` samples."""
        self.orders = [torch.randperm(count, generator=generator) for generator in self.generators]

    def ordered(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and labels in the current order.

        Args:
            inputs: [n, F], or [E, n, F] where each member has its own.
            labels: [n].

        Returns:
            [n, F] and [n] where all members have the same inputs and seed, else [E, n, F] and [E, n].
        """
        orders = [order.to(labels.device) for order in self.orders]
        if inputs.dim() == 2 and len(orders) == 1:
            return inputs[orders[0]], labels[orders[0]]
        order = torch.stack([orders[row] for row in self.rows])
        if inputs.dim() == 2:
            return inputs[order], labels[order]
        return torch.stack([own[rows] for own, rows in zip(inputs, order, strict=True)]), labels[order]


def order_seed(seed: int) -> int:
    """The seed of the generator that shuffles for a trial with `seed`."""
    return int(np.random.SeedSequence(seed % 2**64, spawn_key=(1,)).generate_state(1, np.uint64)[0])
