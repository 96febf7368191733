"""The multilayer perceptron, written plainly: what every faster form of it is compared with."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn

COORDINATES = 2
"""Input features: longitude and latitude, in degrees."""


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that also takes a training batch of a single sample.

    Ioffe & Szegedy 2015, "Batch Normalization", algorithm 1; running averages as in `nn.BatchNorm1d`: momentum 0.1,
    and the unbiased variance of the batch. `nn.BatchNorm1d` refuses a batch of one in training mode, yet the last,
    smaller batch of an epoch may be one. Its (biased) variance is 0, so the normalised value is 0 and the output
    is the shift β; its unbiased variance is undefined, so the running variance keeps its value, and only the
    running mean moves.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise `input` [B, W]."""
        if not self.training or len(input) > 1:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        with torch.no_grad():
            self.running_mean.lerp_(input[0], self.momentum)
            self.num_batches_tracked.add_(1)
        return (input - input) * self.weight + self.bias


class MLP(nn.Module):
    """A multilayer perceptron with ReLU: `hidden_layers` hidden layers, hence one more `nn.Linear` than that.

    With `batch_norm`, batch normalisation stands between each hidden linear layer and its activation. Weights are
    initialised as `nn.Linear` does by default (uniform in ±1/√inputs).
    """

    def __init__(
        self,
        hidden_layers: int,
        hidden_width: int,
        classes: int,
        batch_norm: bool = False,
        inputs: int = COORDINATES,
    ) -> None:
        super().__init__()
        widths = [inputs, *[hidden_width] * hidden_layers, classes]
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(BatchNorm(width) for width in widths[1:-1] if batch_norm)

    @classmethod
    def seeded(
        cls,
        seed: int,
        hidden_layers: int,
        hidden_width: int,
        classes: int,
        batch_norm: bool = False,
        inputs: int = COORDINATES,
    ) -> Self:
        """The network whose initial weights follow `torch.manual_seed(seed)`; the global generator is left as it was.

        Weights are drawn in float32 on the CPU, so that they are the same for every device and precision.
        """
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return cls(hidden_layers, hidden_width, classes, batch_norm, inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, classes] of `x` [B, inputs]."""
        for index, linear in enumerate(self.linears[:-1]):
            x = linear(x)
            if self.norms:
                x = self.norms[index](x)
            x = torch.relu(x)
        logits: Tensor = self.linears[-1](x)
        return logits
