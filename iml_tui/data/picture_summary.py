"""What a run records about pictures of two classes: sizes, identity, and the baselines that need no network."""

from __future__ import annotations

import math
from collections.abc import Mapping

from iml_tui.data.pictures import PictureData
from iml_tui.experiments.results import SPLITS, DataSummary

Counts = tuple[int, int]


def summarise_counts(
    name: str, class_names: tuple[str, str], counts: Mapping[str, Counts], sha256: str, *, embedded: bool
) -> DataSummary:
    """The summary from the number of pictures of class 0 and of class 1 in each split; see `DataSummary`.

    Every class must occur in `train`.
    """
    train = counts["train"]
    losses = [-math.log(count / sum(train)) for count in train]
    # The first of equally frequent classes, as for the cities.
    majority = int(train[1] > train[0])
    return DataSummary(
        name=name,
        rows={split: sum(counts[split]) for split in SPLITS},
        classes=len(train),
        sha256=sha256,
        frequency_loss={
            split: sum(n * loss for n, loss in zip(counts[split], losses, strict=True)) / sum(counts[split])
            for split in SPLITS
        },
        majority_accuracy={split: counts[split][majority] / sum(counts[split]) for split in SPLITS},
        embedded=embedded,
        class_names=class_names,
    )


def summarise_pictures(data: PictureData) -> DataSummary:
    """The summary of what is trained on: without the pictures that were left out when they were decoded."""
    counts: dict[str, Counts] = {}
    for name, split in data.splits.items():
        ones = int(split.labels.sum())
        counts[name] = (len(split) - ones, ones)
    return summarise_counts(data.name, data.class_names, counts, data.sha256, embedded=data.embedded)
