"""The norms of the gradients of all layers, at every step."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor

from iml_tui.networks.ensemble import EnsembleMLP


class GradientNorms:
    """The squared L2 norm of the gradient of every linear layer's weights, for members of one shape.

    The weights of neighbouring layers of one size stand side by side in the optimizer's buffer, so one operation takes
    the norms of all hidden layers but the first. Sums run in float64: in float32 the square of a gradient below 4e-23
    is 0, and the gradients of a deep network are far smaller.

    Args:
        gradient: the optimizer's buffer [E, P], which begins with the weights, layer after layer.

    Raises:
        ValueError: the members differ in depth or width.
    """

    def __init__(self, network: EnsembleMLP, gradient: Tensor) -> None:
        if len(set(network.depths)) > 1 or len(set(network.widths)) > 1:
            raise ValueError("gradients are recorded of networks of one shape")
        self.layers = len(network.weights)
        self._runs: list[Tensor] = []
        start = 0
        for size, layers in groupby(weight[0].numel() for weight in network.weights):
            count = len(list(layers))
            end = start + count * size
            self._runs.append(gradient[:, start:end].view(len(gradient), count, size))
            start = end

    @torch.no_grad()
    def measure(self) -> Tensor:
        """The norms of what the buffer holds now: [E, L], float64."""
        return torch.cat(
            [torch.linalg.vector_norm(run, dim=2, dtype=torch.float64) for run in self._runs], dim=1
        ).square_()
