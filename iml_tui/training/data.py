"""The three splits of a dataset, resident on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SplitName = Literal["train", "validation", "test"]
Arrays = tuple[NDArray[np.floating[Any]], NDArray[np.integer[Any]]]
"""Coordinates [n, 2] and labels [n]."""


@dataclass(frozen=True)
class DeviceSplit:
    """Samples on the device: `coordinates` [n, 2] (degrees, floating point) and `labels` [n] (int64 class indices)."""

    coordinates: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class DeviceData:
    """The splits on one device in one precision. `classes` is the number of classes, labels being 0…classes−1."""

    train: DeviceSplit
    validation: DeviceSplit
    test: DeviceSplit
    classes: int

    @classmethod
    def from_arrays(
        cls,
        train: Arrays,
        validation: Arrays,
        test: Arrays,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        classes: int | None = None,
    ) -> Self:
        """Copy the arrays to `device`; without `classes`, their number is one more than the largest label anywhere."""

        def resident(arrays: Arrays) -> DeviceSplit:
            coordinates, labels = arrays
            # np.array copies: the source may be a read-only memory map, which torch must not share.
            return DeviceSplit(
                torch.from_numpy(np.array(coordinates)).to(device, dtype),
                torch.from_numpy(np.array(labels, np.int64)).to(device),
            )

        if classes is None:
            classes = 1 + max(int(labels.max()) for _, labels in (train, validation, test) if len(labels))
        return cls(resident(train), resident(validation), resident(test), classes)

    def split(self, name: SplitName) -> DeviceSplit:
        """The split of that name."""
        split: DeviceSplit = getattr(self, name)
        return split
