"""An exponential moving average of the weights, to be measured in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


class WeightAverage:
    """The moving average of some tensors, step after step: average ← d·average + (1 − d)·tensor.

    Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging", in its exponential form. At step t
    (from 0) d = min(decay, (1 + t)/(10 + t)), as in TensorFlow's `ExponentialMovingAverage`, so that the initial
    weights are soon forgotten however large `decay` is.

    With batch normalisation its running averages belong among the tensors. What the averaged network does at a layer
    is close to the mean of what the past networks did there, so the mean of their statistics fits it; the newest ones
    would belong to weights that it does not have.
    """

    def __init__(self, tensors: Sequence[Tensor], decay: float) -> None:
        self.tensors, self.decay, self.steps = list(tensors), decay, 0
        self.averages = [tensor.detach().clone() for tensor in self.tensors]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the tensors as they are now."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for average, tensor in zip(self.averages, self.tensors, strict=True):
            average.lerp_(tensor, 1 - decay)

    @torch.no_grad()
    def restore(self, averages: Sequence[Tensor], steps: int) -> None:
        """Go on from these averages after so many steps."""
        for average, value in zip(self.averages, averages, strict=True):
            average.copy_(value)
        self.steps = steps

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the tensors hold their averages; afterwards, what they held before."""
        kept = [tensor.detach().clone() for tensor in self.tensors]
        self._write(self.averages)
        try:
            yield
        finally:
            self._write(kept)

    @torch.no_grad()
    def _write(self, values: Sequence[Tensor]) -> None:
        for tensor, value in zip(self.tensors, values, strict=True):
            tensor.copy_(value)
