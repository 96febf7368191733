"""What a data set of pictures is to the rest of the lab: three splits of labelled RGB pixels of one size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

OnPreparation = Callable[[str, int, int], None]
"""Told what is being prepared ("decoding pictures"), how much of it is done, and of how much.

It may raise to break the work off; whoever calls it leaves nothing half-made behind.
"""


@dataclass(frozen=True)
class PictureTransform:
    """How a picture of any size becomes a square of `crop` pixels.

    Its shorter side is scaled to `resize` pixels (bilinear, antialiased), and the square is cut out of the middle, as
    the transforms of torchvision's weights do. Values stay 0…255; standardising them is for the network's side.
    """

    resize: int
    crop: int

    def scaled(self, size: int) -> PictureTransform:
        """The same in proportion for squares of `size` pixels; itself for 0."""
        return PictureTransform(resize=round(self.resize * size / self.crop), crop=size) if size else self


@dataclass(frozen=True, eq=False)
class PictureSplit:
    """Labelled pictures.

    `pixels` is uint8 of shape (n, S, S, 3), RGB, possibly a read-only memory map. `labels` is int64 of shape (n,), 0 or
    1. `names[i]` tells where picture i comes from ("real/00012.jpg"), `details[i]` what else is known about it ("irises
    of two colours, water droplet"), "" where nothing is.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    details: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class PictureData:
    """The three splits, with what a run records about them.

    `class_names[c]` is the name of class c, in alphabetical order, as in torchvision's `ImageFolder`. `sha256` (64 hex
    digits) identifies the source. `notes` are sentences for the user on how the data came about: what was left out and
    why, what came from a cache.
    """

    name: str
    source: str
    train: PictureSplit
    validation: PictureSplit
    test: PictureSplit
    class_names: tuple[str, str]
    sha256: str
    embedded: bool
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The side of every picture, in pixels."""
        return int(self.train.pixels.shape[1])

    @property
    def splits(self) -> Mapping[Literal["train", "validation", "test"], PictureSplit]:
        """The splits by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}
