"""Changing training pictures at random: mirroring them, and moving them by some pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Moves:
    """What is done to each of B pictures: `mirrored` bool [B]; `down` and `right` int64 [B], pixels."""

    mirrored: Tensor
    down: Tensor
    right: Tensor

    def apply(self, pixels: Tensor) -> Tensor:
        """Pictures [B, S, S, 3], mirrored left to right, then moved; the pixels at an edge fill what becomes free."""
        side = torch.arange(pixels.shape[1], device=pixels.device)
        rows = (side - self.down.to(pixels.device)[:, None]).clamp(0, len(side) - 1)
        columns = (side - self.right.to(pixels.device)[:, None]).clamp(0, len(side) - 1)
        mirrored = self.mirrored.to(pixels.device)[:, None]
        columns = torch.where(mirrored, len(side) - 1 - columns, columns)
        batch = torch.arange(len(pixels), device=pixels.device)
        return pixels[batch[:, None, None], rows[:, :, None], columns[:, None, :]]


class Augmentation:
    """Draws the moves of a trial's training pictures, from a stream of its seed's own.

    Args:
        seed: the trial's.
        horizontal_flip: whether each picture is mirrored with probability 1/2.
        shift: most pixels that each is moved by, up or down and left or right, all whole numbers equally likely.

    Attributes:
        generator: the stream.
    """

    def __init__(self, seed: int, horizontal_flip: bool, shift: int) -> None:
        self._flip, self._shift = horizontal_flip, shift
        # The order of the samples is drawn from spawn key 1 (see `training/shuffle.py`).
        sequence = np.random.SeedSequence(seed % 2**64, spawn_key=(2,))
        self.generator = torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0]))

    def draw(self, count: int) -> Moves | None:
        """The moves of the next `count` pictures; None where they stay as they are."""
        if not self._flip and not self._shift:
            return None
        mirrored = torch.zeros(count, dtype=torch.bool)
        if self._flip:
            mirrored = torch.rand(count, generator=self.generator) < 0.5
        moved = torch.randint(-self._shift, self._shift + 1, (2, count), generator=self.generator)
        return Moves(mirrored, moved[0], moved[1])
