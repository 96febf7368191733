"""Which scenes there are: the splits of the source task, their seeds and labels, known without rendering anything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from iml_tui.experiments.results import SPLITS, DataSummary
from iml_tui.experiments.scene_heads import HEADS

# To be raised when the same seed and labels give other pixels, or the same split other labels.
VERSION: Final = 1
HELD_OUT: Final = 480
"""Scenes in the validation split and in the test split."""

FIRST_SEEDS: Final[Mapping[str, int]] = {"train": 100_000_000, "validation": 10_000_000, "test": 20_000_000}
"""The seed of the first scene of each split; the others follow one by one. The labels come from the one before."""


def sizes(pictures: int) -> dict[str, int]:
    """The scenes in each split, where `pictures` are to train on."""
    return {"train": pictures, "validation": HELD_OUT, "test": HELD_OUT}


def draw_labels(split: str, count: int) -> NDArray[np.int64]:
    """The labels of a split's first scenes, each drawn evenly and independently: int64 [count, heads].

    A longer split begins with the labels of a shorter one.
    """
    random = RandomState(FIRST_SEEDS[split] - 1)
    return random.randint(0, [len(classes) for classes in HEADS.values()], (count, len(HEADS)), dtype=np.int64)


def identity(pictures: int, size: int | None = None) -> str:
    """SHA-256 (64 hex digits) of what decides about labels and, of one size, pixels; not of the pixels themselves."""
    described = f"scenes {VERSION}; {FIRST_SEEDS}; {sizes(pictures)}; {dict(HEADS)}"
    return hashlib.sha256((described if size is None else f"{described}; {size}").encode()).hexdigest()


def describe_scenes(pictures: int) -> DataSummary:
    """What a run on `pictures` training scenes records. Losses and accuracies are means over the heads.

    `classes` counts those of all heads together.
    """
    labels = {split: draw_labels(split, count) for split, count in sizes(pictures).items()}
    measured = [_without_network(labels, head, len(classes)) for head, classes in enumerate(HEADS.values())]
    losses, accuracies = np.mean(measured, axis=0)
    return DataSummary(
        name="rendered scenes",
        rows=sizes(pictures),
        classes=sum(map(len, HEADS.values())),
        sha256=identity(pictures),
        frequency_loss=dict(zip(SPLITS, losses.tolist(), strict=True)),
        majority_accuracy=dict(zip(SPLITS, accuracies.tolist(), strict=True)),
    )


def _without_network(labels: Mapping[str, NDArray[np.int64]], head: int, classes: int) -> NDArray[np.float64]:
    """Of one head: the losses of the class frequencies, and the accuracies of the most frequent class: [2, splits]."""
    counts = np.bincount(labels["train"][:, head], minlength=classes)
    losses = -np.log(np.maximum(counts, 1) / counts.sum())  # A class that few scenes happen to lack counts as one.
    majority = counts.argmax()
    return np.array(
        [
            [losses[labels[split][:, head]].mean() for split in SPLITS],
            [(labels[split][:, head] == majority).mean() for split in SPLITS],
        ]
    )
