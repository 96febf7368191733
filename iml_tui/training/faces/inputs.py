"""What networks are fed with: batches of pictures, or of the features of pictures, on the device."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iml_tui.data.pictures import PictureData, PictureSplit
from iml_tui.training.data import SplitName
from iml_tui.training.faces.augmentation import Moves

EVALUATED_PIXELS = {"cpu": 1 << 18, "cuda": 1 << 22}
"""Pixels of the pictures that a network evaluates at once: on a CPU 64 pictures of 64 pixels, or 5 of 224.

ResNet18 holds at most 16 + 16 numbers a pixel at a time (input and output of its first normalisation): 32 MiB on a CPU,
where a stop then acts within half a second, and 512 MiB on a GPU, which wants larger batches.
"""

RESIDENT_SHARE = 0.5
"""Share of a CUDA device's free memory that the pictures may take; more are read from the host, batch by batch."""


class Inputs(Protocol):
    """The samples of one split, as a network takes them."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Classes, int64 [n]."""

    @property
    def at_once(self) -> int:
        """How many samples are to be evaluated at once, at most."""

    def batch(self, rows: Tensor, moves: Moves | None = None) -> Tensor:
        """The samples at `rows` (int64 [B], on the CPU), changed by `moves`, on the device."""


class PictureInputs:
    """Pictures, as bytes: uint8 batches [B, 3, S, S], which lie in memory channels last as the pictures themselves do.

    Args:
        split: the pictures, possibly a memory map, from which batches are read.
        device: where batches go.
        resident: whether all pictures are kept on the device.
    """

    def __init__(self, split: PictureSplit, device: torch.device, resident: bool) -> None:
        self.labels = split.labels
        self.at_once = max(2, EVALUATED_PIXELS[device.type] // split.pixels.shape[1] ** 2)
        self._host, self._device = split.pixels, device
        self._resident = torch.from_numpy(np.array(split.pixels)).to(device) if resident else None

    def batch(self, rows: Tensor, moves: Moves | None = None) -> Tensor:
        """Pictures as a batch."""
        if self._resident is not None:
            pixels = self._resident[rows.to(self._device)]
        else:
            pixels = torch.from_numpy(np.asarray(self._host[rows.numpy()])).to(self._device)
        if moves is not None:
            pixels = moves.apply(pixels)
        return pixels.permute(0, 3, 1, 2)


class FeatureInputs:
    """Features [n, F] of pictures and, where they may be mirrored, of the mirrored pictures, on the device."""

    at_once = 1 << 14

    def __init__(self, features: Tensor, mirrored: Tensor | None, labels: NDArray[np.int64]) -> None:
        self.labels = labels
        self.features, self._mirrored = features, mirrored

    def batch(self, rows: Tensor, moves: Moves | None = None) -> Tensor:
        """Features as a batch [B, F]; of `moves` only the mirroring is known."""
        rows = rows.to(self.features.device)
        features = self.features[rows]
        if moves is None:
            return features
        assert self._mirrored is not None
        return torch.where(moves.mirrored.to(features.device)[:, None], self._mirrored[rows], features)


def picture_inputs(data: PictureData, device: torch.device) -> Mapping[SplitName, PictureInputs]:
    """The three splits for a device; on a CUDA device they are resident where they leave it enough memory."""
    resident = False
    if device.type == "cuda":
        needed = sum(split.pixels.nbytes for split in data.splits.values())
        free, _ = torch.cuda.mem_get_info(device)
        resident = needed <= RESIDENT_SHARE * free
        where = "are kept on the device" if resident else "are read batch by batch"
        logging.info("%.0f MB of pictures %s (%.0f MB free)", needed / 1e6, where, free / 1e6)
    return {name: PictureInputs(split, device, resident) for name, split in data.splits.items()}
