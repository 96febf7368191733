"""What the offline source task asks of a rendered scene: several questions, each with a few answers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

HEADS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "shape family": ("ellipses", "rectangles", "triangles", "clovers"),
        "size": ("small", "medium", "large"),
        "orientation": ("any", "horizontal", "vertical", "diagonal"),
        "symmetry": ("none", "left-right", "half turn"),
        "spectral slope": ("rough", "medium", "smooth"),
        "resampling": ("none", "two thirds", "half"),
        "periodic pattern": ("none", "checkerboard", "stripes"),
        "noise": ("none", "weak", "strong"),
    }
)
"""The classes of every label, in the order of the label's numbers; the network has one head for each label.

None of them changes when a scene is mirrored left to right or moved by some pixels, so that training may do both.
"""

OVERLAPPING: Final = ("resampling", "periodic pattern")
"""Labels that ask for what generated faces are recognised by as well: half resolution, and a checkerboard."""


def accuracy_metric(split: str, head: str) -> str:
    """The metric of one head's accuracy on a split, measured beside the mean over the heads: 0…1."""
    return f"{split}_accuracy.{head}"
