"""Features of the coordinates: what a network reads in place of longitude and latitude.

A perceptron on raw coordinates learns coarse structure first and fine structure slowly (Rahaman et al. 2019, "On the
Spectral Bias of Neural Networks"); sines of several frequencies hand it the fine structure. Neither kind is trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

COORDINATES = 2
"""Longitude and latitude, in degrees."""


class Features(nn.Module):
    """Turns coordinates [..., 2] (degrees) into features [..., `count`]."""

    count: int


class SineFeatures(Features):
    """sin(a·x) of every coordinate x (degrees) for every frequency a (radians per degree).

    All sines of the first frequency come first: sin(a₁·long), sin(a₁·lat), sin(a₂·long), … Encodings of this kind:
    Mildenhall et al. 2020, "NeRF", section 5.1.
    """

    frequencies: Tensor

    def __init__(self, frequencies: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.tensor(list(frequencies), dtype=torch.float32))
        self.count = COORDINATES * len(frequencies)

    def forward(self, coordinates: Tensor) -> Tensor:
        """The sines [..., 2·frequencies] of `coordinates` [..., 2]."""
        return torch.sin(self.frequencies.unsqueeze(1) * coordinates.unsqueeze(-2)).flatten(-2)


class FourierFeatures(Features):
    """Random Fourier features of standardised coordinates.

    Tancik et al. 2020, "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains",
    section 6.1 (Gaussian): γ(z) = [sin(2πBz), cos(2πBz)], the entries of B drawn from N(0, scale²). Here z is the
    coordinate less its mean over its standard deviation, so that B counts cycles per standard deviation.

    Args:
        mean, deviation: of the coordinates, [2], degrees.
        frequencies: B, [n, 2].
    """

    mean: Tensor
    deviation: Tensor
    frequencies: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor, frequencies: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        # Coordinates that are all the same are shifted to 0, and 0/1 is a number.
        self.register_buffer("deviation", torch.where(deviation > 0, deviation, 1.0))
        self.register_buffer("frequencies", frequencies)
        self.count = 2 * len(frequencies)

    @classmethod
    def seeded(cls, seed: int, mean: Tensor, deviation: Tensor, count: int, scale: float) -> Self:
        """Draw `count` frequencies with standard deviation `scale` from the seed, as float32 on the CPU."""
        generator = torch.Generator().manual_seed(frequency_seed(seed))
        return cls(mean, deviation, scale * torch.randn(count, COORDINATES, generator=generator))

    def forward(self, coordinates: Tensor) -> Tensor:
        """Sines and then cosines, [..., 2·n], of `coordinates` [..., 2]."""
        phase = (coordinates - self.mean) / self.deviation @ (2 * math.pi * self.frequencies).T
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


def frequency_seed(seed: int) -> int:
    """The seed of the generator that draws the frequencies of a member with `seed`: a stream of its own."""
    return int(np.random.SeedSequence(seed % 2**64, spawn_key=(2,)).generate_state(1, np.uint64)[0])


def same_features(first: Features | None, second: Features | None) -> bool:
    """Whether both turn the same coordinates into the same features."""
    if first is None or second is None:
        return first is second
    if type(first) is not type(second):
        return False
    state, other = first.state_dict(), second.state_dict()
    return all(torch.equal(value, other[name]) for name, value in state.items())
