"""The order in which an epoch visits the training samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from iml_tui.training.data import DeviceSplit


class Shuffle:
    """The order of the training samples: a new permutation every epoch for every distinct seed."""

    def __init__(self, seeds: Sequence[int]) -> None:
        distinct = dict.fromkeys(seeds)
        # The initial weights are drawn from the seed itself; the order gets a stream of its own.
        self.generators = [torch.Generator().manual_seed(order_seed(seed)) for seed in distinct]
        self.rows = [list(distinct).index(seed) for seed in seeds]

    def next_epoch(self, split: DeviceSplit) -> tuple[Tensor, Tensor]:
        """Coordinates and labels in the next order: [n, 2], [n] if all seeds are equal, else [E, n, 2], [E, n]."""
        orders = [torch.randperm(len(split), generator=generator) for generator in self.generators]
        order = orders[0] if len(orders) == 1 else torch.stack([orders[row] for row in self.rows])
        order = order.to(split.labels.device)
        return split.coordinates[order], split.labels[order]


def order_seed(seed: int) -> int:
    """The seed of the generator that shuffles for a trial with `seed`."""
    return int(np.random.SeedSequence(seed % 2**64, spawn_key=(1,)).generate_state(1, np.uint64)[0])
