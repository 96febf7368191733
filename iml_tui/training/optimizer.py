"""Adam for an ensemble: all parameters of all members in one buffer, a learning rate for each member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

import torch
from torch import Tensor, nn

CLIP_EPSILON = 1e-6
"""Added to the norm before dividing by it, as `torch.nn.utils.clip_grad_norm_` does."""


CHANGEABLE: Final = ("learning_rate", "weight_decay", "clip_norm")
"""The hyperparameters that a member can have another value of from some step on."""


class EnsembleAdam:
    """Adam over stacked parameters, each [members, …], with one learning rate per member.

    Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1, with the defaults that section 2
    recommends (`torch.optim.Adam` has the same): with gradient g at step t,

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        θ ← θ − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)

    The parameters become views of `flat` [E, P], so that a step is a few elementwise operations over one buffer
    however many layers there are. Elementwise also means that a member that is no longer finite disturbs no other.
    A parameter of fewer rows belongs to the first members; the columns of the others stay 0.

    Args:
        weight_decay: λ. It adds λθ to g (L2 regularisation, as `torch.optim.Adam`), or with `decoupled` it shrinks
            θ by the factor 1 − lr·λ before the step (Loshchilov & Hutter 2019, "Decoupled Weight Decay
            Regularization", as `torch.optim.AdamW`). It acts on all parameters.
        clip_norm: where not 0, each member's gradient is scaled down to this L2 norm where it is longer, before weight
            decay (Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1).

    Attributes:
        settings: of each of `CHANGEABLE`, every member's value; write them with `change` or `set`.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rates: Sequence[float],
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        clip_norm: float = 0.0,
    ) -> None:
        # Stable: parameters that all members have keep their order and stand first.
        self.parameters = sorted(parameters, key=len, reverse=True)
        members = len(learning_rates)
        columns = sum(parameter[0].numel() for parameter in self.parameters)
        self.flat = self.parameters[0].detach().new_zeros(members, columns)
        start = 0
        for parameter in self.parameters:
            end = start + parameter[0].numel()
            view = self.flat[: len(parameter), start:end].view(parameter.shape)
            parameter.data = view.copy_(parameter.detach())
            start = end
        self.gradient = torch.zeros_like(self.flat)
        self.mean = torch.zeros_like(self.flat)
        self.square = torch.zeros_like(self.flat)
        self._scratch = torch.empty_like(self.flat)
        self._blocks = self._gradient_blocks()
        self.betas, self.eps, self.steps, self.decoupled = betas, eps, 0, decoupled
        self.settings: dict[str, list[float]] = {}
        self.set(
            {
                "learning_rate": learning_rates,
                "weight_decay": [weight_decay] * members,
                "clip_norm": [clip_norm] * members,
            }
        )

    def change(self, member: int, field: str, value: float) -> float:
        """Give a member another value of one of `CHANGEABLE`; returns the former."""
        values = self.settings[field]
        former, values[member] = values[member], float(value)
        self.set(self.settings)
        return former

    def set(self, settings: Mapping[str, Sequence[float]]) -> None:
        """Give every member its value of each of `CHANGEABLE`."""
        self.settings = {field: [float(value) for value in settings[field]] for field in CHANGEABLE}
        self.learning_rates = self._column("learning_rate")
        # A number in place of a column where all members agree saves operations, of which a step has few.
        decays, norms = self.settings["weight_decay"], self.settings["clip_norm"]
        self.weight_decay, self.clip_norm = decays[0], norms[0]
        self._decays = self._column("weight_decay", torch.float64) if len(set(decays)) > 1 else None
        self._clip_norms = self._column("clip_norm") if len(set(norms)) > 1 else None

    def _column(self, field: str, dtype: torch.dtype | None = None) -> Tensor:
        """A field's values as [E, 1]."""
        return torch.tensor(self.settings[field], dtype=dtype or self.flat.dtype, device=self.flat.device).unsqueeze(1)

    def _gradient_blocks(self) -> list[tuple[slice, Tensor]]:
        """For each run of parameters with as many rows: which they are, and where their gradients go."""
        blocks, first, start = [], 0, 0
        for rows, group in groupby(self.parameters, key=len):
            sizes = [parameter[0].numel() for parameter in group]
            blocks.append((slice(first, first + len(sizes)), self.gradient[:rows, start : start + sum(sizes)]))
            first, start = first + len(sizes), start + sum(sizes)
        return blocks

    @torch.no_grad()
    def collect(self, gradients: Sequence[Tensor]) -> None:
        """Copy the gradients, one tensor per parameter, of its shape, into `gradient` [E, P]."""
        for which, target in self._blocks:
            torch.cat([g.flatten(1) for g in gradients[which]], dim=1, out=target)

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """Move the parameters along `gradient`, with the learning rates times `factor`."""
        beta1, beta2 = self.betas
        self.steps += 1
        gradient = self.gradient
        if self.clip_norm or self._clip_norms is not None:
            self._clip()
        if self.weight_decay or self._decays is not None:
            self._decay(factor)
        self.mean.lerp_(gradient, 1 - beta1)
        self.square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        # The fraction is expanded by √(1 − β₂ᵗ), which saves one pass over the buffer.
        correction = (1 - beta2**self.steps) ** 0.5
        torch.sqrt(self.square, out=self._scratch).add_(self.eps * correction)
        torch.div(self.mean, self._scratch, out=self._scratch)
        self.flat.addcmul_(self._scratch, self.learning_rates, value=-correction * factor / (1 - beta1**self.steps))

    def _clip(self) -> None:
        norm = torch.linalg.vector_norm(self.gradient, dim=1, keepdim=True)
        if self._clip_norms is None:
            self.gradient.mul_((self.clip_norm / (norm + CLIP_EPSILON)).clamp_(max=1.0))
        else:
            # As torch divides a number by a tensor, so that what all members had before keeps its bits.
            scale = ((norm + CLIP_EPSILON).reciprocal() * self._clip_norms).clamp_(max=1.0)
            self.gradient.mul_(torch.where(self._clip_norms > 0, scale, 1.0))

    def _decay(self, factor: float) -> None:
        if self.decoupled:
            if self._decays is None:
                self.flat.mul_(1 - self.learning_rates * (factor * self.weight_decay))
            else:
                self.flat.mul_(1 - self.learning_rates * (factor * self._decays).to(self.flat.dtype))
        elif self._decays is None:
            self.gradient.add_(self.flat, alpha=self.weight_decay)
        else:
            self.gradient.addcmul_(self.flat, self._decays.to(self.flat.dtype))
