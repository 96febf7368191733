"""The batch normalisation of many perceptrons in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from iml_tui.networks.mlp import BatchNorm

_STATISTICS = ("running_mean", "running_var")


class EnsembleBatchNorm(nn.Module):
    """The `BatchNorm` layers of E members: each normalises its own activations over its own batch.

    Parameters and running averages have the shape [E, W], `width` being the widest member's; a narrower member is
    filled up with zeros. To batch normalisation the E·W activations are so many features, each normalised by itself,
    so that one call serves all members.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, members: Sequence[BatchNorm], width: int) -> None:
        super().__init__()
        first = members[0]

        @torch.no_grad()
        def stack(name: str) -> Tensor:
            stacked = first.weight.new_zeros(len(members), width)
            for row, norm in zip(stacked, members, strict=True):
                row[: norm.num_features] = getattr(norm, name)
            return stacked

        self.weight = nn.Parameter(stack("weight"))
        self.bias = nn.Parameter(stack("bias"))
        for name in _STATISTICS:
            self.register_buffer(name, stack(name))
        # Plain numbers: in a step that starts few operations, an operation to count would be felt.
        self.batches = int(cast(Tensor, first.num_batches_tracked))
        self.eps = first.eps
        self.momentum = cast(float, first.momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` [E, B, W]; in training mode by the batch, else by the running averages."""
        members, batch, width = x.shape
        if self.training and batch == 1:
            return self._single_sample(x)
        # Called directly, for the checks of `functional.batch_norm` take longer than its arithmetic.
        normalised = torch.batch_norm(
            x.transpose(0, 1).reshape(batch, members * width),
            self.weight.reshape(-1),
            self.bias.reshape(-1),
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.training,
            self.momentum,
            self.eps,
            torch.backends.cudnn.enabled,
        )
        if self.training:
            self.batches += 1
        return normalised.view(batch, members, width).transpose(0, 1)

    def _single_sample(self, x: Tensor) -> Tensor:
        """Training on a batch of one, `x` [E, 1, W], as `BatchNorm` explains."""
        with torch.no_grad():
            self.running_mean.lerp_(x[:, 0], self.momentum)
            self.batches += 1
        return (x - x) * self.weight.unsqueeze(1) + self.bias.unsqueeze(1)

    @property
    def statistics(self) -> list[Tensor]:
        """The running averages, each [E, W]."""
        return [self.running_mean, self.running_var]

    def copy_member(self, member: int, target: BatchNorm) -> None:
        """Write the parameters and running averages of one member into `target`."""
        for name in ("weight", "bias", *_STATISTICS):
            getattr(target, name).copy_(getattr(self, name)[member, : target.num_features])
        cast(Tensor, target.num_batches_tracked).fill_(self.batches)
