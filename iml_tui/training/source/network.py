"""The network of the source task: a ResNet18 with one linear head for every label of a scene."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from iml_tui.experiments.scene_heads import HEADS
from iml_tui.networks.resnet import Standardise, make_backbone, make_head

CLASSES = [len(classes) for classes in HEADS.values()]


class SourceNetwork(nn.Module):
    """Pictures to the logits of all heads; `backbone` is what other tasks take over.

    Args:
        seed: gives the initial weights of backbone and heads.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.standardise = Standardise()
        self.backbone = make_backbone(seed)
        self.heads = make_head(seed, sum(CLASSES))  # The heads side by side in one layer: one operation for all.

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 [B, 3, S, S] to logits [B, classes of all heads]."""
        logits: Tensor = self.heads(self.backbone(self.standardise(pixels)))
        return logits


def losses_and_hits(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The cross-entropy (nats) of every sample and head, and whether the head's largest logit is the label's.

    Args:
        logits: [B, classes of all heads].
        labels: int64 [B, heads].

    Returns:
        Both of shape [B, heads], the first float32, the second bool.
    """
    pairs = list(zip(torch.split(logits.float(), CLASSES, dim=1), labels.unbind(dim=1), strict=True))
    losses = [functional.cross_entropy(of_head, label, reduction="none") for of_head, label in pairs]
    hits = [of_head.argmax(dim=1) == label for of_head, label in pairs]
    return torch.stack(losses, dim=1), torch.stack(hits, dim=1)
