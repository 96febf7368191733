"""What came out of a run, as experiments, tables, charts and findings read it.

Losses are mean cross-entropies in nats per sample, accuracies are fractions in 0…1. A metric that is not finite is
NaN here (and null in JSON).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from iml_tui.experiments.trials import MLPTrial

METRICS = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
)

TrialState = Literal["waiting", "running", "done", "stopped", "diverged", "failed"]


@dataclass(frozen=True)
class DataSummary:
    """What a run was trained on.

    `frequency_loss` is the cross-entropy (nats) of always predicting the class frequencies of the training split,
    measured on each split; `majority_accuracy` the accuracy of always predicting its most frequent class.
    """

    name: str
    rows: Mapping[str, int]
    classes: int
    sha256: str
    frequency_loss: Mapping[str, float]
    majority_accuracy: Mapping[str, float]
    embedded: bool = True


@dataclass
class EpochMetrics:
    """The figures after one epoch; `epoch` counts from 1. `seconds` is the wall-clock time of its training part."""

    epoch: int
    metrics: dict[str, float]
    seconds: float = math.nan
    samples_per_second: float = math.nan

    def __getitem__(self, metric: str) -> float:
        """The named metric; NaN where it was not finite or not recorded."""
        return self.metrics.get(metric, math.nan)


@dataclass
class TrialProgress:
    """Where a trial stands inside its current epoch. `step` of `steps` batches are done in epoch `epoch`."""

    epoch: int = 0
    step: int = 0
    steps: int = 0
    samples_per_second: float = math.nan


@dataclass
class TrialResult:
    """One trial: what was asked (`trial`), how far it is, and what was measured so far.

    `series` maps a step-level series name ("batch_loss") to a function that loads it as float32, one value a batch
    over all epochs. `diverged_at` is (epoch, batch), both counted from 1, of the first non-finite batch loss.
    """

    index: int
    trial: MLPTrial
    state: TrialState = "waiting"
    epochs: list[EpochMetrics] = field(default_factory=list)
    progress: TrialProgress = field(default_factory=TrialProgress)
    diverged_at: tuple[int, int] | None = None
    series: dict[str, Callable[[], NDArray[np.float32]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The trial's name, unique within its run."""
        return self.trial.name

    def values(self, metric: str) -> list[float]:
        """The metric after every epoch so far."""
        return [epoch[metric] for epoch in self.epochs]

    def last(self, metric: str) -> float:
        """The metric after the last epoch so far; NaN before the first."""
        return self.epochs[-1][metric] if self.epochs else math.nan

    def at(self, epoch: int, metric: str) -> float:
        """The metric after the given epoch (from 1); NaN where the trial has not got there."""
        return self.epochs[epoch - 1][metric] if 1 <= epoch <= len(self.epochs) else math.nan

    def best(self, metric: str) -> tuple[int, float] | None:
        """(epoch, value) of the lowest loss or highest accuracy, the earliest on ties; None without a finite one."""
        finite = [(e.epoch, e[metric]) for e in self.epochs if math.isfinite(e[metric])]
        if not finite:
            return None
        sign = -1.0 if metric.endswith("accuracy") else 1.0
        return min(finite, key=lambda pair: (sign * pair[1], pair[0]))


@dataclass
class Results:
    """All trials of a run with the data they were trained on."""

    experiment: str
    data: DataSummary
    trials: list[TrialResult]
