"""Adam for an ensemble: all parameters of all members in one buffer, a learning rate for each member."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


class EnsembleAdam:
    """Adam over stacked parameters, each [E, …], with one learning rate per member.

    Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1, with the defaults that section 2
    recommends (`torch.optim.Adam` has the same): with gradient g at step t,

        m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
        θ ← θ − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)

    The parameters become views of `flat` [E, P], so that a step is a few elementwise operations over one buffer
    however many layers there are. Elementwise also means that a member that is no longer finite disturbs no other.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rates: Sequence[float],
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        members = len(learning_rates)
        self.flat = torch.cat([p.detach().reshape(members, -1) for p in self.parameters], dim=1)
        start = 0
        for parameter in self.parameters:
            end = start + parameter[0].numel()
            parameter.data = self.flat[:, start:end].view(parameter.shape)
            start = end
        self.gradient = torch.zeros_like(self.flat)
        self.mean = torch.zeros_like(self.flat)
        self.square = torch.zeros_like(self.flat)
        self._scratch = torch.empty_like(self.flat)
        self.learning_rates = self.flat.new_tensor(list(learning_rates)).unsqueeze(1)
        self.betas, self.eps, self.steps = betas, eps, 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Move the parameters along `gradients`, one tensor per parameter, of its shape."""
        beta1, beta2 = self.betas
        self.steps += 1
        gradient = torch.cat([g.flatten(1) for g in gradients], dim=1, out=self.gradient)
        self.mean.lerp_(gradient, 1 - beta1)
        self.square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        # The fraction is expanded by √(1 − β₂ᵗ), which saves one pass over the buffer.
        correction = (1 - beta2**self.steps) ** 0.5
        torch.sqrt(self.square, out=self._scratch).add_(self.eps * correction)
        torch.div(self.mean, self._scratch, out=self._scratch)
        self.flat.addcmul_(self._scratch, self.learning_rates, value=-correction / (1 - beta1**self.steps))
