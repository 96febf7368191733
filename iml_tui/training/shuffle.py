"""The order in which an epoch visits the training samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Shuffle:
    """The order of the training samples: a new permutation every epoch for every distinct seed."""

    def __init__(self, seeds: Sequence[int]) -> None:
        distinct = dict.fromkeys(seeds)
        # The initial weights are drawn from the seed itself; the order gets a stream of its own.
        self.generators = [torch.Generator().manual_seed(order_seed(seed)) for seed in distinct]
        self.rows = [list(distinct).index(seed) for seed in seeds]

    def next_epoch(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and labels in the next order.

        Args:
            inputs: [n, F], or [E, n, F] where each member has its own.
            labels: [n].

        Returns:
            [n, F] and [n] where all members have the same inputs and seed, else [E, n, F] and [E, n].
        """
        orders = [torch.randperm(len(labels), generator=generator).to(labels.device) for generator in self.generators]
        if inputs.dim() == 2 and len(orders) == 1:
            return inputs[orders[0]], labels[orders[0]]
        order = torch.stack([orders[row] for row in self.rows])
        if inputs.dim() == 2:
            return inputs[order], labels[order]
        return torch.stack([own[rows] for own, rows in zip(inputs, order, strict=True)]), labels[order]


def order_seed(seed: int) -> int:
    """The seed of the generator that shuffles for a trial with `seed`."""
    return int(np.random.SeedSequence(seed % 2**64, spawn_key=(1,)).generate_state(1, np.uint64)[0])
