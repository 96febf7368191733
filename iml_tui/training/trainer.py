"""What trains networks, seen from outside: an epoch at a time, however a step is executed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

OnProgress = Callable[[int, NDArray[np.float32]], bool]
"""Called with the steps done in this epoch and the losses [k, E] of the k steps since the last call; False stops."""


@dataclass(frozen=True)
class EpochOutcome:
    """What one epoch of training gave, per member.

    `train_loss` (nats) and `train_accuracy` are means over the samples of the `steps` batches done, measured while
    training; NaN before the first batch. `samples` counts per member, `seconds` is wall-clock time. `complete` is False
    when the epoch was stopped.
    """

    train_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    steps: int
    samples: int
    seconds: float
    complete: bool


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy (nats) and accuracy per sample of a split, per member; NaN for an empty split."""

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]


class Trainer(Protocol):
    """Trains `members` networks side by side, an epoch at a time, however a step is executed."""

    @property
    def members(self) -> int:
        """The number of networks, E."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch."""

    def train_epoch(self, on_progress: OnProgress) -> EpochOutcome:
        """Train one epoch; every step's losses go to `on_progress` exactly once before this returns."""

    def evaluate(self, split: Literal["validation", "test"]) -> Evaluation:
        """Measure every network on a split."""
