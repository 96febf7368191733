"""ResNet18 (He et al. 2016, "Deep Residual Learning for Image Recognition", table 1) as torchvision builds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import torch
from torch import Tensor, nn
from torchvision.models import resnet18

FEATURES = 512
"""Features that the network gives to its last layer."""

ONE_CELL = 32
"""Largest side, in pixels, of pictures whose last maps have one cell: the network halves the side five times."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue (0…1) that torchvision's ImageNet weights were trained with."""


def make_backbone(seed: int) -> nn.Module:
    """ResNet18 without its last layer: pictures [B, 3, S, S] to features [B, 512]; `seed` gives its initial weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = resnet18(weights=None)
    network.fc = nn.Identity()
    return network


def make_head(seed: int, outputs: int = 1) -> nn.Linear:
    """A new last layer, 512 features to `outputs` logits, with torch's usual initial weights drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(FEATURES, outputs)


class Standardise(nn.Module):
    """uint8 pictures [B, 3, S, S] to float32, scaled to 0…1 and standardised with `MEAN` and `DEVIATION`."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", 1 / (255 * torch.tensor(DEVIATION).view(3, 1, 1)))
        self.register_buffer("offset", torch.tensor(MEAN).view(3, 1, 1) / torch.tensor(DEVIATION).view(3, 1, 1))
        self.scale: Tensor
        self.offset: Tensor

    def forward(self, pixels: Tensor) -> Tensor:
        """Standardise."""
        return pixels * self.scale - self.offset


class FeatureNetwork(nn.Module):
    """uint8 pictures [B, 3, S, S] to features [B, 512] (float32): a backbone behind `Standardise`.

    A frozen one is not trained: its parameters take no gradients, and it stays in evaluation mode, in which its batch
    normalisation uses the averages that it was pretrained with.

    In training mode the normalisation of maps of one cell has no variance to divide by where the batch is one picture
    of at most `ONE_CELL` pixels, and torch refuses; such a batch is normalised with the running averages.
    """

    def __init__(self, backbone: nn.Module, *, frozen: bool = False) -> None:
        super().__init__()
        self.standardise = Standardise()
        # Convolutions are fastest where the numbers of a pixel lie side by side.
        self.backbone = backbone.to(memory_format=torch.channels_last)
        self.frozen = frozen
        self.backbone.requires_grad_(not frozen)
        self.train(not frozen)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; a frozen network stays in the latter."""
        return super().train(mode and not self.frozen)

    def forward(self, pixels: Tensor) -> Tensor:
        """The features."""
        one_value = self.training and len(pixels) == 1 and max(pixels.shape[2:]) <= ONE_CELL
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            if one_value:
                with _evaluating(self.backbone):
                    return self._features(pixels)
            return self._features(pixels)

    def _features(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.backbone(self.standardise(pixels))
        return features.float()


class LogitNetwork(nn.Module):
    """Inputs to one logit each, float32 [B]: whatever gives features [B, F], and a last layer on them.

    The last layer is computed in float32 also inside of autocast: logits of eight bits would fall on each other.
    """

    def __init__(self, features: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.features, self.head = features, head

    def forward(self, inputs: Tensor) -> Tensor:
        """The logits."""
        features = self.features(inputs)
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.head(features.float())
        return logits.squeeze(1)


def trained_tensors(network: nn.Module) -> dict[str, Tensor]:
    """What training changes: parameters and buffers by their names in `state_dict`, without those of frozen parts.

    The tensors are the network's own.
    """
    frozen = tuple(
        f"{name}." if name else ""
        for name, module in network.named_modules()
        if isinstance(module, FeatureNetwork) and module.frozen
    )
    return {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(frozen)}


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    network.eval()
    try:
        yield
    finally:
        network.train()
