"""The multilayer perceptron, written plainly: what every faster form of it is compared with."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn

from iml_tui.networks.features import COORDINATES, Features


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

    With `batch_norm`, batch normalisation stands between each hidden linear layer and its activation. With `residual`,
    every hidden layer but the first, which changes the width, adds its input before the activation:
    h = relu(norm(Wx + b) + x) (He et al. 2016, "Deep Residual Learning for Image Recognition", equation 1 and figure 2,
    with one layer a block). With `features`, they are what the first layer reads. Weights are initialised as
    `nn.Linear` does by default (uniform in ±1/√inputs).
    """

    def __init__(
        self,
        hidden_layers: int,
        hidden_width: int,
        classes: int,
        batch_norm: bool = False,
        residual: bool = False,
        features: Features | None = None,
    ) -> None:
        super().__init__()
        inputs = COORDINATES if features is None else features.count
        widths = [inputs, *[hidden_width] * hidden_layers, classes]
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(BatchNorm(width) for width in widths[1:-1] if batch_norm)
        self.features = features
        self.residual = residual
        self.hidden_layers, self.hidden_width, self.classes = hidden_layers, hidden_width, classes

    @classmethod
    def seeded(
        cls,
        seed: int,
        hidden_layers: int,
        hidden_width: int,
        classes: int,
        batch_norm: bool = False,
        residual: bool = False,
        features: Features | None = None,
    ) -> Self:
        """The network whose initial weights follow `torch.manual_seed(seed)`; the global generator is left as it was.

        Weights are drawn in float32 on the CPU, so that they are the same for every device and precision.
        """
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return cls(hidden_layers, hidden_width, classes, batch_norm, residual, features)

    @property
    def parameter_count(self) -> int:
        """The number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, coordinates: Tensor) -> Tensor:
        """Logits [B, classes] of `coordinates` [B, 2] (degrees)."""
        x = coordinates if self.features is None else self.features(coordinates)
        for index, linear in enumerate(self.linears[:-1]):
            h = linear(x)
            if self.norms:
                h = self.norms[index](h)
            x = torch.relu(h + x if self.residual and index else h)
        logits: Tensor = self.linears[-1](x)
        return logits
