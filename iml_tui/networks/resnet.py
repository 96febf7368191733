"""ResNet18 (He et al. 2016, "Deep Residual Learning for Image Recognition", table 1) as torchvision builds it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import resnet18

FEATURES = 512
"""Features that the network gives to its last layer."""

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
