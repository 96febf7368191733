"""Many perceptrons of one shape as one network: their parameters stacked, a layer of all of them one `baddbmm`.

A network this small is limited by the number of operations started, not by arithmetic, and a stacked layer starts as
many for E members as for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from iml_tui.networks.mlp import COORDINATES, MLP, BatchNorm


class EnsembleBatchNorm(nn.Module):
    """The `BatchNorm` layers of E members: each normalises its own activations over its own batch.

    Parameters and running averages have the shape [E, W]. To batch normalisation the E·W activations are so many
    features, each normalised by itself, so that one call serves all members.
    """

    running_mean: Tensor
    running_var: Tensor
    batches: Tensor

    def __init__(self, members: Sequence[BatchNorm]) -> None:
        super().__init__()
        first = members[0]
        self.weight = nn.Parameter(torch.stack([m.weight.detach() for m in members]))
        self.bias = nn.Parameter(torch.stack([m.bias.detach() for m in members]))
        self.register_buffer("running_mean", torch.stack([cast(Tensor, m.running_mean) for m in members]))
        self.register_buffer("running_var", torch.stack([cast(Tensor, m.running_var) for m in members]))
        self.register_buffer("batches", cast(Tensor, first.num_batches_tracked).clone())
        self.eps = first.eps
        self.momentum = cast(float, first.momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` [E, B, W]; in training mode by the batch, else by the running averages."""
        members, batch, width = x.shape
        if self.training and batch == 1:
            return self._single_sample(x)
        normalised = functional.batch_norm(
            x.transpose(0, 1).reshape(batch, members * width),
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.reshape(-1),
            self.bias.reshape(-1),
            self.training,
            self.momentum,
            self.eps,
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

    def copy_member(self, member: int, target: BatchNorm) -> None:
        """Write the parameters and running averages of one member into `target`."""
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(target, name).copy_(getattr(self, name)[member])
        cast(Tensor, target.num_batches_tracked).copy_(self.batches)


class EnsembleMLP(nn.Module):
    """E multilayer perceptrons of one shape.

    Layer parameters are stacked: weights [E, in, out] (the transpose of `nn.Linear`'s), biases [E, 1, out].
    """

    def __init__(self, members: Sequence[MLP]) -> None:
        super().__init__()
        layers = [cast("list[nn.Linear]", list(m.linears)) for m in members]
        norms = [cast("list[BatchNorm]", list(m.norms)) for m in members]
        self.members = len(members)
        self.weights = nn.ParameterList(
            torch.stack([linear.weight.detach().T for linear in layer]) for layer in zip(*layers, strict=True)
        )
        self.biases = nn.ParameterList(
            torch.stack([linear.bias.detach() for linear in layer]).unsqueeze(1) for layer in zip(*layers, strict=True)
        )
        # Looking a parameter up in a ParameterList takes longer than a layer's arithmetic: look them all up once.
        self._layers = list(zip(self.weights, self.biases, strict=True))
        self.norms = nn.ModuleList(EnsembleBatchNorm(layer) for layer in zip(*norms, strict=True))

    @classmethod
    def seeded(
        cls,
        seeds: Sequence[int],
        hidden_layers: int,
        hidden_width: int,
        classes: int,
        batch_norm: bool = False,
        inputs: int = COORDINATES,
    ) -> Self:
        """One member per seed, each initialised exactly as `MLP.seeded` with that seed."""
        return cls([MLP.seeded(seed, hidden_layers, hidden_width, classes, batch_norm, inputs) for seed in seeds])

    def forward(self, x: Tensor) -> Tensor:
        """Logits [E, B, classes] of `x`: [B, inputs] for all members, or [E, B, inputs], one batch per member."""
        if x.dim() == 2:
            x = x.expand(self.members, -1, -1)
        *hidden, (last_weight, last_bias) = self._layers
        norms = list(self.norms)
        for index, (weight, bias) in enumerate(hidden):
            x = torch.baddbmm(bias, x, weight)
            if norms:
                x = norms[index](x)
            x = torch.relu(x)
        return torch.baddbmm(last_bias, x, last_weight)

    @torch.no_grad()
    def member(self, index: int) -> MLP:
        """A copy of one member as a plain `MLP`, on the same device, in the same precision and mode."""
        first = self.weights[0]
        network = MLP(
            hidden_layers=len(self.weights) - 1,
            hidden_width=first.shape[2],
            classes=self.weights[-1].shape[2],
            batch_norm=len(self.norms) > 0,
            inputs=first.shape[1],
        ).to(first.device, first.dtype)
        for linear, weight, bias in zip(network.linears, self.weights, self.biases, strict=True):
            cast(Tensor, linear.weight).copy_(weight[index].T)
            cast(Tensor, linear.bias).copy_(bias[index, 0])
        for norm, stacked in zip(network.norms, self.norms, strict=True):
            cast(EnsembleBatchNorm, stacked).copy_member(index, cast(BatchNorm, norm))
        return network.train(self.training)
