"""What a data set is to the rest of the lab: three splits of labelled points and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iml_tui.experiments.results import DataSummary


@dataclass(frozen=True, eq=False)
class Split:
    """Labelled points: row i of `coordinates` belongs to class `labels[i]`.

    `coordinates` is float32 of shape (n, 2), [longitude, latitude] in degrees as they stand in the source, not
    normalised. `labels` is int64 of shape (n,), classes 0…C−1.
    """

    coordinates: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """The three splits, with what a run records about them.

    `source` is a text for people: where the data come from. `class_names[c]` is the name of class c. `sha256` (64 hex
    digits) identifies the content: of the embedded file, or of the three files of a folder. Every class that occurs
    in validation or test also occurs in train.
    """

    name: str
    source: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    sha256: str
    embedded: bool

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def splits(self) -> Mapping[str, Split]:
        """The splits by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def summary(self) -> DataSummary:
        """What a run records: sizes, identity, and the two baselines that need no network."""
        counts = np.bincount(self.train.labels, minlength=self.classes)
        majority = int(counts.argmax())
        # A class that train lacks has an infinite loss; it cannot occur in the other splits either.
        with np.errstate(divide="ignore"):
            losses = -np.log(counts / counts.sum())
        return DataSummary(
            name=self.name,
            rows={name: len(split) for name, split in self.splits.items()},
            classes=self.classes,
            sha256=self.sha256,
            frequency_loss={name: float(losses[split.labels].mean()) for name, split in self.splits.items()},
            majority_accuracy={name: float((split.labels == majority).mean()) for name, split in self.splits.items()},
            embedded=self.embedded,
        )
