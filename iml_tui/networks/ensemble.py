"""Many perceptrons as one network: their parameters stacked, a layer of all of them one `baddbmm`.

A network this small is limited by the number of operations started, not by arithmetic, and a stacked layer starts as
many for E members as for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Self, cast

import torch
from torch import Tensor, nn

from iml_tui.networks.ensemble_norm import EnsembleBatchNorm
from iml_tui.networks.features import Features, same_features
from iml_tui.networks.mlp import MLP, BatchNorm


class EnsembleMLP(nn.Module):
    """E multilayer perceptrons that may differ in depth and width.

    Layer parameters are stacked: weights [E, in, out] (the transpose of `nn.Linear`'s), biases [E, 1, out].

    Depth: members stand in order of depth, deepest first, so that those that have hidden layer i are the first
    `counts[i]`; its parameters hold these alone, and the others pass it by.

    Width: a narrower member is filled up with zeros to the widest. They need no mask: a neuron without weights, bias,
    scale and shift has the activation 0; through ReLU no gradient passes back to it (its derivative is 0 at 0), and
    the rows of the next layer's weights that would read it get a gradient of 0 times something. So all of them stay
    exactly 0 under any elementwise optimizer, as do weight decay and the share in a norm of the gradient.

    Raises:
        ValueError: members are not in order of depth, or differ in batch norm, residual connections, classes or the
            number of features.
    """

    def __init__(self, members: Sequence[MLP]) -> None:
        super().__init__()
        _check_alike(members)
        self.members = len(members)
        self.depths = [member.hidden_layers for member in members]
        self.widths = [member.hidden_width for member in members]
        self.parameter_counts = [member.parameter_count for member in members]
        self.residual = members[0].residual
        self.counts = [sum(depth > layer for depth in self.depths) for layer in range(self.depths[0])]
        widest = max(self.widths)
        sizes = list(pairwise([_linear(members[0], 0).in_features, *[widest] * len(self.counts), members[0].classes]))
        layers = [[_linear(member, layer) for member in members[:count]] for layer, count in enumerate(self.counts)]
        layers.append([_linear(member, -1) for member in members])
        self.weights = nn.ParameterList(
            _stack([linear.weight.T for linear in layer], size) for layer, size in zip(layers, sizes, strict=True)
        )
        self.biases = nn.ParameterList(
            _stack([linear.bias.unsqueeze(0) for linear in layer], (1, outputs))
            for layer, (_, outputs) in zip(layers, sizes, strict=True)
        )
        # Looking a parameter up in a ParameterList takes longer than a layer's arithmetic: look them all up once.
        self._layers = list(zip(self.weights, self.biases, strict=True))
        self.norms = nn.ModuleList(
            EnsembleBatchNorm([cast(BatchNorm, member.norms[layer]) for member in members[:count]], widest)
            for layer, count in enumerate(self.counts)
            if len(members[0].norms)
        )
        first = members[0].features
        alike = all(same_features(first, member.features) for member in members)
        features = [member.features for member in (members[:1] if alike else members)]
        self.features = nn.ModuleList(f for f in features if f is not None)

    @classmethod
    def seeded(
        cls,
        seeds: Sequence[int],
        hidden_layers: int,
        hidden_width: int,
        classes: int,
        batch_norm: bool = False,
        residual: bool = False,
    ) -> Self:
        """One member of the same shape per seed, each initialised exactly as `MLP.seeded` with that seed."""
        return cls([MLP.seeded(seed, hidden_layers, hidden_width, classes, batch_norm, residual) for seed in seeds])

    @torch.no_grad()
    def encode(self, coordinates: Tensor) -> Tensor:
        """What the first layer reads of `coordinates` [n, 2] (degrees).

        Returns:
            [n, inputs] where all members have the same features (none: the coordinates themselves), else
            [E, n, inputs].
        """
        if not len(self.features):
            return coordinates
        if len(self.features) == 1:
            return cast(Tensor, self.features[0](coordinates))
        return torch.stack([features(coordinates) for features in self.features])

    def forward(self, x: Tensor) -> Tensor:
        """Logits [E, B, classes] of encoded `x`: [B, inputs] for all members, or [E, B, inputs], a batch for each."""
        if x.dim() == 2:
            x = x.expand(self.members, -1, -1)
        *hidden, (last_weight, last_bias) = self._layers
        norms = list(self.norms)
        done: list[Tensor] = []
        members = self.members
        for index, (weight, bias) in enumerate(hidden):
            if self.counts[index] < members:  # The last of them have no such layer.
                x, ended = torch.split(x, [self.counts[index], members - self.counts[index]])
                done.append(ended)
                members = self.counts[index]
            h = torch.baddbmm(bias, x, weight)
            if norms:
                h = norms[index](h)
            x = torch.relu(h + x if self.residual and index else h)
        if done:
            x = torch.cat([x, *reversed(done)])
        return torch.baddbmm(last_bias, x, last_weight)

    @property
    def statistics(self) -> list[Tensor]:
        """The running averages of all batch normalisation, each [members that have the layer, W]."""
        return [tensor for norm in self.norms for tensor in cast(EnsembleBatchNorm, norm).statistics]

    @property
    def batches(self) -> list[int]:
        """How many training batches each layer of batch normalisation has seen; may be set."""
        return [cast(EnsembleBatchNorm, norm).batches for norm in self.norms]

    @batches.setter
    def batches(self, counts: Sequence[int]) -> None:
        for norm, count in zip(self.norms, counts, strict=True):
            cast(EnsembleBatchNorm, norm).batches = count

    @torch.no_grad()
    def member(self, index: int) -> MLP:
        """A copy of one member as a plain `MLP`, on the same device, in the same precision and mode."""
        last = self.weights[-1]
        features = self.features[index if len(self.features) > 1 else 0] if len(self.features) else None
        network = MLP(
            hidden_layers=self.depths[index],
            hidden_width=self.widths[index],
            classes=last.shape[2],
            batch_norm=len(self.norms) > 0,
            residual=self.residual,
            features=cast("Features | None", deepcopy(features)),
        ).to(last.device, last.dtype)
        for layer, module in enumerate(network.linears):
            linear, source = cast(nn.Linear, module), layer if layer < network.hidden_layers else -1
            linear.weight.copy_(self.weights[source][index, : linear.in_features, : linear.out_features].T)
            linear.bias.copy_(self.biases[source][index, 0, : linear.out_features])
        for norm, stacked in zip(network.norms, self.norms, strict=False):
            cast(EnsembleBatchNorm, stacked).copy_member(index, cast(BatchNorm, norm))
        return network.train(self.training)


def _linear(member: MLP, layer: int) -> nn.Linear:
    return cast(nn.Linear, member.linears[layer])


def _check_alike(members: Sequence[MLP]) -> None:
    depths = [member.hidden_layers for member in members]
    if depths != sorted(depths, reverse=True):
        raise ValueError("the members of an ensemble must stand in order of depth, deepest first")
    if len({depth > 0 for depth in depths}) > 1:
        raise ValueError("members without hidden layers go with no others")
    shapes = {(m.residual, len(m.norms) > 0, m.classes, _linear(m, 0).in_features) for m in members}
    if len(shapes) > 1:
        raise ValueError("the members of an ensemble may differ in depth and width alone")


def _stack(tensors: Sequence[Tensor], shape: tuple[int, ...]) -> nn.Parameter:
    """The tensors one above the other, each filled up with zeros to `shape`."""
    stacked = tensors[0].new_zeros(len(tensors), *shape)
    for row, tensor in zip(stacked, tensors, strict=True):
        row[tuple(slice(size) for size in tensor.shape)] = tensor.detach()
    return nn.Parameter(stacked)
